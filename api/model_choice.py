"""Which model a request means.

A request's `model` may be the id of the model that serves the route, its short name ("starcoder",
"embedded"), the slot's name ("base", "chat"), nothing, or one of `PLACEHOLDERS`. The name of
another model of the StarCoder family is taken too, with or without an Ollama tag
("starcoder2:3b"): llm-ls sends the `modelId` that it was set up with, by default
"bigcode/starcoder", whatever the server runs, and Zed infers its prompt format from such a name.
The answer's `model` says which one it was that wrote. Every other name is refused with a list of
those that there are.
"""

from __future__ import annotations

from api.asking import Asker
from api.errors import Kind, Problem
from api.refusals import RefusedError
from api.strict_body import shown_name
from model.engine.generation import Slot
from model.presets import find_hub_preset
from model.served import ServedModel, plain_name, served_models

# What people write where a server has one model: Hugging Face's examples say "tgi", LM Studio's
# "local-model", Continue's "AUTODETECT"; huggingface_hub sends "dummy" to a server it has by URL.
PLACEHOLDERS = frozenset(
    {"", "default", "auto", "autodetect", "dummy", "local", "local-model", "tgi"}
)

# Names of whole families, as Zed and Ollama have them.
FAMILIES: dict[str, Slot] = {"starcoder2": "base", "starchat": "chat"}

ROUTES: dict[Slot, str] = {"base": "/v1/completions", "chat": "/v1/chat/completions"}


def model_for(asker: Asker, slot: Slot, name: str | None) -> ServedModel:
    """The slot's model, which a request calls `name`.

    Raises:
        PlaygroundError: it is not there yet, or could not be loaded.
        RefusedError: `name` is another model's, or nobody's.
    """
    asker.check_ready(slot)
    models = served_models(asker.service.residency)
    own = next(model for model in models if slot in model.slots)
    wanted = plain_name(name or "")
    if wanted in PLACEHOLDERS or wanted == slot or wanted in own.names:
        return own
    is_elsewhere = any(wanted in model.names for model in models)
    if not is_elsewhere and _stands_for(wanted) == slot:
        return own
    if is_elsewhere or _stands_for(wanted) is not None:
        message = (
            f"{shown_name(name or '')} is not a model for {ROUTES[slot]}, where {own.id} answers."
        )
        raise _not_found(f"{message} {_list(models)}")
    raise no_such_model(name or "", models)


def is_chat_model(asker: Asker, name: str | None) -> bool:
    """Whether `name` is that of the chat slot's model, and not of the base slot's."""
    wanted = plain_name(name or "")
    names: dict[Slot, set[str]] = {"base": set(), "chat": {"chat"}}
    for model in served_models(asker.service.residency):
        for slot in model.slots:
            names[slot] |= model.names
    return wanted in names["chat"] - names["base"]


def no_such_model(name: str, models: tuple[ServedModel, ...]) -> RefusedError:
    """Nobody here is called `name`, of which no more is sent back than people write."""
    return _not_found(f"There is no model '{shown_name(name)}' here. {_list(models)}")


def _stands_for(name: str) -> Slot | None:
    """Which slot's model answers for a model of the family that is not here."""
    if name in FAMILIES:
        return FAMILIES[name]
    preset = find_hub_preset(name)
    if preset is None:
        return None
    return "base" if preset.dialogue is None else "chat"


def _list(models: tuple[ServedModel, ...]) -> str:
    served = [f"{model.id} ({', '.join(ROUTES[slot] for slot in model.slots)})" for model in models]
    return f"There are: {', '.join(served)}." if served else "No model is loaded yet."


def _not_found(message: str) -> RefusedError:
    return RefusedError(Problem(Kind.NOT_FOUND, message, "model_not_found", "model"))

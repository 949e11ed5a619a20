"""The models as OpenAI's clients see them: `GET /v1/models`, and what a request may call them.

Form: OpenAI's API reference ("Models"); Open WebUI and chat-ui find a server's models only there.
Further keys of ours: what a model can do, and vLLM's `max_model_len`.

A request's `model` may be the id of the model that serves the route, its short name ("starcoder",
"embedded"), the slot's name ("base", "chat"), nothing, or one of `PLACEHOLDERS`. The name of
another model of the StarCoder family is taken too, with or without an Ollama tag
("starcoder2:3b"): llm-ls sends the `modelId` that it was set up with, by default
"bigcode/starcoder", whatever the server runs, and Zed infers its prompt format from such a name.
The answer's `model` says which one it was that wrote. Every other name is refused with a list of
those that there are.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter

from api.asking import Asker
from api.errors import Kind, Problem
from api.model_names import names_of, plain_name
from api.refusals import RefusedError
from model.engine.base import ResidentModel
from model.engine.generation import SLOTS, Slot
from model.loading.residency import Residency
from model.loading.slot import Parked, Ready
from model.presets import ModelPreset, find_hub_preset
from model.sampling import SamplingParams

# What people write where a server has one model: Hugging Face's examples say "tgi", LM Studio's
# "local-model", Continue's "AUTODETECT"; huggingface_hub sends "dummy" to a server it has by URL.
PLACEHOLDERS = frozenset(
    {"", "default", "auto", "autodetect", "dummy", "local", "local-model", "tgi"}
)

# Names of whole families, as Zed and Ollama have them.
FAMILIES: dict[str, Slot] = {"starcoder2": "base", "starchat": "chat"}

ROUTES: dict[Slot, str] = {"base": "/v1/completions", "chat": "/v1/chat/completions"}


@dataclass(frozen=True, slots=True)
class ServedModel:
    """A model that is in memory, or comes back there when it is asked.

    Attributes:
        id: what clients call it: the repository's name, or else the preset's with the slot's.
        slots: that it serves.
        resident: None while the other slot's model has the memory.
    """

    id: str
    preset: ModelPreset
    slots: tuple[Slot, ...]
    resident: ResidentModel | None

    @property
    def names(self) -> frozenset[str]:
        return names_of(self.preset) | {self.id.casefold()}

    @property
    def sampling(self) -> SamplingParams:
        """The settings that its card recommends, or else ours."""
        return self.preset.sampling or SamplingParams()

    def describe(self) -> dict[str, Any]:
        """An entry of the list."""
        resident, preset = self.resident, self.preset
        known = resident or preset
        shape = preset.shape
        return {
            "id": self.id,
            "object": "model",
            "created": 0,
            "owned_by": self.id.rpartition("/")[0] or "local",
            "max_model_len": (
                resident.context_length if resident else shape.context_length if shape else None
            ),
            "capabilities": {
                "completion": "base" in self.slots,
                "infill": "base" in self.slots and known.infill is not None,
                "chat": "chat" in self.slots and known.dialogue is not None,
            },
        }


def served_models(residency: Residency) -> tuple[ServedModel, ...]:
    """Of each slot whose model is there; one for both slots where both have the same."""
    models: dict[str, ServedModel] = {}
    for slot in SLOTS:
        status = residency.status(slot)
        if not isinstance(status, Ready | Parked):
            continue
        preset = residency.preset(slot)
        resident = status.resident if isinstance(status, Ready) else None
        id_ = preset.repo_id or f"{preset.name}-{slot}"
        slots = (*models[id_].slots, slot) if id_ in models else (slot,)
        models[id_] = ServedModel(id_, preset, slots, resident)
    return tuple(models.values())


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
        raise _not_found(
            f"{name} is not a model for {ROUTES[slot]}, where {own.id} answers. {_list(models)}"
        )
    raise _not_found(f"There is no model {name!r} here. {_list(models)}")


def build_routes(asker: Asker) -> APIRouter:
    router = APIRouter(tags=["OpenAI"])

    @router.get("/v1/models")
    async def list_models() -> dict[str, Any]:
        """The models that are loaded, and what each can do."""
        models = served_models(asker.service.residency)
        return {"object": "list", "data": [model.describe() for model in models]}

    @router.get("/v1/models/{id:path}")
    async def get_model(id: str) -> dict[str, Any]:
        """One model, by its id or short name."""
        models = served_models(asker.service.residency)
        for model in models:
            if plain_name(id) in model.names:
                return model.describe()
        raise _not_found(f"There is no model {id!r} here. {_list(models)}")

    return router


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

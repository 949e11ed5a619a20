"""A tab's request as a call that somebody can copy: for curl, for `openai` and for `gradio_client`.

Each makes the engine run the same as the page. Where a route would make other tokens of the texts,
the prompt goes as token ids; where it cannot be told what is asked, the call is refused.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from model.engine.base import ResidentModel
from model.engine.generation import GenerationRequest
from model.errors import PlaygroundError
from model.fitting import FittedRequest, fit
from model.prompts import assistant
from model.prompts.dialogue import Message
from model.prompts.raw import RAW_TOKENS
from model.prompts.segments import Part, Text, render
from model.requests import (
    AssistantRequest,
    ChatRequest,
    CompletionRequest,
    EditRequest,
    InfillRequest,
    NotebookRequest,
    PlaygroundRequest,
    RawRequest,
    TokensRequest,
)
from model.sampling import SamplingParams
from ui.controls import CONTINUE_DEFAULTS, INFILL_DEFAULTS, chat_defaults
from ui.literals import json_object, python_call, python_source
from ui.served import NO_KEY, Snippet

# The variable that the server's own key is read from.
KEY_VARIABLE = "STARCODER_API_KEY"

IDS_NOTE = "The prompt goes as token ids: as text this route would not make the same tokens of it."
REFUSAL = (
    "OpenAI’s protocol has no words for this request, so the answer would not be the page’s. "
    "Python (gradio_client) can ask for it."
)
BEGUN_REPLY = (
    "No call can begin the reply with given words. Empty “Begin the reply with” for code that asks "
    "for the rest."
)


@dataclass(frozen=True, slots=True)
class Asked:
    """What a tab would ask for now, and of whom.

    Attributes:
        fitted: the same for `resident`, as the page runs it.
        address: of this server, without a slash at its end.
        model: what the server calls the model in `/v1/models`.
    """

    request: PlaygroundRequest
    fitted: FittedRequest
    resident: ResidentModel
    address: str
    model: str
    needs_key: bool


def build_call(form: str, asked: Asked) -> Snippet:
    """The call in `form`, a name in `FORMS`."""
    return _BUILDERS[form](asked)


# OpenAI's routes


@dataclass(frozen=True, slots=True)
class _Body:
    """Fields of a body, and the request that the route reads in them."""

    path: str
    fields: Mapping[str, Any]
    request: PlaygroundRequest

    @property
    def has_ids(self) -> bool:
        return isinstance(self.request, TokensRequest)


def _curl(asked: Asked) -> Snippet:
    body = _find_body(asked)
    if body is None:
        return _refused(asked, "Terminal", "bash")
    fields = {"model": asked.model, **body.fields, **_settings_in(body.path, asked)}
    # Quoted, so that the shell reads nothing in it; JSON has no line that is only a word.
    key = f'  -H "Authorization: Bearer ${KEY_VARIABLE}" \\\n' if asked.needs_key else ""
    code = (
        f"curl -sS {shlex.quote(asked.address + body.path)} \\\n"
        f"  -H 'Content-Type: application/json' \\\n{key}"
        f"  --data-binary @- <<'EOF'\n{json_object(fields)}\nEOF\n"
    )
    steps = ["Run this in a terminal of a Unix shell.", *_notes(asked, body)]
    return Snippet("Terminal", "bash", code, tuple(steps))


def _openai(asked: Asked) -> Snippet:
    body = _find_body(asked)
    if body is None:
        return _refused(asked, "Python", "python")
    settings = _settings_in(body.path, asked)
    more = {name: settings.pop(name) for name in _NOT_OPENAIS if name in settings}
    arguments = {"model": asked.model, **body.fields, **settings}
    arguments |= {"extra_body": more} if more else {}
    head, key = "", python_source(NO_KEY)
    if asked.needs_key:
        head, key = "import os\n\n", f'os.environ["{KEY_VARIABLE}"]'
    is_chat = isinstance(body.request, ChatRequest)
    function = "client.chat.completions.create" if is_chat else "client.completions.create"
    text = 'chunk.choices[0].delta.content or ""' if is_chat else "chunk.choices[0].text"
    code = (
        f"{head}from openai import OpenAI\n\n"
        f"client = OpenAI(base_url={python_source(f'{asked.address}/v1')}, api_key={key})\n\n"
        f"answer = {python_call(function, {**arguments, 'stream': True})}\n"
        "for chunk in answer:\n"
        f'    print({text}, end="", flush=True)\n'
    )
    steps = [_install("openai"), *_notes(asked, body)]
    return Snippet("Python", "python", code, tuple(steps))


def _find_body(asked: Asked) -> _Body | None:
    """The most readable body that makes the engine run what the page makes it run."""
    wanted = asked.fitted.generation
    for body in _bodies(asked.request, asked.fitted, asked.resident):
        try:
            found = fit(body.request, asked.resident, overflow="refuse").generation
        except PlaygroundError:
            continue
        if _essence(found) == _essence(wanted):
            return body
    return None


def _essence(generation: GenerationRequest) -> tuple[object, ...]:
    """All that the text depends on."""
    return (
        generation.prompt_ids,
        generation.healed,
        generation.is_start_stripped,
        generation.params,
        frozenset(generation.stop_token_ids),
    )


def _bodies(
    request: PlaygroundRequest, fitted: FittedRequest, resident: ResidentModel
) -> Iterator[_Body]:
    """Bodies that may do, the most readable first; what the page leaves out is left out of all
    but the first."""
    params = request.params
    match request:
        case CompletionRequest(header=header) if header:
            # The route reads the header's tokens in a prompt that comes alone.
            text = render(fitted.prompt) + fitted.generation.healed
            yield _Body("/v1/completions", {"prompt": text}, RawRequest(text, params))
        case CompletionRequest(prompt):
            yield _completion_body(prompt, params)
            yield _completion_body(_kept(fitted, "prompt") + fitted.generation.healed, params)
        case InfillRequest(prefix, suffix):
            yield _infill_body(prefix, suffix, params)
            prefix = _kept(fitted, "prefix") + fitted.generation.healed
            yield _infill_body(prefix, _kept(fitted, "suffix"), params)
        case ChatRequest(system, messages):
            yield _chat_body(system, messages, params, resident)
            kept = sum(
                isinstance(item, Text) and item.part in ("user", "assistant")
                for item in fitted.prompt
            )
            yield _chat_body(system, messages[len(messages) - kept :], params, resident)
        case _:
            pass
    if isinstance(request, CompletionRequest | InfillRequest):
        ids = fitted.generation.prompt_ids
        yield _Body("/v1/completions", {"prompt": list(ids)}, TokensRequest(ids, params))


def _completion_body(prompt: str, params: SamplingParams) -> _Body:
    # The route reads infill tokens in a prompt that comes alone.
    if any(token in prompt for token in RAW_TOKENS):
        fields = {"prompt": prompt, "suffix": ""}
        return _Body("/v1/completions", fields, CompletionRequest(prompt, params))
    return _Body("/v1/completions", {"prompt": prompt}, RawRequest(prompt, params))


def _infill_body(prefix: str, suffix: str, params: SamplingParams) -> _Body:
    # The route carries on from a prompt whose suffix is empty.
    request = InfillRequest(prefix, suffix, params) if suffix else CompletionRequest(prefix, params)
    return _Body("/v1/completions", {"prompt": prefix, "suffix": suffix}, request)


def _chat_body(
    system: str, messages: tuple[Message, ...], params: SamplingParams, resident: ResidentModel
) -> _Body:
    turns = _turns(messages)
    # Without a system message the route puts in the model's own.
    if resident.dialogue is not None and system != resident.dialogue.default_system:
        turns.insert(0, {"role": "system", "content": system})
    return _Body("/v1/chat/completions", {"messages": turns}, ChatRequest(system, messages, params))


def _kept(fitted: FittedRequest, part: Part) -> str:
    texts = (item for item in fitted.prompt if isinstance(item, Text))
    return "".join(item.text for item in texts if item.part == part)


# Of a body's settings, those that OpenAI's library has no argument for.
_NOT_OPENAIS = ("top_k", "min_p", "repetition_penalty")
_ROUTE_SETTINGS = ("temperature", "top_p", *_NOT_OPENAIS, "seed")


def _settings_in(path: str, asked: Asked) -> dict[str, Any]:
    """The length, and what differs from the settings that the route has for this model."""
    params = asked.request.params
    defaults = asked.resident.preset.sampling or SamplingParams()
    settings: dict[str, Any] = {"max_tokens": params.max_new_tokens}
    for name in _ROUTE_SETTINGS:
        if getattr(params, name) != getattr(defaults, name):
            settings[name] = getattr(params, name)
    if params.stop:
        settings["stop"] = list(params.stop)
    return settings


# Gradio's end points


def _gradio_client(asked: Asked) -> Snippet:
    params = asked.request.params
    match asked.request:
        case CompletionRequest() as completion:
            name, defaults = "/continue", CONTINUE_DEFAULTS
            arguments = _completion_arguments(completion)
        case EditRequest(code, instruction):
            name, defaults = "/edit", CONTINUE_DEFAULTS
            arguments = {"code": code, "instruction": instruction}
        case NotebookRequest(cells, next_kind):
            name, defaults = "/notebook", CONTINUE_DEFAULTS
            told = [{"kind": cell.kind, "text": cell.text} for cell in cells]
            arguments = {"cells": told, "next_cell": next_kind or "same"}
        case InfillRequest(begun="") as infill:
            name, defaults = "/infill", INFILL_DEFAULTS
            arguments = _infill_arguments(infill)
        case ChatRequest(system, messages, reply=""):
            name, defaults = "/chat", chat_defaults(asked.resident.preset)
            arguments = _chat_arguments(messages) | ({"system": system} if system else {})
        case AssistantRequest(messages, reply=""):
            name, defaults = "/chat", assistant.SAMPLING
            arguments = {**_chat_arguments(messages), "answered_by": "assistant"}
        case _:
            return _refused(asked, "Python", "python")
    if settings := _settings_beside(defaults, params):
        arguments["settings"] = settings
    source = (
        "from gradio_client import Client\n\n"
        f"client = Client({python_source(asked.address)}, verbose=False)\n\n"
        f"text = {python_call('client.predict', {**arguments, 'api_name': name})}\n"
        "print(text)\n"
    )
    # Its end points are the page's, which asks for no key.
    return Snippet("Python", "python", source, (_install("gradio_client"),))


def _completion_arguments(completion: CompletionRequest) -> dict[str, Any]:
    header, arguments = completion.header, {"prompt": completion.prompt}
    told: dict[str, Any] = {"path": header.path, "repo_name": header.repo_name}
    told |= {"exercise": header.is_exercise}
    stars = {"stars": int(header.stars)} if header.stars else {}
    return arguments | {name: value for name, value in told.items() if value} | stars


def _infill_arguments(infill: InfillRequest) -> dict[str, Any]:
    arguments: dict[str, Any] = {"prefix": infill.prefix, "suffix": infill.suffix}
    if infill.order is not None:
        arguments["order"] = infill.order
    if infill.path:
        arguments["path"] = infill.path
    if infill.repo_name:
        arguments["repo_name"] = infill.repo_name
    if infill.context:
        arguments["context"] = [{"path": file.path, "text": file.text} for file in infill.context]
    return arguments


def _chat_arguments(messages: tuple[Message, ...]) -> dict[str, Any]:
    *before, last = messages
    history = _turns(tuple(before))
    return {"message": last.text} | ({"history": history} if history else {})


def _settings_beside(defaults: SamplingParams, params: SamplingParams) -> dict[str, Any]:
    """What differs from the end point's defaults; a stop string is a list's."""
    given = asdict(replace(params, stop=()))
    default = asdict(replace(defaults, stop=()))
    settings = {name: value for name, value in given.items() if value != default[name]}
    return settings | ({"stop": list(params.stop)} if params.stop != defaults.stop else {})


# What both have


def _turns(messages: tuple[Message, ...]) -> list[dict[str, str]]:
    return [{"role": message.role, "content": message.text} for message in messages]


def _notes(asked: Asked, body: _Body) -> list[str]:
    notes = []
    if asked.needs_key:
        notes.append(f"Set the variable `{KEY_VARIABLE}` to your key before.")
    if body.has_ids:
        notes.append(IDS_NOTE)
    elif asked.fitted.dropped:
        notes.append("What does not fit into the context is left out, as the page leaves it out.")
    return notes


def _install(package: str) -> str:
    return f"Install it with `pip install {package}`, and run this in a file or a notebook."


def _refused(asked: Asked, place: str, lexer: str) -> Snippet:
    is_begun = bool(getattr(asked.request, "reply", ""))
    return Snippet(place, lexer, "", (), BEGUN_REPLY if is_begun else REFUSAL)


FORMS: Mapping[str, str] = {
    "curl": "curl",
    "openai": "Python (openai)",
    "gradio-client": "Python (gradio_client)",
}
_BUILDERS: Mapping[str, Callable[[Asked], Snippet]] = {
    "curl": _curl,
    "openai": _openai,
    "gradio-client": _gradio_client,
}

"""Ollama's routes, as llm-ls, Continue and Open WebUI call them.

Sources: ollama/ollama, docs/api.md and server/routes.go. Where this differs on purpose:

- A prompt over the context is refused, unless `truncate` is true.
- The models are those that are loaded here. None is fetched, made or unloaded by a request.
- A prompt with a suffix, an empty one too, spells no tokens out; in a prompt without one, infill
  and file tokens may be spelt, as llm-ls does.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass, replace
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response

from api.asking import Asker, client_name
from api.errors import OLLAMA, Problem
from api.hang_up import unless_gone
from api.live import NDJSON, LiveResponse, ndjson
from api.model_choice import model_for
from api.ollama import bodies
from api.ollama.bodies import ChatBody, GenerateBody, RequestBody, ShowBody
from api.ollama.models import name_of, process_body, show_body, tag_body
from api.refusals import unserved
from api.sampling_fields import CHAT_TOKENS
from api.turns import Turn, chat_request
from model.engine.events import Finished
from model.engine.generation import Slot
from model.requests import (
    ChatRequest,
    CompletionRequest,
    InfillRequest,
    Overflow,
    PlaygroundRequest,
    RawRequest,
)
from model.sampling import SamplingParams
from model.served import ServedModel, plain_name, served_models

# Whose API this is, in the form that clients compare; what stands after the dash is ours.
VERSION = "0.5.0-starcoder-playground"


def build_routes(asker: Asker) -> APIRouter:
    """All but `POST /api/generate`, which `api.shared` decides about."""
    router = APIRouter(tags=["Ollama"])
    started_at = bodies.now()

    @router.post("/api/chat")
    async def chat(request: Request, body: ChatBody) -> Response:
        """The chat model's next turn."""
        model = model_for(asker, "chat", body.wanted)
        if not body.messages:
            return JSONResponse(bodies.loaded(name_of(model), **_as_message("")))
        params = body.options.sampling(_chat_defaults(model))
        job = await unless_gone(request.receive, _chat_job(asker, body.messages, params))
        task = _Task(job, client_name(request), body.overflow, name_of(model), _as_message)
        return await _answer(asker, request, body, task)

    @router.get("/api/tags")
    async def tags() -> dict[str, Any]:
        """The models that are loaded."""
        models = served_models(asker.service.residency)
        return {"models": [tag_body(model, started_at) for model in models]}

    @router.get("/api/ps")
    async def running() -> dict[str, Any]:
        """The models that are in memory."""
        models = served_models(asker.service.residency)
        return {"models": [process_body(model) for model in models if model.resident]}

    @router.post("/api/show")
    async def show(body: ShowBody) -> dict[str, Any]:
        """What a model can do. Continue infills where `template` speaks of a suffix."""
        models = served_models(asker.service.residency)
        wanted = plain_name(body.wanted)
        named = next((model for model in models if wanted in model.names), None)
        return show_body(named or model_for(asker, "base", body.wanted), started_at)

    @router.get("/api/version")
    async def version() -> dict[str, Any]:
        """Whose API this is."""
        return {"version": VERSION}

    return router


async def generate(asker: Asker, request: Request, body: GenerateBody) -> Response:
    """`POST /api/generate`: a completion, an infill, or one turn of the chat model."""
    slot: Slot = "chat" if _names_chat_model(asker, body) else "base"
    model = model_for(asker, slot, body.wanted)
    if not (body.prompt or body.suffix):
        return JSONResponse(bodies.loaded(name_of(model), response=""))
    job: PlaygroundRequest
    if slot == "chat":
        params = body.options.sampling(body.parameters.sampling(_chat_defaults(model)))
        turns = [Turn(role="user", content=body.prompt)]
        if body.system:
            turns.insert(0, Turn(role="system", content=body.system))
        job = await unless_gone(request.receive, _chat_job(asker, turns, params))
    else:
        job = _completion_job(body)
    task = _Task(job, client_name(request), body.overflow, name_of(model), _as_response)
    return await _answer(asker, request, body, task)


def _names_chat_model(asker: Asker, body: GenerateBody) -> bool:
    """Whether the one it names is for chats only; Ollama then puts the prompt into its template."""
    if body.raw or body.suffix is not None:
        return False
    wanted = plain_name(body.wanted)
    models = served_models(asker.service.residency)
    slots = {slot for model in models if wanted in model.names for slot in model.slots}
    return slots == {"chat"}


def _completion_job(body: GenerateBody) -> PlaygroundRequest:
    """
    Raises:
        RefusedError: it has a system prompt, which no completion has a place for.
    """
    if body.system:
        raise unserved("system", "'system' is for chats: name a chat model, or use /api/chat.")
    params = body.sampling()
    if body.suffix:
        return InfillRequest(body.prompt, body.suffix, params)
    if body.suffix is not None and not body.raw:
        return CompletionRequest(body.prompt, params)
    return RawRequest(body.prompt, params)


async def _chat_job(asker: Asker, turns: list[Turn], params: SamplingParams) -> ChatRequest:
    async with asker.model("chat") as resident:
        return chat_request(turns, resident, params)


def _chat_defaults(model: ServedModel) -> SamplingParams:
    return replace(model.sampling, max_new_tokens=CHAT_TOKENS)


@dataclass(frozen=True, slots=True)
class _Task:
    """A request on its way, and how its answer is written.

    `name` is the model's; `put` makes a text a part of an answer.
    """

    job: PlaygroundRequest
    client: str
    overflow: Overflow
    name: str
    put: Callable[[str], dict[str, Any]]


async def _answer(asker: Asker, request: Request, body: RequestBody, task: _Task) -> Response:
    if not body.stream:
        return JSONResponse(await unless_gone(request.receive, _whole(asker, task)))
    return await LiveResponse.begin(
        request, _lines(asker, task), media_type=NDJSON, error_frame=_error_line
    )


async def _whole(asker: Asker, task: _Task) -> dict[str, Any]:
    async with asker.ask(task.job, task.client, overflow=task.overflow) as answer:
        completion = await answer.whole()
        return bodies.final(task.name, completion.finished, **task.put(completion.text))


async def _lines(asker: Asker, task: _Task) -> AsyncGenerator[bytes, None]:
    """Nothing once the engine has taken the request, then each piece of text, then the figures."""
    async with asker.ask(task.job, task.client, overflow=task.overflow) as answer:
        yield b""
        async for event in answer:
            if isinstance(event, Finished):
                yield ndjson(bodies.final(task.name, event, **task.put("")))
            elif event.text:
                yield ndjson(bodies.step(task.name, **task.put(event.text)))


def _as_response(text: str) -> dict[str, Any]:
    return {"response": text}


def _as_message(text: str) -> dict[str, Any]:
    return {"message": {"role": "assistant", "content": text}}


def _error_line(problem: Problem) -> bytes:
    return ndjson(OLLAMA.body(problem, OLLAMA.status(problem.kind)))

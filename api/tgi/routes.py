"""TGI's routes, and the hosted Inference API's as llm-ls's `huggingface` backend calls it.

Sources: text-generation-inference, router/src/server.rs (`generate_internal`,
`generate_stream_internal`, `compat_generate`, `get_chat_tokenize`) and router/src/lib.rs (`Info`,
`Details`, `StreamResponse`).

Where this differs from TGI, on purpose:

- A stop string ends the text and is left out of it; in TGI it is the text's end. Editors show what
  they get as it is, and clients that cut a stop string off by themselves find none to cut.
- No sampling parameter at all means greedy, even where there are no `parameters` at all.
- What is wrong before the first token is an answer with its status, for streams too. After it, it
  is an event, as in TGI.
- Each token of a stream is told when the next one is there, see `token_steps`.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response

from api.asking import Asker, client_name
from api.errors import TGI, Problem
from api.hang_up import unless_gone
from api.live import SSE, SSE_BEAT, LiveResponse, tgi_sse
from api.long_answers import answer_list
from api.model_choice import model_for
from api.tgi.answers import Transcript, compute_type
from api.tgi.bodies import ChatTokenizeBody, GenerateBody
from api.tgi.tokens import LastSteps, TokenStep, place_tokens, token_steps
from api.turns import chat_request
from model.errors import UnavailableError
from model.fitting import fit
from model.prompts.raw import parse_raw
from model.prompts.segments import render
from model.prompts.texts import check_texts
from model.sampling import MAX_STOP_STRINGS, SamplingParams

ROUTER = "starcoder-playground"
VERSION = "0.1.0"


def build_routes(asker: Asker) -> APIRouter:
    router = APIRouter(tags=["TGI"])

    @router.post("/generate")
    async def generate(request: Request, body: GenerateBody) -> Response:
        """A prompt's continuation. Infill and file tokens may be spelt out in it."""
        return await _Exchange(asker, request, body).answer()

    @router.post("/generate_stream")
    async def generate_stream(request: Request, body: GenerateBody) -> Response:
        """The same token by token, as server-sent events."""
        return await _Exchange(asker, request, body).stream()

    @router.post("/")
    async def compatible_generate(request: Request, body: GenerateBody) -> Response:
        """The same in a list and with the prompt, as the hosted Inference API answers."""
        return await _Exchange(asker, request, body, is_compatible=True).answer()

    @router.post("/models/{model_id:path}")
    async def model_generate(request: Request, model_id: str, body: GenerateBody) -> Response:
        """The same of a model that is named; llm-ls's `huggingface` backend asks here."""
        model_for(asker, "base", model_id)
        return await _Exchange(asker, request, body, is_compatible=True).answer()

    @router.get("/info")
    async def info() -> dict[str, Any]:
        """Which model answers here, and its limits."""
        return _info(asker)

    @router.post("/chat_tokenize")
    async def chat_tokenize(request: Request, body: ChatTokenizeBody) -> dict[str, Any]:
        """A conversation as the chat model's prompt, and its tokens."""
        return await unless_gone(request.receive, _chat_tokenize(asker, body))

    return router


async def tokenize(asker: Asker, text: str) -> Response:
    """The tokens of `text` as `/generate` reads them: [{"id", "text", "start", "stop"}].

    Raises:
        PromptError: no model can take it.
        PlaygroundError: there is no model yet.
    """
    check_texts([("inputs", text)])
    async with asker.model("base") as resident:
        prompt = parse_raw(text, resident.tokenizer.special_id)
        return await answer_list(partial(place_tokens, prompt, resident.tokenizer))


async def _chat_tokenize(asker: Asker, body: ChatTokenizeBody) -> dict[str, Any]:
    async with asker.model("chat") as resident:
        request = chat_request(body.messages, resident, SamplingParams())
        fitted = await asyncio.to_thread(fit, request, resident, overflow="refuse")
        tokens = await asyncio.to_thread(place_tokens, fitted.prompt, resident.tokenizer)
        return {"tokenize_response": tokens, "templated_text": render(fitted.prompt)}


def _info(asker: Asker) -> dict[str, Any]:
    """`Info`, and two fields of older versions of it. A parked model stays parked."""
    served = model_for(asker, "base", None)
    resident = served.resident
    context_length = served.context_length or 0
    return {
        "model_id": served.id,
        "model_sha": served.preset.revision,
        "model_dtype": resident.precision if resident else None,
        "model_device_type": compute_type(resident) if resident else None,
        "model_pipeline_tag": "text-generation",
        # One runs.
        "max_concurrent_requests": 1 + asker.service.engine.health.max_waiting,
        "max_best_of": 1,
        "max_stop_sequences": MAX_STOP_STRINGS,
        "max_input_tokens": max(0, context_length - 1),
        "max_total_tokens": context_length,
        "validation_workers": 1,
        "max_client_batch_size": 1,
        "router": ROUTER,
        "version": VERSION,
        "sha": None,
        "docker_label": None,
    }


@dataclass(frozen=True)
class _Exchange:
    """One request for text, and how it is answered.

    Attributes:
        is_compatible: in a list, and with the prompt unless that is asked to be left out.
    """

    asker: Asker
    request: Request
    body: GenerateBody
    is_compatible: bool = False

    async def answer(self) -> Response:
        """Whole, or as a stream where the body asks for one."""
        if self.body.stream:
            return await self.stream()
        return await unless_gone(self.request.receive, self._whole())

    async def stream(self) -> Response:
        headers: dict[str, str] = {}
        frames = self._frames(headers)
        response = await LiveResponse.begin(
            self.request, frames, media_type=SSE, error_frame=_error_frame, beat=SSE_BEAT
        )
        response.headers.update(headers)
        return response

    async def _whole(self) -> Response:
        started_at = time.monotonic()
        wants_logprobs = self.body.parameters.details
        async with self._ask(wants_logprobs=wants_logprobs) as (transcript, steps):
            async for step in steps:
                if isinstance(step, TokenStep):
                    transcript.steps.append(step)
                    continue
                transcript.steps.extend(step.steps)
                generated = transcript.whole(step.finished)
                seconds = time.monotonic() - started_at
                return JSONResponse(
                    [generated] if self.is_compatible else generated,
                    headers=transcript.headers() | transcript.last_headers(step.finished, seconds),
                )
        raise _called_off()

    async def _frames(self, headers: dict[str, str]) -> AsyncGenerator[bytes, None]:
        """An empty frame once the engine has taken the request and `headers` are filled in; then
        each token, and the last one with all of the text."""
        # TGI tells them unasked. An engine that cannot leaves them out, unless they were asked for.
        can_tell = self.asker.service.engine.capabilities.alternatives
        wants_logprobs = can_tell or self.body.parameters.details
        async with self._ask(wants_logprobs=wants_logprobs) as (transcript, steps):
            headers.update(transcript.headers())
            yield b""
            async for step in steps:
                if isinstance(step, TokenStep):
                    transcript.steps.append(step)
                    yield tgi_sse(transcript.event())
                    continue
                for held in step.steps[:-1]:
                    transcript.steps.append(held)
                    yield tgi_sse(transcript.event())
                transcript.steps.extend(step.steps[-1:])
                yield tgi_sse(transcript.last_event(step.finished))
                return
            raise _called_off()

    @asynccontextmanager
    async def _ask(
        self, *, wants_logprobs: bool
    ) -> AsyncIterator[tuple[Transcript, AsyncIterator[TokenStep | LastSteps]]]:
        generate = self.body.request(wants_logprobs=wants_logprobs)
        async with (
            self.asker.ask(generate, client_name(self.request)) as answer,
            aclosing(token_steps(answer, answer.resident.tokenizer)) as steps,
        ):
            yield Transcript(self.body, answer.resident, self.is_compatible), steps


def _error_frame(problem: Problem) -> bytes:
    return tgi_sse(TGI.body(problem, TGI.status(problem.kind)))


def _called_off() -> UnavailableError:
    return UnavailableError("The generation was called off.", "Try again.")

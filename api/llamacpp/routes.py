"""llama.cpp's routes, as llama.vim, llama.vscode and its own page call them.

Source: ggml-org/llama.cpp, tools/server/README.md and tools/server/server-context.cpp. Where this
differs on purpose:

- `/infill` puts `prompt` behind `input_prefix`, as llama.cpp's code does; its README says
  otherwise. What does not fit is left out, the other files first, and `truncated` says so.
- Other files are told to models whose format has a place for them, and else left out with a note.
- One completion is written, whatever `n_cmpl` says.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response

from api.asking import Answer, Asker, client_name
from api.errors import LLAMACPP, Kind, Problem
from api.hang_up import unless_gone
from api.live import SSE, SSE_BEAT, LiveResponse, sse
from api.llamacpp import bodies
from api.llamacpp.bodies import (
    CompletionBody,
    CompletionOptions,
    CompletionText,
    DetokenizeBody,
    InfillBody,
    TemplateBody,
    TokenizeBody,
)
from api.llamacpp.limits import LineLimits
from api.long_answers import answer_list
from api.model_choice import model_for
from api.refusals import RefusedError
from api.turns import chat_request
from model.engine.base import ResidentModel
from model.engine.events import Finished, Timings, Usage
from model.fitting import fit
from model.prompts.infill import RepositoryFile
from model.prompts.raw import parse_raw
from model.prompts.segments import Special, render
from model.prompts.texts import check_texts
from model.requests import InfillRequest, Overflow, RawRequest, TokensRequest
from model.sampling import SamplingParams
from model.trimming import read_ids

Job = InfillRequest | RawRequest | TokensRequest

NO_PLACE_FOR_FILES = (
    "input_extra was left out: {title} has no tokens for other files. StarCoder 2 models have."
)


def build_routes(asker: Asker) -> APIRouter:
    router = APIRouter(tags=["llama.cpp"])

    @router.post("/infill")
    async def infill(request: Request, body: InfillBody) -> Response:
        """What stands between a prefix and a suffix."""
        model_for(asker, "base", body.model)
        job, notes = await unless_gone(request.receive, _infill_job(asker, body))
        if body.is_warm_up:
            return await unless_gone(request.receive, _warm_up(asker, request, job, body))
        return await _answer(asker, request, job, body, notes, overflow="trim")

    @router.post("/completion")
    @router.post("/completions")
    async def completion(request: Request, body: CompletionBody) -> Response:
        """A prompt's continuation. Infill and file tokens may be spelt out in it."""
        model_for(asker, "base", body.model)
        params = body.sampling(bodies.DEFAULTS)
        job: Job = (
            RawRequest(body.prompt, params)
            if isinstance(body.prompt, str)
            else TokensRequest(tuple(body.prompt), params)
        )
        if body.is_warm_up:
            return await unless_gone(request.receive, _warm_up(asker, request, job, body))
        return await _answer(asker, request, job, body, [], overflow="refuse")

    @router.post("/detokenize")
    async def detokenize(request: Request, body: DetokenizeBody) -> dict[str, Any]:
        """The text of token ids, special tokens by their spelling."""
        return await unless_gone(request.receive, _detokenize(asker, body))

    @router.post("/apply-template")
    async def apply_template(request: Request, body: TemplateBody) -> dict[str, Any]:
        """A conversation as the chat model's prompt, for people and counters to read."""
        return await unless_gone(request.receive, _apply_template(asker, body))

    @router.get("/props")
    async def props() -> dict[str, Any]:
        """Which model completes and infills here, and its context."""
        return _props(asker)

    @router.get("/slots")
    async def slots() -> None:
        """Not served: what other people's requests are at is nobody's business."""
        message = "This server does not tell of its slots. /health says how many requests wait."
        raise RefusedError(Problem(Kind.NOT_SERVED, message, "NotServed"))

    return router


async def tokenize(asker: Asker, body: TokenizeBody) -> Response:
    """The tokens of `content`, infill and file tokens spelt out in it counting as tokens unless
    `parse_special` is false.

    Raises:
        PlaygroundError: there is no model yet, or it can take no such text.
    """
    check_texts([("content", body.content)])
    async with asker.model("base") as resident:
        return await answer_list(partial(_tokens, body, resident), key="tokens")


def _tokens(body: TokenizeBody, resident: ResidentModel) -> Iterator[Any]:
    ids = _encode(body, resident)
    if not body.with_pieces:
        return iter(ids)
    text_of = resident.tokenizer.token_text
    return ({"id": id_, "piece": text_of(id_)} for id_ in ids)


def _encode(body: TokenizeBody, resident: ResidentModel) -> list[int]:
    tokenizer = resident.tokenizer
    if not body.parse_special:
        return tokenizer.encode_text(body.content)
    ids: list[int] = []
    for segment in parse_raw(body.content, tokenizer.special_id):
        if isinstance(segment, Special):
            special_id = tokenizer.special_id(segment.token)
            assert special_id is not None, "parse_raw finds only what the vocabulary has"
            ids.append(special_id)
        else:
            ids += tokenizer.encode_text(segment.text)
    return ids


async def _detokenize(asker: Asker, body: DetokenizeBody) -> dict[str, Any]:
    async with asker.model("base") as resident:
        return {"content": await asyncio.to_thread(_decode, body.tokens, resident)}


def _decode(ids: list[int], resident: ResidentModel) -> str:
    """Special tokens are silent in the tokenizer's own decoding."""
    return render(tuple(piece.segment for piece in read_ids(ids, resident.tokenizer)))


async def _apply_template(asker: Asker, body: TemplateBody) -> dict[str, Any]:
    async with asker.model("chat") as resident:
        job = chat_request(body.messages, resident, SamplingParams(max_new_tokens=1))
        fitted = await asyncio.to_thread(fit, job, resident, overflow="refuse")
        return {"prompt": render(fitted.prompt)}


def _props(asker: Asker) -> dict[str, Any]:
    """A parked model stays parked."""
    model = model_for(asker, "base", None)
    context_length = model.context_length or 0
    return {
        "default_generation_settings": {
            "id": 0,
            "n_ctx": context_length,
            "is_processing": asker.service.engine.health.num_running > 0,
            "params": bodies.settings_body(bodies.DEFAULTS, context_length),
        },
        "total_slots": 1,
        "model_path": model.preset.repo_id or model.preset.name,
        "model_alias": model.preset.name,
        "chat_template": "",
        "modalities": {"vision": False, "audio": False},
        "build_info": "starcoder-playground",
        "is_sleeping": False,
    }


async def _infill_job(asker: Asker, body: InfillBody) -> tuple[InfillRequest, list[str]]:
    """What to ask, and what was left out of it."""
    params = body.sampling(bodies.INFILL_DEFAULTS)
    prefix = body.input_prefix + body.prompt
    if not body.input_extra:
        return InfillRequest(prefix, body.input_suffix, params), []
    async with asker.model("base") as resident:
        dialect = resident.infill
        if dialect is None or dialect.repo_name is None:
            note = NO_PLACE_FOR_FILES.format(title=resident.preset.title)
            return InfillRequest(prefix, body.input_suffix, params), [note]
    files = tuple(RepositoryFile(file.filename, file.text) for file in body.input_extra)
    return InfillRequest(prefix, body.input_suffix, params, context=files), []


async def _warm_up(
    asker: Asker, request: Request, job: Job, options: CompletionOptions
) -> Response:
    """Compute what the next request's prompt begins with, while nobody else wants the model.

    An engine cannot be asked for a prompt alone: one token is written and thrown away.
    """
    usage, timings = Usage(0, 0, 0), Timings(0.0, None, 0.0)
    wanted = _first_of_many(job)
    health = asker.service.engine.health
    if wanted is not None and not (health.num_running or health.num_waiting):
        async with asker.ask(wanted, client_name(request), overflow="trim") as answer:
            finished = (await answer.whole()).finished
        usage, timings = finished.usage, finished.timings
    body = {
        "index": 0,
        "content": "",
        "tokens": [],
        "stop": True,
        "stop_type": "limit",
        "model": asker.service.residency.preset("base").name,
        "tokens_predicted": 0,
        "tokens_evaluated": usage.prompt_tokens,
        "tokens_cached": usage.prompt_tokens,
        "truncated": False,
        "timings": bodies.timings_body(Usage(usage.prompt_tokens, usage.reused_tokens, 0), timings),
    }
    return JSONResponse(bodies.pick(body, options.response_fields))


def _first_of_many(job: Job) -> Job | None:
    """`job` for one token; None where there is nothing to compute."""
    match job:
        case InfillRequest(prefix="", suffix=""):
            # llama.vim's: other files only. Any text makes a prompt that begins as the next will.
            return replace(job, prefix="\n", params=_for_one_token(job)) if job.context else None
        case RawRequest(prompt="") | TokensRequest(prompt_ids=()):
            return None
        case _:
            return replace(job, params=_for_one_token(job))


def _for_one_token(job: Job) -> SamplingParams:
    return replace(job.params, max_new_tokens=1)


async def _answer(
    asker: Asker,
    request: Request,
    job: Job,
    options: CompletionOptions,
    notes: list[str],
    *,
    overflow: Overflow,
) -> Response:
    frames = _frames(asker, job, client_name(request), options, notes, overflow)
    if not options.stream:
        return await unless_gone(request.receive, _only(frames))
    return await LiveResponse.begin(
        request, _encoded(frames), media_type=SSE, error_frame=_error_frame, beat=SSE_BEAT
    )


async def _only(frames: AsyncGenerator[dict[str, Any], None]) -> Response:
    """The last frame, which has all of a completion that is not streamed."""
    async with aclosing(frames):
        async for frame in frames:
            last = frame
        return JSONResponse(last)


async def _encoded(frames: AsyncGenerator[dict[str, Any], None]) -> AsyncGenerator[bytes, None]:
    async with aclosing(frames):
        async for frame in frames:
            yield sse(frame) if frame else b""


async def _frames(
    asker: Asker,
    job: Job,
    client: str,
    options: CompletionOptions,
    notes: list[str],
    overflow: Overflow,
) -> AsyncGenerator[dict[str, Any], None]:
    """An empty frame once the engine has taken the request, then each piece of text, then all."""
    async with asker.ask(job, client, overflow=overflow) as answer:
        yield {}
        num_tokens = 0
        ids: tuple[int, ...] = ()
        async with aclosing(_pieces(answer, options, notes)) as pieces:
            async for piece in pieces:
                if isinstance(piece, CompletionText):
                    name = answer.resident.preset.name
                    yield bodies.final(name, answer.fitted, piece, options)
                    return
                num_tokens += len(piece.token_ids)
                ids += piece.token_ids
                if piece.text:
                    yield bodies.partial(answer.fitted, piece.text, ids, num_tokens)
                    ids = ()


@dataclass(frozen=True, slots=True)
class _Piece:
    text: str
    token_ids: tuple[int, ...]


async def _pieces(
    answer: Answer, options: CompletionOptions, notes: list[str]
) -> AsyncGenerator[_Piece | CompletionText, None]:
    """The text as far as the limits let it through, and at last what it came to."""
    limits = LineLimits(options.n_indent, options.max_seconds)
    text = ""
    token_ids: list[int] = []
    is_over = False
    async for event in answer:
        if isinstance(event, Finished):
            rest = limits.flush()
            if rest:
                yield _Piece(rest, ())
            yield CompletionText(
                text + rest, token_ids, limits.has_new_line, limits.is_over, event, notes
            )
            return
        if is_over:
            continue
        shown = limits.feed(event.text)
        text += shown
        ids = () if event.id is None else (event.id,)
        token_ids += ids
        is_over = limits.is_over
        if is_over:
            answer.stop()
        yield _Piece(shown, ids)


def _error_frame(problem: Problem) -> bytes:
    return sse(LLAMACPP.body(problem, LLAMACPP.status(problem.kind)))

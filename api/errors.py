"""Errors of the playground as HTTP answers: what each kind is, and how each protocol says it.

Clients read the body and often nothing else, so an answer has the form of the protocol that its
path belongs to. Sources: TGI's router/src/server.rs, OpenAI's API reference, llama.cpp's
tools/server/README.md, Ollama's docs/api.md, llm-ls's crates/llm-ls/src/backend.rs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from math import ceil
from typing import Any

from fastapi import Request
from fastapi.responses import JSONResponse

from model.errors import (
    GenerationError,
    InvalidInputError,
    ModelLoadError,
    ModelNotReadyError,
    OutOfMemoryError,
    PlaygroundError,
    QueueFullError,
    RemoteBusyError,
    RemoteError,
    RemoteRefusedError,
    RemoteUnreachableError,
    SamplingParamsError,
    UnavailableError,
)

RETRY_AFTER_SECONDS = 2
# Nobody knows how long a model takes to load; llm-ls wants a number.
LOADING_SECONDS = 20.0


class Kind(StrEnum):
    """What went wrong, as far as a client has to tell."""

    VALIDATION = "validation"
    UNAUTHORIZED = "unauthorized"
    NOT_FOUND = "not_found"
    NOT_ALLOWED = "method_not_allowed"
    TOO_LARGE = "too_large"
    LOADING = "loading"
    OVERLOADED = "overloaded"
    UNAVAILABLE = "unavailable"
    GENERATION = "generation"
    NOT_SERVED = "not_served"
    WRONG_HOST = "wrong_host"


# The nearest ancestor in the table counts, so a new error has a kind from its first day.
KIND_BY_ERROR: dict[type[PlaygroundError], Kind] = {
    InvalidInputError: Kind.VALIDATION,
    UnavailableError: Kind.UNAVAILABLE,
    ModelNotReadyError: Kind.LOADING,
    QueueFullError: Kind.OVERLOADED,
    ModelLoadError: Kind.UNAVAILABLE,
    RemoteError: Kind.UNAVAILABLE,
    RemoteBusyError: Kind.OVERLOADED,
    RemoteRefusedError: Kind.VALIDATION,
    GenerationError: Kind.GENERATION,
    OutOfMemoryError: Kind.UNAVAILABLE,
}

STATUS_BY_KIND: dict[Kind, int] = {
    Kind.VALIDATION: 422,
    Kind.UNAUTHORIZED: 401,
    Kind.NOT_FOUND: 404,
    Kind.NOT_ALLOWED: 405,
    Kind.TOO_LARGE: 413,
    Kind.LOADING: 503,
    Kind.OVERLOADED: 503,
    Kind.UNAVAILABLE: 503,
    Kind.GENERATION: 500,
    Kind.NOT_SERVED: 501,
    Kind.WRONG_HOST: 421,
}


@dataclass(frozen=True, slots=True)
class Problem:
    """What a client is told.

    Attributes:
        message: what happened and what to do, for people; no prompt text.
        error_type: the error's name.
        field: of the request, that is to blame; empty where none is.
        can_retry: the same request may work in a moment.
        retry_after: seconds to wait before, where somebody knows.
    """

    kind: Kind
    message: str
    error_type: str
    field: str = ""
    can_retry: bool = False
    retry_after: float | None = None


@dataclass(frozen=True, slots=True)
class Protocol:
    """How a protocol says that something went wrong.

    Attributes:
        statuses: where they are not those of `STATUS_BY_KIND`.
    """

    name: str
    body: Callable[[Problem, int], dict[str, Any]]
    statuses: Mapping[Kind, int]

    def status(self, kind: Kind) -> int:
        return self.statuses.get(kind, STATUS_BY_KIND[kind])


def _own_body(problem: Problem, status: int) -> dict[str, Any]:
    return {"detail": problem.message, "error_type": problem.error_type}


def _tgi_body(problem: Problem, status: int) -> dict[str, Any]:
    body: dict[str, Any] = {"error": problem.message, "error_type": problem.kind.value}
    if problem.kind is Kind.LOADING:
        body["estimated_time"] = LOADING_SECONDS
    return body


_OPENAI_TYPES = {
    Kind.VALIDATION: "invalid_request_error",
    Kind.UNAUTHORIZED: "authentication_error",
    Kind.NOT_FOUND: "invalid_request_error",
    Kind.NOT_ALLOWED: "invalid_request_error",
    Kind.TOO_LARGE: "invalid_request_error",
    Kind.WRONG_HOST: "invalid_request_error",
    Kind.OVERLOADED: "rate_limit_error",
}


def _openai_body(problem: Problem, status: int) -> dict[str, Any]:
    """OpenAI's form, and beside it the one that llm-ls reads."""
    kind = _OPENAI_TYPES.get(problem.kind, "server_error")
    error = {
        "message": problem.message,
        "type": kind,
        "param": problem.field or None,
        "code": problem.error_type,
    }
    detail = {"loc": problem.field or "body", "msg": problem.message, "type": kind}
    return {"error": error, "detail": [detail]}


_LLAMACPP_TYPES = {
    Kind.UNAUTHORIZED: "authentication_error",
    Kind.NOT_FOUND: "not_found_error",
    Kind.LOADING: "unavailable_error",
    Kind.OVERLOADED: "unavailable_error",
    Kind.UNAVAILABLE: "unavailable_error",
    Kind.GENERATION: "server_error",
    Kind.NOT_SERVED: "not_supported_error",
}


def _llamacpp_body(problem: Problem, status: int) -> dict[str, Any]:
    kind = _LLAMACPP_TYPES.get(problem.kind, "invalid_request_error")
    return {"error": {"code": status, "message": problem.message, "type": kind}}


def _ollama_body(problem: Problem, status: int) -> dict[str, Any]:
    return {"error": problem.message}


OWN = Protocol("own", _own_body, {})
TGI = Protocol("TGI", _tgi_body, {Kind.OVERLOADED: 429, Kind.GENERATION: 424})
OPENAI = Protocol("OpenAI", _openai_body, {Kind.VALIDATION: 400, Kind.OVERLOADED: 429})
LLAMACPP = Protocol("llama.cpp", _llamacpp_body, {Kind.VALIDATION: 400})
OLLAMA = Protocol("Ollama", _ollama_body, {Kind.VALIDATION: 400})

# A path's protocol is that of the longest beginning that fits; the page and Gradio keep ours.
PROTOCOL_BY_PATH: dict[str, Protocol] = {
    "/generate": TGI,
    "/generate_stream": TGI,
    "/models/": TGI,
    "/info": TGI,
    "/tokenize": TGI,
    "/chat_tokenize": TGI,
    "/v1/": OPENAI,
    "/infill": LLAMACPP,
    "/completion": LLAMACPP,
    "/props": LLAMACPP,
    "/slots": LLAMACPP,
    "/detokenize": LLAMACPP,
    "/apply-template": LLAMACPP,
    "/tokenizer.json": OWN,
    "/api/": OLLAMA,
}


def protocol_of(method: str, path: str) -> Protocol:
    """Whose clients ask there."""
    if method == "POST" and path == "/":
        return TGI
    fitting = [start for start in PROTOCOL_BY_PATH if path.startswith(start)]
    return PROTOCOL_BY_PATH[max(fitting, key=len)] if fitting else OWN


def kind_of(error_type: type[PlaygroundError]) -> Kind:
    """The kind of errors of this type; `GENERATION` for one that the table says nothing of."""
    for ancestor in error_type.__mro__:
        if ancestor in KIND_BY_ERROR:
            return KIND_BY_ERROR[ancestor]
    return Kind.GENERATION


def problem_of(error: PlaygroundError) -> Problem:
    """What a client is told of `error`."""
    return Problem(
        kind_of(type(error)),
        str(error),
        type(error).__name__,
        error.field if isinstance(error, SamplingParamsError) else "",
        isinstance(error, UnavailableError | RemoteBusyError | RemoteUnreachableError),
        error.retry_after if isinstance(error, RemoteBusyError) else None,
    )


def answer_problem(problem: Problem, protocol: Protocol) -> JSONResponse:
    """`problem` as a client of `protocol` reads it."""
    status = protocol.status(problem.kind)
    seconds = RETRY_AFTER_SECONDS if problem.retry_after is None else ceil(problem.retry_after)
    headers = {"Retry-After": str(seconds)} if problem.can_retry else {}
    if problem.kind is Kind.UNAUTHORIZED:
        headers["WWW-Authenticate"] = "Bearer"
    return JSONResponse(protocol.body(problem, status), status_code=status, headers=headers)


async def answer_playground_error(request: Request, error: Exception) -> JSONResponse:
    """FastAPI's exception handler for `PlaygroundError`."""
    assert isinstance(error, PlaygroundError)
    return answer_problem(problem_of(error), protocol_of(request.method, request.url.path))

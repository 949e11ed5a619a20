from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from api.errors import (
    KIND_BY_ERROR,
    LLAMACPP,
    OLLAMA,
    OPENAI,
    OWN,
    STATUS_BY_KIND,
    TGI,
    Kind,
    Problem,
    Protocol,
    answer_problem,
    kind_of,
    problem_of,
    protocol_of,
)
from model import errors
from model.errors import PlaygroundError


def every_error(root: type[PlaygroundError] = PlaygroundError) -> Iterator[type[PlaygroundError]]:
    for child in root.__subclasses__():
        yield child
        yield from every_error(child)


PROTOCOLS = (OWN, TGI, OPENAI, LLAMACPP, OLLAMA)


@pytest.mark.parametrize(
    "error_type", list(every_error()), ids=lambda error_type: error_type.__name__
)
def test_every_error_of_the_tree_has_a_row_of_its_own_or_an_ancestors(
    error_type: type[PlaygroundError],
) -> None:
    assert set(error_type.__mro__) & set(KIND_BY_ERROR)


def test_every_kind_has_a_status() -> None:
    assert set(STATUS_BY_KIND) == set(Kind)


@pytest.mark.parametrize(
    ("error", "own", "tgi", "openai"),
    [
        (errors.ContextLengthError(9000, 8192), 422, 422, 400),
        (errors.CapabilityError("This model cannot fill in."), 422, 422, 400),
        (errors.SamplingParamsError("top_p", "top_p must be at most 1."), 422, 422, 400),
        (errors.ModelNotReadyError("downloading"), 503, 503, 503),
        (errors.QueueFullError(32), 503, 429, 429),
        (errors.EngineClosedError("The engine has stopped."), 503, 503, 503),
        (errors.CheckpointError("No checkpoint there."), 503, 503, 503),
        (errors.GenerationError("The model failed."), 500, 424, 500),
        (errors.OutOfMemoryError("Out of memory."), 503, 503, 503),
        (errors.RemoteBusyError("It takes no more."), 503, 429, 429),
        (errors.RemoteRefusedError("It refuses the request."), 422, 422, 400),
        (errors.RemoteUnreachableError("It cannot be reached."), 503, 503, 503),
        (PlaygroundError("Something else."), 500, 424, 500),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else value,
)
def test_the_status_of_an_error(error: PlaygroundError, own: int, tgi: int, openai: int) -> None:
    kind = kind_of(type(error))
    assert [each.status(kind) for each in (OWN, TGI, OPENAI)] == [own, tgi, openai]


@pytest.mark.parametrize(
    ("error", "seconds"),
    [
        (errors.RemoteBusyError("It takes no more.", retry_after=29.2), "30"),
        (errors.RemoteBusyError("It takes no more."), "2"),
        (errors.RemoteUnreachableError("It cannot be reached."), "2"),
        (errors.RemoteKeyError("It does not accept the key."), None),
    ],
)
def test_a_server_behind_says_when_to_ask_again(error: PlaygroundError, seconds: str) -> None:
    answer = answer_problem(problem_of(error), OPENAI)
    assert answer.headers.get("retry-after") == seconds


MESSAGE = "It went wrong. Try something else."
INVALID = "invalid_request_error"
DENIED = "authentication_error"

# The statuses in the order of `PROTOCOLS`, and what TGI, OpenAI and llama.cpp call it.
SAID: dict[Kind, tuple[tuple[int, ...], str, str, str]] = {
    Kind.VALIDATION: ((422, 422, 400, 400, 400), "validation", INVALID, INVALID),
    Kind.UNAUTHORIZED: ((401,) * 5, "unauthorized", DENIED, DENIED),
    Kind.NOT_FOUND: ((404,) * 5, "not_found", INVALID, "not_found_error"),
    Kind.NOT_ALLOWED: ((405,) * 5, "method_not_allowed", INVALID, INVALID),
    Kind.TOO_LARGE: ((413,) * 5, "too_large", INVALID, INVALID),
    Kind.LOADING: ((503,) * 5, "loading", "server_error", "unavailable_error"),
    Kind.OVERLOADED: (
        (503, 429, 429, 503, 503),
        "overloaded",
        "rate_limit_error",
        "unavailable_error",
    ),
    Kind.UNAVAILABLE: ((503,) * 5, "unavailable", "server_error", "unavailable_error"),
    Kind.GENERATION: ((500, 424, 500, 500, 500), "generation", "server_error", "server_error"),
    Kind.NOT_SERVED: ((501,) * 5, "not_served", "server_error", "not_supported_error"),
    Kind.WRONG_HOST: ((421,) * 5, "wrong_host", INVALID, INVALID),
}


def said(kind: Kind) -> dict[str, tuple[int, dict[str, Any]]]:
    """Status and body by protocol, of a problem with `some.field`."""
    statuses, tgi, openai, llamacpp = SAID[kind]
    wait = {"estimated_time": 20.0} if kind is Kind.LOADING else {}
    error = {"message": MESSAGE, "type": openai, "param": "some.field", "code": "SomeError"}
    bodies: tuple[dict[str, Any], ...] = (
        {"detail": MESSAGE, "error_type": "SomeError"},
        {"error": MESSAGE, "error_type": tgi, **wait},
        {"error": error, "detail": [{"loc": "some.field", "msg": MESSAGE, "type": openai}]},
        {"error": {"code": statuses[3], "message": MESSAGE, "type": llamacpp}},
        {"error": MESSAGE},
    )
    names = [protocol.name for protocol in PROTOCOLS]
    return dict(zip(names, zip(statuses, bodies, strict=True), strict=True))


@pytest.mark.parametrize("protocol", PROTOCOLS, ids=lambda protocol: protocol.name)
@pytest.mark.parametrize("kind", list(Kind))
def test_every_protocol_says_every_kind_by_its_own_status_and_body(
    protocol: Protocol, kind: Kind
) -> None:
    answer = answer_problem(Problem(kind, MESSAGE, "SomeError", "some.field"), protocol)
    assert (answer.status_code, json.loads(bytes(answer.body))) == said(kind)[protocol.name]


def test_only_what_may_work_in_a_moment_says_when_to_come_back() -> None:
    full = answer_problem(problem_of(errors.QueueFullError(32)), TGI)
    long = answer_problem(problem_of(errors.ContextLengthError(9000, 8192)), TGI)
    assert full.headers["retry-after"] == "2"
    assert "retry-after" not in long.headers


def test_llm_ls_finds_its_words_while_a_model_loads() -> None:
    body = TGI.body(problem_of(errors.ModelNotReadyError("reading weights")), 503)
    assert "is currently loading" in body["error"]
    assert body["estimated_time"] > 0


def test_openais_clients_and_llm_ls_both_read_the_openai_body() -> None:
    error = errors.SamplingParamsError("top_p", "top_p must be at most 1.")
    assert OPENAI.body(problem_of(error), 400) == {
        "error": {
            "message": "top_p must be at most 1.",
            "type": "invalid_request_error",
            "param": "top_p",
            "code": "SamplingParamsError",
        },
        "detail": [
            {"loc": "top_p", "msg": "top_p must be at most 1.", "type": "invalid_request_error"}
        ],
    }


@pytest.mark.parametrize(
    ("method", "path", "protocol"),
    [
        ("POST", "/", TGI),
        ("GET", "/", OWN),
        ("POST", "/generate_stream", TGI),
        ("POST", "/models/bigcode/starcoder", TGI),
        ("POST", "/v1/completions", OPENAI),
        ("POST", "/infill", LLAMACPP),
        ("POST", "/api/generate", OLLAMA),
        ("POST", "/gradio_api/queue/join", OWN),
    ],
)
def test_a_paths_protocol(method: str, path: str, protocol: Protocol) -> None:
    assert protocol_of(method, path) is protocol

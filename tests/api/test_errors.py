from __future__ import annotations

import json
from collections.abc import Iterator

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
        (PlaygroundError("Something else."), 500, 424, 500),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else value,
)
def test_the_status_of_an_error(error: PlaygroundError, own: int, tgi: int, openai: int) -> None:
    kind = kind_of(type(error))
    assert [each.status(kind) for each in (OWN, TGI, OPENAI)] == [own, tgi, openai]


@pytest.mark.parametrize("protocol", PROTOCOLS, ids=lambda protocol: protocol.name)
@pytest.mark.parametrize("kind", list(Kind))
def test_every_protocol_says_every_kind_with_its_message(protocol: Protocol, kind: Kind) -> None:
    problem = problem_of(errors.QueueFullError(32))
    body = protocol.body(problem, protocol.status(kind))
    assert "32 requests wait already" in json.dumps(body)


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

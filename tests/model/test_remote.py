from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator
from dataclasses import replace

import pytest

from model.engine.events import Finished, FinishReason, Usage
from model.errors import (
    PromptError,
    RemoteAnswerError,
    RemoteBusyError,
    RemoteError,
    RemoteKeyError,
    RemoteModelError,
    RemoteRefusedError,
    RemoteUnreachableError,
)
from model.remote import Piece, RemoteEvent, RemoteModel
from model.requests import CompletionRequest
from model.sampling import SamplingParams
from tests.remote_server import KEY, RemoteServer, remote_server

WAIT_SECONDS = 30


@pytest.fixture(scope="module")
def server() -> Iterator[RemoteServer]:
    with remote_server() as server:
        yield server


@pytest.fixture
def model(server: RemoteServer) -> RemoteModel:
    return RemoteModel(server.url, "big", KEY)


async def ask(model: RemoteModel, prompt: str, **params: object) -> list[RemoteEvent]:
    sampling = replace(SamplingParams(), **params)  # type: ignore[arg-type]
    run = model.start(CompletionRequest(prompt, sampling))
    return [event async for event in run.events()]


def text_of(events: list[RemoteEvent]) -> str:
    return "".join(event.text for event in events if isinstance(event, Piece))


def end_of(events: list[RemoteEvent]) -> Finished:
    assert isinstance(events[-1], Finished)
    return events[-1]


async def test_text_comes_piece_by_piece_and_ends_with_the_servers_own_figures(
    model: RemoteModel,
) -> None:
    events = await ask(model, "go", seed=7)
    assert [event.text for event in events if isinstance(event, Piece)] == ["one ", "two ", "three"]
    finished = end_of(events)
    assert (finished.reason, finished.usage) == (FinishReason.LENGTH, Usage(11, 0, 4))
    assert finished.seed == 7
    assert finished.timings.time_to_first_token is not None


async def test_what_is_asked_is_the_prompt_and_the_settings_as_that_api_has_them(
    model: RemoteModel, server: RemoteServer
) -> None:
    await ask(model, "go", temperature=0.5, top_p=0.9, max_new_tokens=30, seed=2**64 - 1)
    headers, body = server.asked[-1]
    assert headers["authorization"] == f"Bearer {KEY}"
    assert body == {
        "model": "big",
        "prompt": "go",
        "max_tokens": 30,
        "temperature": 0.5,
        "top_p": 0.9,
        "seed": 2**64 - 1,
        "stream": True,
        "stream_options": {"include_usage": True},
    }


async def test_settings_that_are_not_openais_are_sent_where_they_are_set(
    model: RemoteModel, server: RemoteServer
) -> None:
    await ask(model, "go", top_k=4, min_p=0.1, repetition_penalty=1.1)
    body = server.asked[-1][1]
    assert (body["top_k"], body["min_p"], body["repetition_penalty"]) == (4, 0.1, 1.1)


async def test_a_stop_string_ends_the_text_before_it_and_the_connection(
    model: RemoteModel, server: RemoteServer
) -> None:
    server.is_left.clear()
    events = await ask(model, "waits", stop=("wo th",))
    assert text_of(events) == "one t"
    assert end_of(events).reason is FinishReason.STOP_SEQUENCE
    assert server.is_left.wait(WAIT_SECONDS)


async def test_without_a_key_none_is_sent(server: RemoteServer) -> None:
    await ask(RemoteModel(server.url + "/", "big"), "go")
    assert "authorization" not in server.asked[-1][0]


@pytest.mark.parametrize(
    ("prompt", "error", "says"),
    [
        ("key", RemoteKeyError, "does not accept the key"),
        ("model", RemoteModelError, "no such model"),
        ("busy", RemoteBusyError, "Rate limit reached."),
        ("setting", RemoteRefusedError, "Unknown field min_p."),
        ("down", RemoteAnswerError, "status 502"),
        ("moved", RemoteAnswerError, "status 307"),
        ("a page", RemoteAnswerError, "no stream of completions"),
        ("breaks off", RemoteAnswerError, "broke off"),
        ("garbage", RemoteAnswerError, "no stream of completions"),
        ("fails midway", RemoteAnswerError, "Out of memory"),
        ("filtered", RemoteAnswerError, "held the rest of the text back"),
    ],
)
async def test_what_goes_wrong_has_a_type_names_the_host_and_never_the_key(
    model: RemoteModel, prompt: str, error: type[RemoteError], says: str
) -> None:
    with pytest.raises(error, match=says) as caught:
        await ask(model, prompt)
    assert model.host in caught.value.message
    assert KEY not in str(caught.value)


async def test_what_came_before_a_broken_stream_was_told(model: RemoteModel) -> None:
    events: list[RemoteEvent] = []

    async def read() -> None:
        run = model.start(CompletionRequest("breaks off", SamplingParams()))
        async for event in run.events():
            events.append(event)

    with pytest.raises(RemoteAnswerError):
        await read()
    assert text_of(events) == "one two three"


async def test_strangers_are_not_told_what_the_server_says_to_its_customer(
    model: RemoteModel,
) -> None:
    for prompt in ("busy", "fails midway"):
        with pytest.raises(RemoteError) as caught:
            await ask(replace(model, tells_reasons=False), prompt)
        assert "It says" not in str(caught.value)


async def test_a_server_that_is_not_there_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(RemoteUnreachableError, match=f"127.0.0.1:{port} cannot be reached"):
        await ask(RemoteModel(f"http://127.0.0.1:{port}/v1", "big"), "go")


async def test_a_server_that_falls_silent_is_given_up(model: RemoteModel) -> None:
    with pytest.raises(RemoteUnreachableError, match=r"has sent nothing for 0\.3 s"):
        await ask(replace(model, patience=0.3), "waits")


async def test_stop_closes_the_connection_and_keeps_what_came(
    model: RemoteModel, server: RemoteServer
) -> None:
    server.is_left.clear()
    run = model.start(CompletionRequest("waits", SamplingParams()))
    events: list[RemoteEvent] = []
    async for event in run.events():
        events.append(event)
        if text_of(events) == "one two three":
            await asyncio.to_thread(run.cancel)
    assert text_of(events) == "one two three"
    assert end_of(events).reason is FinishReason.CANCELLED
    assert server.is_left.wait(WAIT_SECONDS)


async def test_a_reader_that_goes_away_closes_the_connection(
    model: RemoteModel, server: RemoteServer
) -> None:
    server.is_left.clear()
    patient = replace(model, patience=3600)  # which nothing but the reader can end in time
    events = patient.start(CompletionRequest("waits", SamplingParams())).events()
    await anext(events)
    await events.aclose()
    assert server.is_left.wait(WAIT_SECONDS)


async def test_a_deadline_cuts_it_off(model: RemoteModel) -> None:
    run = model.start(CompletionRequest("waits", SamplingParams()), deadline=1)
    events = [event async for event in run.events()]
    assert end_of(events).reason is FinishReason.DEADLINE


async def test_nothing_is_sent_once_it_is_cancelled_or_without_a_prompt(
    model: RemoteModel, server: RemoteServer
) -> None:
    num_asked = len(server.asked)
    run = model.start(CompletionRequest("go", SamplingParams()))
    run.cancel()
    assert [event async for event in run.events()] == []
    for prompt in ("", "\ud800"):
        with pytest.raises(PromptError):
            await ask(model, prompt)
    assert len(server.asked) == num_asked


def test_the_key_is_in_no_description(model: RemoteModel) -> None:
    assert KEY not in repr(model)
    assert model.title == f"big at {model.host}"

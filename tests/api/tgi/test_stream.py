"""TGI's streams: the same text as without, errors before and after the start, clients that go."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from fastapi import FastAPI

from api.server import build_server
from model.engine.scripted import ScriptedEngine
from model.loading.slot import Loading, Parked
from model.service import GenerationService
from tests.api.clients import Client, api_client, build_service, client_of, wait_until_ready

PATIENCE = 5
MAX_WAITING = 2
LOAD_SECONDS = 0.5


@pytest.fixture
async def client() -> AsyncIterator[Client]:
    async with api_client() as client:
        yield client


def events(wire: str) -> list[dict[str, Any]]:
    """The events of a stream, read as TGI's clients do: by lines that begin with `data:{`."""
    lines = wire.splitlines()
    assert all(line.startswith("data:{") for line in lines[::2])
    assert not any(lines[1::2])
    assert wire.endswith("\n\n")
    return [json.loads(line.removeprefix("data:")) for line in lines[::2]]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "return 1",
        "a\n\n",
        "\n",
        "naïve 漢字 👩‍👩‍👧\r\n\ttab",
        "line\u2028separator\x85and\u2029more\x0b\x0c\x1c",
        'quotes " and \\ back',
        "STO",
        "before STOP after",
    ],
)
@pytest.mark.parametrize("stop", [[], ["\n\n", "STOP"]])
async def test_a_streams_text_is_that_of_the_whole_answer(
    client: Client, text: str, stop: list[str]
) -> None:
    parameters = {"stop": stop, "details": True, "max_new_tokens": 100}
    body = {"inputs": f"SAY: {text}", "parameters": parameters}
    whole = (await client.post("/generate", json=body)).json()
    told = events((await client.post("/generate_stream", json=body)).text)
    assert told[-1]["generated_text"] == whole["generated_text"]
    shown = [event["token"]["text"] for event in told if not event["token"]["special"]]
    assert "".join(shown) == whole["generated_text"]
    assert [event["token"] for event in told] == whole["details"]["tokens"]
    assert [event["index"] for event in told] == list(range(1, len(told) + 1))
    assert all(event["generated_text"] is None is event["details"] for event in told[:-1])
    assert told[-1]["details"]["generated_tokens"] == len(told)
    assert told[-1]["details"]["finish_reason"] == whole["details"]["finish_reason"]
    if not stop:
        assert whole["generated_text"] == text


async def test_every_token_has_a_number_as_its_log_probability(client: Client) -> None:
    response = await client.post("/generate_stream", json={"inputs": "SAY: abc"})
    told = events(response.text)
    assert len(told) == 4
    assert all(isinstance(event["token"]["logprob"], float) for event in told)


@pytest.mark.parametrize("path", ["/generate", "/", "/models/bigcode/starcoder"])
async def test_stream_in_the_body_streams_on_every_route(client: Client, path: str) -> None:
    body = {"inputs": "SAY: a", "stream": True, "parameters": {"return_full_text": False}}
    response = await client.post(path, json=body)
    assert response.headers["content-type"].startswith("text/event-stream")
    assert events(response.text)[-1]["generated_text"] == "a"


async def test_what_is_wrong_before_the_first_token_has_a_status(client: Client) -> None:
    for body, status in (
        ({"inputs": "a", "parameters": {"temperature": -1}}, 422),
        ({"inputs": "x" * 9000}, 422),
        ({"inputs": "a\x00"}, 422),
    ):
        response = await client.post("/generate_stream", json=body)
        assert response.status_code == status
        assert response.headers["content-type"] == "application/json"
        assert response.json()["error_type"] == "validation"


async def test_a_full_line_is_an_overload(
    slow_service: tuple[FastAPI, GenerationService],
) -> None:
    app, service = slow_service
    clients = [HangingUp(app, "/generate", SLOW) for _ in range(1 + MAX_WAITING)]
    await wait_for(service, num_running=1, num_waiting=MAX_WAITING)
    for path in ROUTES:
        refused = HangingUp(app, path, SLOW)
        await refused.wait_until_over()
        assert refused.status == 429
        assert json.loads(refused.received)["error_type"] == "overloaded"
    for client in clients:
        await client.hang_up()


async def test_what_goes_wrong_on_the_way_is_the_last_event(client: Client) -> None:
    body = {"inputs": "FAIL", "parameters": {"max_new_tokens": 1000}}
    response = await client.post("/generate_stream", json=body)
    assert response.status_code == 200
    *told, last = events(response.text)
    assert told
    assert all(event["generated_text"] is None for event in told)
    assert last == {"error": "The script failed. It was told to.", "error_type": "generation"}


class HangingUp:
    """A client that sends one request and hangs up when it is told to."""

    def __init__(self, app: FastAPI, path: str, body: dict[str, Any]) -> None:
        self._scope = {
            "type": "http",
            "method": "POST",
            "path": path,
            "raw_path": path.encode(),
            "query_string": b"",
            "root_path": "",
            "scheme": "http",
            "http_version": "1.1",
            "headers": [(b"host", b"localhost"), (b"content-type", b"application/json")],
            "client": ("127.0.0.1", 1),
            "server": ("127.0.0.1", 7860),
        }
        self._body = json.dumps(body).encode()
        self._is_sent = False
        self._gone = asyncio.Event()
        self._begun = asyncio.Event()
        self.status = 0
        self.received = b""
        self._task = asyncio.ensure_future(app(self._scope, self._receive, self._send))

    async def hang_up(self) -> None:
        """And wait until the server has noticed."""
        self._gone.set()
        await asyncio.wait_for(self._task, PATIENCE)

    async def wait_until_over(self) -> None:
        await asyncio.wait_for(self._task, PATIENCE)

    async def wait_for_text(self) -> None:
        await asyncio.wait_for(self._begun.wait(), PATIENCE)

    async def _receive(self) -> dict[str, Any]:
        if self._is_sent:
            await self._gone.wait()
            return {"type": "http.disconnect"}
        self._is_sent = True
        return {"type": "http.request", "body": self._body, "more_body": False}

    async def _send(self, message: Any) -> None:
        self.status = message.get("status", self.status)
        self.received += message.get("body", b"")
        if b"token" in self.received:
            self._begun.set()


async def wait_for(service: GenerationService, *, num_running: int, num_waiting: int = 0) -> None:
    async with asyncio.timeout(PATIENCE):
        while True:
            health = service.engine.health
            if (health.num_running, health.num_waiting) == (num_running, num_waiting):
                return
            await asyncio.sleep(0.01)


SLOW = {"inputs": "SAY: " + "x" * 1000, "parameters": {"max_new_tokens": 1000}}
ROUTES = ["/generate", "/generate_stream", "/", "/models/bigcode/starcoder"]


@pytest.fixture
async def slow_service() -> AsyncIterator[tuple[FastAPI, GenerationService]]:
    service = build_service(ScriptedEngine(tokens_per_second=100, max_waiting=MAX_WAITING))
    app = build_server(service, max_body_bytes=100_000, is_public=False)
    async with client_of(app):
        await wait_until_ready(service)
        yield app, service


@pytest.mark.parametrize("path", ROUTES)
async def test_who_hangs_up_while_it_is_written_frees_the_model(
    slow_service: tuple[FastAPI, GenerationService], path: str
) -> None:
    app, service = slow_service
    client = HangingUp(app, path, SLOW)
    await wait_for(service, num_running=1)
    if path == "/generate_stream":
        await client.wait_for_text()
    await client.hang_up()
    await wait_for(service, num_running=0)
    assert b"generated_text" not in client.received or path == "/generate_stream"


@pytest.mark.parametrize("path", ROUTES)
async def test_who_hangs_up_in_the_line_leaves_it_before_the_model_is_free(
    slow_service: tuple[FastAPI, GenerationService], path: str
) -> None:
    app, service = slow_service
    first = HangingUp(app, "/generate", SLOW)
    await wait_for(service, num_running=1)
    waiting = HangingUp(app, path, SLOW)
    await wait_for(service, num_running=1, num_waiting=1)
    await waiting.hang_up()
    await wait_for(service, num_running=1)
    await first.hang_up()


@pytest.mark.parametrize("path", ROUTES)
async def test_who_hangs_up_while_a_parked_model_comes_back_is_not_waited_for(path: str) -> None:
    service = build_service(ScriptedEngine(room=1, load_seconds=LOAD_SECONDS))
    app = build_server(service, max_body_bytes=100_000, is_public=False)
    async with client_of(app):
        await wait_until_ready(service)
        assert isinstance(service.residency.status("base"), Parked)
        client = HangingUp(app, path, SLOW)
        async with asyncio.timeout(PATIENCE):
            while isinstance(service.residency.status("base"), Parked):
                await service.residency.wait_for_change("base")
        await client.hang_up()
        assert isinstance(service.residency.status("base"), Loading), "it is still on its way"


async def test_who_is_gone_before_the_first_frame_frees_the_model_too(
    slow_service: tuple[FastAPI, GenerationService],
) -> None:
    app, service = slow_service
    client = HangingUp(app, "/generate_stream", SLOW)
    await client.hang_up()
    await wait_for(service, num_running=0)
    assert b"token" not in client.received


async def test_a_token_is_told_while_the_next_is_written(
    slow_service: tuple[FastAPI, GenerationService],
) -> None:
    app, _ = slow_service
    client = HangingUp(app, "/generate_stream", SLOW)
    await client.wait_for_text()
    assert client.received.count(b"data:") < 5
    await client.hang_up()

"""Each request has an id, in its answer and in the log's lines."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator

import pytest
from fastapi import FastAPI

from api.asking import Asker
from api.request_ids import RequestIdFilter, count_tokens
from api.server import build_server
from app import PlainFormatter
from model.errors import QueueFullError
from model.requests import CompletionRequest
from model.sampling import SamplingParams
from tests.api.clients import Client, api_client, build_service, client_of, wait_until_ready

OWN_ID = re.compile(r"[0-9a-f]{16}")


class Lines(logging.Handler):
    """What the terminal would show."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.addFilter(RequestIdFilter())
        self.setFormatter(PlainFormatter())
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(self.format(record))


@pytest.fixture
def terminal() -> Iterator[list[str]]:
    handler, logger = Lines(), logging.getLogger("api")
    logger.addHandler(handler)
    level = logger.level
    logger.setLevel(logging.DEBUG)
    try:
        yield handler.lines
    finally:
        logger.setLevel(level)
        logger.removeHandler(handler)


def build() -> FastAPI:
    service = build_service()
    app = build_server(service, max_body_bytes=1000, is_public=False)

    @app.get("/full")
    async def full() -> None:
        raise QueueFullError(3)

    @app.get("/broken/{name}")
    async def broken(name: str) -> None:
        raise RuntimeError(f"the secret text {name}")

    @app.get("/generate-some")
    async def generate() -> str:
        await wait_until_ready(service)
        asker = Asker(service, observers=[count_tokens])
        params = SamplingParams(max_new_tokens=7)
        async with asker.ask(CompletionRequest("SECRET PROMPT", params), "me") as answer:
            return (await answer.whole()).text

    return app


@pytest.mark.parametrize("given", ["a", "req_1.2-3", "x" * 64])
async def test_the_clients_own_id_comes_back(given: str) -> None:
    async with api_client() as client:
        response = await client.get("/health", headers={"x-request-id": given})
    assert response.headers["x-request-id"] == given


@pytest.mark.parametrize("given", ["", "x" * 65, "a b", "a;b", "é", "a/b", "%0a"])
async def test_an_id_that_could_harm_the_log_is_replaced(given: str) -> None:
    async with api_client() as client:
        headers = {"x-request-id": given.encode("latin-1")}
        response = await client.get("/health", headers=headers)
    assert OWN_ID.fullmatch(response.headers["x-request-id"])


async def test_two_requests_have_two_ids() -> None:
    async with api_client() as client:
        ids = {(await client.get("/health")).headers["x-request-id"] for _ in range(20)}
    assert len(ids) == 20


async def ask_for_each_refusal(client: Client) -> None:
    refusals: tuple[tuple[str, str, bytes, dict[str, str]], ...] = (
        ("GET", "/full", b"", {}),
        ("GET", "/broken/thing", b"", {}),
        ("GET", "/no-such-route", b"", {}),
        ("POST", "/overlap", b"{", {}),
        ("POST", "/overlap", b"x" * 2000, {}),
        ("GET", "/health", b"", {"host": "evil.example"}),
    )
    for method, path, content, extra in refusals:
        headers = {"x-request-id": "mine"} | extra
        response = await client.request(method, path, headers=headers, content=content)
        assert response.status_code >= 400
        assert response.headers["x-request-id"] == "mine", path
        assert response.headers["x-content-type-options"] == "nosniff", path


async def test_errors_carry_the_id_too() -> None:
    async with client_of(build()) as client:
        await ask_for_each_refusal(client)


async def test_a_line_tells_route_status_seconds_tokens_and_id(terminal: list[str]) -> None:
    async with client_of(build()) as client:
        await client.get("/generate-some?prompt=SECRET", headers={"x-request-id": "mine"})
    [line] = [line for line in terminal if "/generate-some" in line]
    assert re.fullmatch(r"GET /generate-some: 200, \d+\.\d\d s, 7 tokens \[mine\]", line)
    assert "SECRET" not in "".join(terminal)


async def test_monitors_are_told_of_only_for_debugging(terminal: list[str]) -> None:
    async with client_of(build()) as client:
        await client.get("/health")
        await client.get("/full")
    [quiet, told] = terminal
    assert quiet.startswith("debug: api.request_ids: GET /health: 200")
    assert told.startswith("GET /full: 503")


async def test_what_is_not_ours_has_no_line(terminal: list[str]) -> None:
    async with client_of(build()) as client:
        await client.get("/gradio_api/heartbeat/x")
    assert terminal == []


async def test_a_fault_is_logged_with_its_place_and_without_its_text(terminal: list[str]) -> None:
    async with client_of(build()) as client:
        response = await client.get("/broken/thing", headers={"x-request-id": "mine"})
    assert response.status_code == 500
    assert response.json()["detail"] == "The server failed on this request. Its log says why."
    [fault] = [line for line in terminal if line.startswith("error: ")]
    assert "RuntimeError" in fault
    assert "test_request_ids.py" in fault
    assert fault.endswith("[mine]")
    assert "thing" not in "".join(terminal)


async def test_lines_outside_of_any_request_have_no_id(terminal: list[str]) -> None:
    logging.getLogger("api").info("starting")
    assert terminal == ["starting"]

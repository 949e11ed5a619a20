"""A corpus elsewhere: asked as llm-vscode asks it, over HTTP, whatever it answers."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from fastapi import FastAPI, Request, Response

from safety.attribution.index import AttributionError
from safety.attribution.portraits import MAX_CHARS, Portraits
from tests.servers import server_in_thread


class Elsewhere:
    """A server that answers what it is told to, and keeps what it was asked."""

    def __init__(self) -> None:
        self.app = FastAPI()
        self.asked: Any = None
        self.status, self.answer, self.seconds = 200, '{"spans": []}', 0.0
        self.url = ""

        @self.app.get("/ready")
        async def ready() -> None:
            """It is waited for."""

        @self.app.post("/overlap")
        async def overlap(request: Request) -> Response:
            self.asked = await request.json()
            await asyncio.sleep(self.seconds)
            return Response(self.answer, self.status, media_type="application/json")


@pytest.fixture(scope="module")
def server() -> Iterator[Elsewhere]:
    elsewhere = Elsewhere()
    with server_in_thread(elsewhere.app) as url:
        elsewhere.url = f"{url}/overlap"
        yield elsewhere


@pytest.fixture
def elsewhere(server: Elsewhere) -> Elsewhere:
    server.status, server.answer, server.seconds = 200, '{"spans": []}', 0.0
    return server


def test_the_spans_are_told_in_order_and_joined(elsewhere: Elsewhere) -> None:
    elsewhere.answer = '{"spans": [[20, 25], [0, 10], [5, 12], [12, 13]]}'
    assert Portraits(elsewhere.url).find("é" * 30) == [(0, 13), (20, 25)]
    assert elsewhere.asked == {"document": "é" * 30}
    elsewhere.answer = '{"spans": []}'
    assert Portraits(elsewhere.url).find("x") == []


@pytest.mark.parametrize(
    "answer",
    [
        "",
        "<html>",
        "[]",
        "{}",
        '{"spans": 3}',
        '{"spans": [3]}',
        '{"spans": [[1, 2, 3]]}',
        '{"spans": [["0", "1"]]}',
        '{"spans": [[0.5, 1]]}',
        '{"spans": [[true, 1]]}',
        '{"spans": [[-1, 1]]}',
        '{"spans": [[2, 1]]}',
        '{"spans": [[0, 31]]}',
    ],
)
def test_nonsense_is_not_passed_on(elsewhere: Elsewhere, answer: str) -> None:
    elsewhere.answer = answer
    with pytest.raises(AttributionError, match="cannot be read"):
        Portraits(elsewhere.url).find("x" * 30)


@pytest.mark.parametrize("status", [302, 404, 429, 500])
def test_a_status_that_is_no_success_is_told(elsewhere: Elsewhere, status: int) -> None:
    elsewhere.status = status
    with pytest.raises(AttributionError, match=f"status {status}"):
        Portraits(elsewhere.url).find("x")


def test_a_silent_server_is_not_waited_for_without_end(elsewhere: Elsewhere) -> None:
    elsewhere.seconds = 1.0
    with pytest.raises(AttributionError, match="gives no answer"):
        Portraits(elsewhere.url, timeout=0.05).find("x")


def test_no_server_at_all_gives_no_answer() -> None:
    with pytest.raises(AttributionError, match="gives no answer"):
        Portraits("http://127.0.0.1:1/overlap").find("x")


def test_a_long_text_is_not_sent(elsewhere: Elsewhere) -> None:
    elsewhere.asked = None
    with pytest.raises(AttributionError, match="ask for a part"):
        Portraits(elsewhere.url).find("x" * (MAX_CHARS + 1))
    assert elsewhere.asked is None

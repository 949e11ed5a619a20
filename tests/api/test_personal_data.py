"""POST /pii: personal data in a text, for programs that ask."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from api.personal_data import build_routes
from safety.spans import Span
from tests.api.clients import api_client

TEXT = 'é😀 = 1\nhost = "52.174.18.9"  # jane.roe@contoso.com\nagain = "52.174.18.9"\n'


async def check(text: str) -> dict[str, Any]:
    async with api_client() as client:
        response = await client.post("/pii", json={"text": text})
    assert response.status_code == 200
    return dict(response.json())


async def test_findings_have_kind_place_and_replacement() -> None:
    address, mail, again = (await check(TEXT))["findings"]
    assert (address["kind"], address["line"], address["column"]) == ("IP_ADDRESS", 2, 9)
    assert (mail["kind"], mail["value"], mail["replacement"]) == (
        *("EMAIL", "jane.roe@contoso.com", "<EMAIL>"),
    )
    assert (again["line"], again["replacement"]) == (3, address["replacement"])
    for each in (address, mail, again):
        assert TEXT[each["start"] : each["end"]] == each["value"]
        assert 0 < each["confidence"] <= 1


async def test_the_redacted_text_has_each_one_replaced_and_nothing_else_changed() -> None:
    answer = await check(TEXT)
    address, mail, _ = answer["findings"]
    expected = TEXT.replace(mail["value"], "<EMAIL>")
    assert answer["redacted"] == expected.replace(address["value"], address["replacement"])
    assert answer["redacted"] != TEXT


@pytest.mark.parametrize("text", ["", "x = 1.2.3\n", "127.0.0.1 a@example.com"])
async def test_a_text_without_any_comes_back_as_it_was(text: str) -> None:
    assert await check(text) == {"findings": [], "redacted": text}


async def test_a_question_without_a_text_is_refused() -> None:
    async with api_client() as client:
        response = await client.post("/pii", json={"document": "x"})
    assert response.status_code == 422
    assert response.json()["detail"].startswith("text: ")


async def test_half_a_character_is_refused_with_its_place() -> None:
    body = b'{"text": "a\\nb \\ud800"}'
    async with api_client() as client:
        response = await client.post("/pii", content=body)
    assert response.status_code == 422
    assert "lone surrogate (U+D800)" in response.json()["detail"]
    assert "line 2, column 3" in response.json()["detail"]


async def test_a_scan_holds_up_no_other_request() -> None:
    detector = SlowDetector()
    app = FastAPI()
    app.include_router(build_routes(detector))

    @app.get("/health")
    async def health() -> str:
        return "ok"

    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        asked = asyncio.create_task(client.post("/pii", json={"text": "x"}))
        await asyncio.to_thread(detector.is_asked.wait, 10)
        assert (await client.get("/health")).status_code == 200
        assert not asked.done()
        detector.may_answer.set()
        assert (await asked).json()["redacted"] == "<KEY>"


class SlowDetector:
    """Answers once it may."""

    def __init__(self) -> None:
        self.is_asked, self.may_answer = threading.Event(), threading.Event()

    def find(self, text: str) -> list[Span]:
        self.is_asked.set()
        assert self.may_answer.wait(10)
        return [Span(0, len(text), "KEY", text, 1.0)]

"""A generation that is called off, as the app goes down, is nobody's finished text."""

from __future__ import annotations

import asyncio

import pytest

from api.server import build_server
from model.engine.scripted import ScriptedEngine
from tests.api.clients import build_service, client_of, wait_until_ready
from tests.api.route_bodies import GENERATING, GeneratingRoute

SLOW = 200
PROMPT = "SAY: " + "x" * 2000


@pytest.mark.parametrize("route", GENERATING, ids=str)
async def test_a_text_that_the_engines_end_cut_off_is_an_error(route: GeneratingRoute) -> None:
    service = build_service(ScriptedEngine(tokens_per_second=SLOW))
    server = build_server(service, max_body_bytes=10_000, is_public=False)
    async with client_of(server) as client:
        await wait_until_ready(service)
        asking = asyncio.create_task(client.post(route.path, json=route.body(PROMPT, 2000)))
        async with asyncio.timeout(10):
            while not service.engine.health.num_running:  # noqa: ASYNC110 - the engine tells nobody
                await asyncio.sleep(0.01)
        await asyncio.to_thread(service.engine.close)
        answer = await asking
    assert "The generation was called off." in answer.text
    if not route.is_live:
        assert answer.status_code == 503


async def test_tabbys_clients_are_told_too() -> None:
    body = {"segments": {"prefix": PROMPT}}
    route = GeneratingRoute("/v1/completions", "/v1/completions", lambda *_: body, is_live=False)
    await test_a_text_that_the_engines_end_cut_off_is_an_error(route)

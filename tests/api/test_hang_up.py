"""A client that leaves between the engine's yes and the first frame of its stream."""

from __future__ import annotations

from typing import Any

import pytest

from api.live import LiveResponse
from api.server import build_server
from model.engine.scripted import ScriptedEngine
from tests.api.clients import build_service, client_of, wait_until_ready
from tests.api.hang_up import become_idle, post_and_hang_up
from tests.api.route_bodies import GENERATING, GeneratingRoute

LIVE = [route for route in GENERATING if route.is_live]


@pytest.mark.parametrize("route", LIVE, ids=str)
async def test_a_client_that_is_gone_before_the_first_frame_frees_the_engine(
    monkeypatch: pytest.MonkeyPatch, route: GeneratingRoute
) -> None:
    async def hear_nothing(response: LiveResponse, *scope: Any) -> None:
        await response._frames.aclose()

    monkeypatch.setattr(LiveResponse, "__call__", hear_nothing)
    service = build_service(ScriptedEngine(tokens_per_second=50))
    server = build_server(service, max_body_bytes=1000, is_public=False)
    async with client_of(server):
        await wait_until_ready(service)
        body = route.body("x", 128) | {"stream": True}
        await post_and_hang_up(server, route.path, body, after=b"never")
        await become_idle(service, 1.5)  # the whole answer takes twice as long

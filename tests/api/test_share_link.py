from __future__ import annotations

import asyncio
import logging
from typing import Any

import gradio.networking
import gradio.tunneling
import httpx
import pytest

from api.share_link import keep_share_link, open_share_link


class FakeTunnel:
    def __init__(self) -> None:
        self.is_killed = False

    def kill(self) -> None:
        self.is_killed = True


@pytest.fixture
def tunnel(monkeypatch: pytest.MonkeyPatch) -> FakeTunnel:
    """Gradio's tunnel function, without a tunnel."""
    tunnel = FakeTunnel()
    monkeypatch.setattr(gradio.tunneling, "CURRENT_TUNNELS", [])

    def set_up(local_host: str, local_port: int, share_token: str, **server: Any) -> str:
        assert (local_host, local_port) == ("127.0.0.1", 7860)
        assert len(share_token) > 30
        assert set(server.values()) == {None}, "Gradio's public servers"
        gradio.tunneling.CURRENT_TUNNELS.append(tunnel)  # type: ignore[arg-type]
        return "http://abc.gradio.live"

    monkeypatch.setattr(gradio.networking, "setup_tunnel", set_up)
    return tunnel


def test_a_link_leads_to_the_port_of_this_app(tunnel: FakeTunnel) -> None:
    assert open_share_link(7860) == "https://abc.gradio.live"


async def test_the_link_is_told_and_ends_with_the_app(
    tunnel: FakeTunnel, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: asyncio.Queue[str] = asyncio.Queue()
    logger = logging.getLogger("api.share_link")
    monkeypatch.setattr(logger, "info", lambda text, *args: told.put_nowait(text % args))
    task = asyncio.create_task(keep_share_link(7860))
    assert (await told.get()).endswith("https://abc.gradio.live")
    assert not tunnel.is_killed
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert tunnel.is_killed


async def test_where_gradios_service_cannot_be_reached_one_line_says_so(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The real tunnel function, on a machine without a network."""

    def no_network(url: str, **options: Any) -> httpx.Response:
        raise httpx.ConnectError("Name or service not known")

    monkeypatch.setattr(gradio.networking, "GRADIO_SHARE_SERVER_ADDRESS", None)
    monkeypatch.setattr(gradio.networking.httpx, "get", no_network)
    await keep_share_link(7860)
    assert [record.getMessage() for record in caplog.records] == [
        "No share link: Could not get share link from Gradio API Server. "
        "The app goes on without one."
    ]

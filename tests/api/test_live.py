"""Streams whose reader is slow, or gone, at an awkward moment."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from typing import Any

import pytest

from api import live
from api.live import SSE, SSE_BEAT, LiveResponse
from model.errors import GenerationError

SHORT = 0.05


class Frames:
    """Frames of an answer, and whether they were closed."""

    def __init__(self, *frames: bytes, pause: float = 0.0, error: Exception | None = None) -> None:
        self._frames = frames
        self._pause = pause
        self._error = error
        self.is_closed = False

    async def read(self) -> AsyncGenerator[bytes, None]:
        try:
            for frame in self._frames:
                await asyncio.sleep(self._pause)
                yield frame
            if self._error is not None:
                raise self._error
        finally:
            self.is_closed = True


async def serve(frames: Frames, stalls_at: bytes | None, *, hangs_up: bool = False) -> list[bytes]:
    """The bodies that a reader took that takes no more from `stalls_at` on (None: the very end)."""
    response = LiveResponse(
        frames.read(), media_type=SSE, error_frame=lambda _: b"error", beat=SSE_BEAT
    )
    taken: list[bytes] = []
    stalled = asyncio.Event()

    async def receive() -> dict[str, Any]:
        await (stalled if hangs_up else asyncio.Event()).wait()
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        body = message.get("body", b"")
        is_last = message["type"].endswith("body") and not message["more_body"]
        if is_last if stalls_at is None else body == stalls_at:
            stalled.set()
            await asyncio.Event().wait()
        taken.append(body)

    async with asyncio.timeout(5):
        await response({"type": "http"}, receive, send)
    return taken


@pytest.fixture(autouse=True)
def short_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "BEAT_SECONDS", SHORT)
    monkeypatch.setattr(live, "SEND_SECONDS", SHORT)


@pytest.mark.parametrize("hangs_up", [False, True])
async def test_a_reader_that_stalls_or_leaves_at_a_beat_closes_the_answer(hangs_up: bool) -> None:
    frames = Frames(b"never", pause=60)
    await serve(frames, SSE_BEAT, hangs_up=hangs_up)
    assert frames.is_closed


async def test_a_reader_that_stalls_at_the_very_end_is_let_go() -> None:
    frames = Frames(b"text")
    assert await serve(frames, None) == [b"", b"text"]
    assert frames.is_closed


async def test_a_reader_that_stalls_at_the_error_is_let_go() -> None:
    frames = Frames(b"text", error=GenerationError("It failed."))
    assert await serve(frames, b"error") == [b"", b"text"]

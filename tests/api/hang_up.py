"""A client that hangs up in the middle of an answer, without a socket in between."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from fastapi import FastAPI

from model.service import GenerationService

SECONDS = 5.0


async def post_and_hang_up(
    app: FastAPI, path: str, body: dict[str, Any], *, after: bytes | GenerationService
) -> bytes:
    """What was received of the answer to `body`.

    Args:
        after: hang up when this has been received, or when that service's engine runs something.
    """
    content = json.dumps(body).encode()
    received = b""
    is_sent = False
    hung_up = asyncio.Event()

    async def receive() -> dict[str, Any]:
        nonlocal is_sent
        if not is_sent:
            is_sent = True
            return {"type": "http.request", "body": content, "more_body": False}
        if isinstance(after, GenerationService):
            await _become_busy(after)
        else:
            await hung_up.wait()
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        nonlocal received
        received += message.get("body", b"")
        if isinstance(after, bytes) and after in received:
            hung_up.set()

    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "POST",
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "root_path": "",
        "headers": [
            (b"host", b"127.0.0.1:7860"),
            (b"content-type", b"application/json"),
            (b"content-length", str(len(content)).encode()),
        ],
        "client": ("127.0.0.1", 50_000),
        "server": ("127.0.0.1", 7860),
    }
    async with asyncio.timeout(SECONDS):
        await app(scope, receive, send)
    return received


async def become_idle(service: GenerationService, seconds: float = SECONDS) -> None:
    """Wait until nothing runs, at most `seconds`."""
    async with asyncio.timeout(seconds):
        while service.engine.health.num_running:  # noqa: ASYNC110 - the engine tells nobody
            await asyncio.sleep(0.01)


async def _become_busy(service: GenerationService) -> None:
    while not service.engine.health.num_running:  # noqa: ASYNC110 - the engine tells nobody
        await asyncio.sleep(0.01)

"""A server of `/v1/completions` that goes wrong in the way that the prompt names."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import AsyncGenerator, Iterator
from contextlib import contextmanager
from typing import Any

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, Response, StreamingResponse

from tests.servers import server_in_thread

KEY = "sk-secret-0123"
# By prompt: the status, and what the body says.
_REFUSALS: dict[str, tuple[int, Any]] = {
    "key": (401, {"error": {"message": f"Incorrect API key provided: {KEY}."}}),
    "model": (404, {"error": {"message": f"No model for {KEY}."}}),
    "busy": (429, {"error": {"message": "Rate limit reached."}}),
    "setting": (400, {"detail": "Unknown field min_p."}),
    "down": (502, "Bad gateway"),
    "moved": (307, ""),
}


class RemoteServer:
    """
    Attributes:
        asked: header fields and body of each request.
        is_left: set when a client hung up on a stream that was still open.
    """

    def __init__(self) -> None:
        self.url = ""
        self.asked: list[tuple[dict[str, str], dict[str, Any]]] = []
        self.is_left = threading.Event()

    async def answer(self, request: Request) -> Response:
        body = await request.json()
        self.asked.append((dict(request.headers), body))
        prompt = body["prompt"]
        if prompt in _REFUSALS:
            status, said = _REFUSALS[prompt]
            return JSONResponse(said, status, headers={"location": f"{self.url}/elsewhere"})
        if prompt == "a page":
            return Response("<p>Welcome</p>", media_type="text/html")
        return StreamingResponse(self._stream(prompt), media_type="text/event-stream")

    async def _stream(self, prompt: str) -> AsyncGenerator[str, None]:
        try:
            for text in ("one ", "two ", "three"):
                yield _event({"choices": [{"index": 0, "text": text, "finish_reason": None}]})
            match prompt:
                case "waits":
                    await asyncio.Event().wait()
                case "fails midway":
                    yield _event({"error": {"message": f"Out of memory for {KEY}."}})
                case "garbage":
                    yield "data: <html>\n\n"
                case "filtered":
                    yield _event({"choices": [{"text": "", "finish_reason": "content_filter"}]})
                case "breaks off":
                    pass
                case _:
                    ended = {"index": 0, "text": "", "finish_reason": "length"}
                    yield _event({"choices": [ended]})
                    usage = {"prompt_tokens": 11, "completion_tokens": 4}
                    yield _event({"choices": [], "usage": usage})
                    yield "data: [DONE]\n\n"
        except asyncio.CancelledError:
            self.is_left.set()
            raise


@contextmanager
def remote_server() -> Iterator[RemoteServer]:
    server, app = RemoteServer(), FastAPI()
    app.get("/ready", response_model=None)(_ready)
    app.post("/v1/completions", response_model=None)(server.answer)
    with server_in_thread(app) as url:
        server.url = f"{url}/v1"
        yield server


def _ready() -> dict[str, Any]:
    return {}


def _event(data: dict[str, Any]) -> str:
    return f"data: {json.dumps(data)}\n\n"

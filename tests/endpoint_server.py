"""A server of OpenAI's API on this machine that answers as a test tells it to, well or badly."""

from __future__ import annotations

import asyncio
import json
import threading
from collections import deque
from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Literal

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, Response, StreamingResponse

from tests.servers import server_in_thread

KEY = "sk-secret-0123"
MODEL = "big/model"
SSE = "text/event-stream"


@dataclass(frozen=True)
class Reply:
    """One answer.

    Attributes:
        events: data of each event; bytes are sent as they are.
        then: what follows them. "wait" goes on for ever, "cut" leaves the end out, "crash" drops
            the connection.
        pause: seconds before each event.
    """

    events: Sequence[dict[str, Any] | bytes] = ()
    then: Literal["done", "wait", "cut", "crash"] = "done"
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    media_type: str = SSE
    pause: float = 0


def piece(text: str, **more: Any) -> dict[str, Any]:
    return {"choices": [{"index": 0, "text": text, "finish_reason": None, **more}]}


def delta(text: str) -> dict[str, Any]:
    return {"choices": [{"index": 0, "delta": {"content": text}, "finish_reason": None}]}


def ending(reason: str = "stop") -> dict[str, Any]:
    return {"choices": [{"index": 0, "text": "", "finish_reason": reason}]}


def usage(prompt: int, completion: int) -> dict[str, Any]:
    return {"choices": [], "usage": {"prompt_tokens": prompt, "completion_tokens": completion}}


def refusal(status: int, message: str, **headers: str) -> Reply:
    body = json.dumps({"error": {"message": message}}).encode()
    return Reply([body], status=status, headers=headers, media_type="application/json")


FINE = Reply([piece("one "), piece("two"), ending(), usage(11, 4)])


class EndpointServer:
    """
    Attributes:
        replies: to the next requests, in order; after them `FINE` is given.
        models: the rows of `/v1/models`; None has that route fail.
        models_status: of that route.
        is_loading: it is this app, and has no model yet.
        takes_ids: else a prompt of token ids is refused, as by servers that take text only.
        asked: path, header fields and body of each request for a text.
        is_left: set when a client hung up on a stream that was still open.
        num_open: streams that are open now.
    """

    def __init__(self) -> None:
        self.url = ""
        self.reset()

    def reset(self) -> None:
        """As new, at the same address."""
        self.replies: deque[Reply] = deque()
        self.models: list[dict[str, Any]] | None = [{"id": MODEL, "max_model_len": 4096}]
        self.models_status = 200
        self.is_loading = False
        self.takes_ids = True
        self.asked: list[tuple[str, dict[str, str], dict[str, Any]]] = []
        self.is_left = threading.Event()
        self.num_open = 0

    @property
    def bodies(self) -> list[dict[str, Any]]:
        return [body for _, _, body in self.asked]

    async def list_models(self, request: Request) -> Response:
        if request.headers.get("authorization", f"Bearer {KEY}") != f"Bearer {KEY}":
            return JSONResponse({"error": {"message": "Who are you?"}}, 401)
        if self.models is None:
            return JSONResponse({}, 500)
        return JSONResponse({"object": "list", "data": self.models}, self.models_status)

    async def ready(self) -> dict[str, Any]:
        return {"base": {}, "chat": {}} if self.is_loading else {}

    async def answer(self, request: Request) -> Response:
        body = await request.json()
        self.asked.append((request.url.path, dict(request.headers), body))
        if not self.takes_ids and not isinstance(body.get("prompt", ""), str):
            return JSONResponse({"detail": "prompt must be a string"}, 400)
        reply = self.replies.popleft() if self.replies else FINE
        return StreamingResponse(
            self._stream(reply), reply.status, reply.headers, media_type=reply.media_type
        )

    async def _stream(self, reply: Reply) -> AsyncGenerator[bytes, None]:
        self.num_open += 1
        try:
            for event in reply.events:
                await asyncio.sleep(reply.pause)
                is_raw = isinstance(event, bytes)
                yield event if is_raw else b"data: " + json.dumps(event).encode() + b"\n\n"
            if reply.then == "crash":
                raise ConnectionAbortedError("as it was told to")
            if reply.then == "wait":
                await asyncio.Event().wait()
            if reply.then == "done" and reply.media_type == SSE:
                yield b"data: [DONE]\n\n"
        except asyncio.CancelledError:
            self.is_left.set()
            raise
        finally:
            self.num_open -= 1


@contextmanager
def endpoint_server() -> Iterator[EndpointServer]:
    server, app = EndpointServer(), FastAPI()
    app.get("/ready", response_model=None)(server.ready)
    app.get("/v1/models", response_model=None)(server.list_models)
    app.get("/props", response_model=None)(_props)
    app.post("/v1/completions", response_model=None)(server.answer)
    app.post("/v1/chat/completions", response_model=None)(server.answer)
    with server_in_thread(app) as url:
        server.url = f"{url}/v1"
        yield server


def _props() -> dict[str, Any]:
    return {"default_generation_settings": {"n_ctx": 1234}}

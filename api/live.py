"""Answers that are sent while they are written: server-sent events and lines of JSON."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing, suppress
from typing import Any

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

from api.errors import Problem, problem_of
from api.hang_up import unless_gone
from model.errors import PlaygroundError

logger = logging.getLogger(__name__)

BEAT_SECONDS = 10.0
SEND_SECONDS = 60.0

SSE = "text/event-stream"
NDJSON = "application/x-ndjson"
# A comment, which every reader of events skips; it keeps proxies from hanging up.
SSE_BEAT = b": still here\n\n"
# Not to JSON, but to Python's `splitlines`, by which httpx and huggingface_hub cut a stream up.
_LINE_ENDS = "\x85\u2028\u2029"


def sse(data: Any) -> bytes:
    """One event: `data` as JSON, or as it is where it is a string ("[DONE]")."""
    return b"data: " + _text(data) + b"\n\n"


def tgi_sse(data: Any) -> bytes:
    """TGI leaves out the space after the colon, and some of its clients count on that."""
    return b"data:" + _text(data) + b"\n\n"


def ndjson(data: Any) -> bytes:
    return _text(data) + b"\n"


def _text(data: Any) -> bytes:
    if isinstance(data, str):
        return data.encode()
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    for char in _LINE_ENDS:
        text = text.replace(char, f"\\u{ord(char):04x}")
    return text.encode()


class LiveResponse(Response):
    """Sends what `frames` yields as it comes.

    The frames are closed, and with them the generation, when the client hangs up or takes
    nothing for `SEND_SECONDS`. An error after the start becomes a last frame.

    Args:
        frames: bytes, each sent at once.
        error_frame: the last frame where a problem comes up on the way.
        beat: sent after `BEAT_SECONDS` of silence; None for formats without a form for it.
    """

    def __init__(
        self,
        frames: AsyncGenerator[bytes, None],
        *,
        media_type: str,
        error_frame: Callable[[Problem], bytes],
        beat: bytes | None = None,
    ) -> None:
        super().__init__(media_type=media_type)
        self.headers["Cache-Control"] = "no-store"
        self.headers["X-Accel-Buffering"] = "no"
        del self.headers["content-length"]
        self._frames = frames
        self._error_frame = error_frame
        self._beat = beat

    @classmethod
    async def begin(
        cls,
        request: Request,
        frames: AsyncGenerator[bytes, None],
        *,
        media_type: str,
        error_frame: Callable[[Problem], bytes],
        beat: bytes | None = None,
    ) -> LiveResponse:
        """The response, once `frames` has given its first.

        That one is empty and comes when the engine has taken the request: until there an error
        still has a status, and from there on closing the frames stops the generation.

        Raises:
            PlaygroundError: the request cannot be run.
            ClientDisconnect: the client is gone.
        """
        await unless_gone(request.receive, anext(frames))
        return cls(frames, media_type=media_type, error_frame=error_frame, beat=beat)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        with suppress(ClientDisconnect):
            await unless_gone(receive, self._send_all(send))

    async def _send_all(self, send: Send) -> None:
        start = {"type": "http.response.start", "status": 200, "headers": self.raw_headers}
        # The beats are closed before the frames that they wait for: a generator that is being
        # read cannot be closed.
        async with aclosing(self._frames), aclosing(self._with_beats()) as frames:
            try:
                await _send(send, start)
                try:
                    async for frame in frames:
                        await _send(send, _body(frame))
                except PlaygroundError as error:
                    await _send(send, _body(self._error_frame(problem_of(error))))
                await _send(send, _body(b"", is_last=True))
            except TimeoutError:
                logger.info("a client takes nothing any more; hanging up")

    async def _with_beats(self) -> AsyncGenerator[bytes, None]:
        step: asyncio.Future[bytes] | None = None
        try:
            while True:
                step = asyncio.ensure_future(anext(self._frames))
                while not (await asyncio.wait({step}, timeout=BEAT_SECONDS))[0]:
                    if self._beat is not None:
                        yield self._beat
                try:
                    yield step.result()
                except StopAsyncIteration:
                    return
        finally:
            if step is not None:
                step.cancel()
                await asyncio.gather(step, return_exceptions=True)


def _body(frame: bytes, *, is_last: bool = False) -> Message:
    return {"type": "http.response.body", "body": frame, "more_body": not is_last}


async def _send(send: Send, message: Message) -> None:
    async with asyncio.timeout(SEND_SECONDS):
        await send(message)

"""One call's answer, whole or streamed, from its choices and its form."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from typing import Any

from fastapi import Request
from fastapi.responses import JSONResponse, Response

from api.hang_up import unless_gone
from api.live import SSE, SSE_BEAT, LiveResponse, sse
from api.openai.choices import Choices, Opened, Piece
from api.openai.wire import Envelope, Form, error_frame, usage_of

OnOpened = Callable[[Opened], None]


async def answer_whole(
    request: Request,
    choices: Choices,
    form: Form,
    envelope: Envelope,
    on_opened: OnOpened = lambda opened: None,
) -> Response:
    """One JSON object. A client that hangs up stops the generation.

    Raises:
        PlaygroundError: a request cannot be run, or failed.
        ClientDisconnect: the client is gone.
    """
    pieces = await unless_gone(request.receive, _collect(choices, on_opened))
    whole = [form.whole(index, pieces[index]) for index in sorted(pieces)]
    body = envelope.wrap(form.whole_type, whole, usage=usage_of(choices.spent))
    return JSONResponse(body)


async def answer_live(
    request: Request,
    choices: Choices,
    form: Form,
    envelope: Envelope,
    on_opened: OnOpened = lambda opened: None,
    *,
    includes_usage: bool,
) -> Response:
    """Server-sent events, the last one "[DONE]".

    Raises:
        PlaygroundError: the first request cannot be run. What fails later becomes an event.
        ClientDisconnect: the client is gone.
    """
    frames = _frames(choices, form, envelope, on_opened, includes_usage)
    return await LiveResponse.begin(
        request, frames, media_type=SSE, error_frame=error_frame, beat=SSE_BEAT
    )


async def _collect(choices: Choices, on_opened: OnOpened) -> dict[int, list[Piece]]:
    pieces: dict[int, list[Piece]] = {}
    async with aclosing(choices.run()) as events:
        async for event in events:
            if isinstance(event, Opened):
                on_opened(event)
            else:
                pieces.setdefault(event.index, []).append(event)
    return pieces


async def _frames(
    choices: Choices, form: Form, envelope: Envelope, on_opened: OnOpened, includes_usage: bool
) -> AsyncGenerator[bytes, None]:
    """The first is empty, and comes when the engine has taken the first request."""
    # OpenAI puts an empty usage into every chunk where the last one will tell it.
    more: dict[str, Any] = {"usage": None} if includes_usage else {}

    def frame(*choice: dict[str, Any]) -> bytes:
        return sse(envelope.wrap(form.chunk_type, list(choice), **more))

    async with aclosing(choices.run()) as events:
        is_begun = False
        async for event in events:
            if isinstance(event, Opened):
                on_opened(event)
                if not is_begun:
                    is_begun = True
                    yield b""
                choice = form.opening(event.index)
            else:
                choice = form.chunk(event)
            if choice is not None:
                yield frame(choice)
    if includes_usage:
        more["usage"] = usage_of(choices.spent)
        yield frame()
    yield sse("[DONE]")

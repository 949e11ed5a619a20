"""From a run's events to the page's updates: few enough to be cheap, often enough to be alive."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, suppress
from dataclasses import replace
from typing import Protocol

from model.engine.events import Failed
from model.errors import PlaygroundError
from model.remote import RemoteEvent
from model.service import RunEvent
from ui.notices import unexpected_error
from ui.progress import Progress, advance

logger = logging.getLogger(__name__)

UPDATE_SECONDS = 0.05
# Gradio notices that a client is gone when a handler yields, so one yields while it waits, too.
BEAT_SECONDS = 0.5
# Of a view that a browser draws anew at each update: what that costs grows with the text. It leaves
# the browser most of its time (benchmarks/README.md, "What an update costs the page").
CHARS_PER_SECOND_OF_PAUSE = 50_000
MAX_PAUSE_SECONDS = 0.15


AnyEvent = RunEvent | RemoteEvent


class Followed(Protocol):
    """A run here, or of a remote model."""

    def events(self) -> AsyncGenerator[AnyEvent, None]: ...

    def cancel(self) -> None: ...


def pause_after(num_chars: int) -> float:
    """Seconds to wait after an update of a view that draws `num_chars` characters anew."""
    return min(num_chars / CHARS_PER_SECOND_OF_PAUSE, MAX_PAUSE_SECONDS)


async def follow(run: Followed, request_id: str) -> AsyncGenerator[Progress, None]:
    """The run's progress, the last one with `is_over`. Raises nothing: faults are outcomes.

    Closing it early cancels the run.
    """
    progress = Progress()
    try:
        async with aclosing(coalesce(run.events())) as batches:
            async for batch in batches:
                progress = advance(progress, batch, time.monotonic())
                if not progress.is_over:
                    yield progress
    except PlaygroundError as error:
        progress = replace(progress, outcome=Failed(error))
    except Exception:
        logger.exception("request %s failed", request_id)
        progress = replace(progress, outcome=Failed(unexpected_error(request_id)))
    yield replace(progress, is_over=True)


async def coalesce(
    events: AsyncIterator[AnyEvent],
    *,
    update_seconds: float = UPDATE_SECONDS,
    beat_seconds: float = BEAT_SECONDS,
) -> AsyncGenerator[list[AnyEvent], None]:
    """All events in order, in batches at least `update_seconds` apart.

    An empty batch comes where nothing happened for `beat_seconds`. An error of `events` is
    raised after what came before it. Closing this closes `events`.
    """
    pending: list[AnyEvent] = []
    has_news = asyncio.Event()

    async def pump() -> None:
        # One task reads to the end: a timeout around a generator's step would close it.
        async for event in events:
            pending.append(event)
            has_news.set()

    task = asyncio.create_task(pump())
    task.add_done_callback(lambda _: has_news.set())
    try:
        is_over = False
        while not is_over:
            with suppress(TimeoutError):
                await asyncio.wait_for(has_news.wait(), beat_seconds)
            has_news.clear()
            is_over = task.done()
            batch = pending[:]
            pending.clear()
            sent_at = time.monotonic()
            if batch or not is_over:
                yield batch
            if not is_over:
                await asyncio.sleep(max(0.0, sent_at + update_seconds - time.monotonic()))
        await task
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError, Exception):
            await task

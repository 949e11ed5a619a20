"""One running generation: where the model's thread and its reader's event loop meet."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import threading
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Literal

from model.engine.events import Event, Failed, Finished
from model.sampling import SamplingParams

Slot = Literal["base", "chat"]
SLOTS: tuple[Slot, ...] = ("base", "chat")

_request_numbers = itertools.count(1)


@dataclass(frozen=True, slots=True)
class GenerationRequest:
    """What an engine runs: token ids, nothing of how they came about.

    Attributes:
        slot: whose model runs it.
        prompt_ids: at least one token; prompt and `params.max_new_tokens` fit the context.
        params: sampling parameters, `max_new_tokens` already clamped.
        stop_token_ids: ids that end the text, the model's own end-of-text among them.
        deadline: seconds from submission after which it is cut off; None is never.
        healed: white space that the prompt ended in and `prompt_ids` leave out. The text begins
            with it and is shown without it; see `model.healing`.
        is_start_stripped: leave out newlines before the first other character; they belong to
            the dialogue's markup.
        num_pinned: that many tokens from the prompt's start will come again, perhaps after other
            requests: an engine does well to keep what it computed for them. 0 is none.
    """

    slot: Slot
    prompt_ids: tuple[int, ...]
    params: SamplingParams
    stop_token_ids: tuple[int, ...]
    deadline: float | None = None
    healed: str = ""
    is_start_stripped: bool = False
    num_pinned: int = 0
    request_id: str = field(default_factory=lambda: f"gen-{next(_request_numbers)}")


class Generation:
    """An async iterator of events, and `cancel()`.

    Made by an engine on its reader's event loop. The engine's thread calls `publish`; it never
    waits for the reader. Iteration ends after `Finished` or `Failed`.
    """

    def __init__(self, request: GenerationRequest) -> None:
        self.request = request
        self.submitted_at = time.monotonic()
        self._loop = asyncio.get_running_loop()
        self._events: asyncio.Queue[Event] = asyncio.Queue()
        self._cancelled = threading.Event()
        self._is_over = False
        self._on_interrupt: Callable[[], None] | None = None
        self._deadline_timer = (
            self._loop.call_later(request.deadline, self._interrupt)
            if request.deadline is not None
            else None
        )

    @property
    def is_cancelled(self) -> bool:
        return self._cancelled.is_set()

    @property
    def is_past_deadline(self) -> bool:
        deadline = self.request.deadline
        return deadline is not None and time.monotonic() - self.submitted_at > deadline

    @property
    def should_stop(self) -> bool:
        return self.is_cancelled or self.is_past_deadline

    def cancel(self) -> None:
        """Ask the engine to stop: before its next token, its next chunk of prefill, or at once
        while the request still waits. Safe from any thread, any number of times."""
        if self._cancelled.is_set():
            return
        self._cancelled.set()
        self._interrupt()

    def on_interrupt(self, callback: Callable[[], None]) -> None:
        """Engines: run `callback` when `cancel()` is called or the deadline passes, so that a
        request that still waits can leave the line at once."""
        self._on_interrupt = callback

    def publish(self, event: Event) -> None:
        """Engines: hand `event` to the reader, from any thread, without waiting."""
        # A closed loop means that the process is going down: nobody is left to read.
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._events.put_nowait, event)

    def __aiter__(self) -> AsyncIterator[Event]:
        return self

    async def __anext__(self) -> Event:
        if self._is_over:
            raise StopAsyncIteration
        event = await self._events.get()
        if isinstance(event, Finished | Failed):
            self._is_over = True
            if self._deadline_timer is not None:
                self._deadline_timer.cancel()
        return event

    def _interrupt(self) -> None:
        if self._on_interrupt is not None:
            self._on_interrupt()

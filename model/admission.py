"""Who may run: the one door to an engine, for page and API alike.

First come, first served, behind a bound. Who waits hears of each change of its place.
"""

from __future__ import annotations

import threading
from collections import deque

from model.engine.events import Queued
from model.engine.generation import Generation
from model.errors import EngineClosedError, QueueFullError


class Admission:
    """A bounded FIFO line of generations, safe to use from any thread.

    Args:
        max_waiting: how many may wait; those that run are not counted.
    """

    def __init__(self, max_waiting: int) -> None:
        self.max_waiting = max_waiting
        self._waiting: deque[Generation] = deque()
        self._running: set[Generation] = set()
        self._is_closed = False
        self._lock = threading.Lock()

    @property
    def num_waiting(self) -> int:
        return len(self._waiting)

    @property
    def num_running(self) -> int:
        return len(self._running)

    def enter(self, generation: Generation) -> None:
        """Join the line.

        Raises:
            QueueFullError: `max_waiting` wait already.
            EngineClosedError: the door is closed.
        """
        with self._lock:
            if self._is_closed:
                raise EngineClosedError("The engine has stopped.", "Restart the app.")
            # A free engine takes the first at once: with nobody running, it does not wait.
            if len(self._waiting) >= self.max_waiting + (not self._running):
                raise QueueFullError(self.max_waiting)
            self._waiting.append(generation)
            if self._running or len(self._waiting) > 1:
                generation.publish(Queued(len(self._waiting)))

    def next(self) -> Generation | None:
        """Take the first in line, which then counts as running; None if nobody waits."""
        with self._lock:
            if not self._waiting:
                return None
            generation = self._waiting.popleft()
            self._running.add(generation)
            self._tell_places()
            return generation

    def withdraw(self, generation: Generation) -> bool:
        """Leave the line; False if the generation does not wait (any more)."""
        with self._lock:
            if generation not in self._waiting:
                return False
            self._waiting.remove(generation)
            self._tell_places()
            return True

    def leave(self, generation: Generation) -> None:
        """A running generation is over."""
        with self._lock:
            self._running.discard(generation)

    def close(self) -> list[Generation]:
        """Admit nobody from now on; returns all who wait or run."""
        with self._lock:
            self._is_closed = True
            return [*self._waiting, *self._running]

    def _tell_places(self) -> None:
        for position, generation in enumerate(self._waiting, start=1):
            generation.publish(Queued(position))

"""The runs under way, one for each tab of each browser session. Knows no text but theirs."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncGenerator
from contextlib import aclosing

from model.requests import PlaygroundRequest
from model.service import GenerationService, Run
from ui.progress import Progress
from ui.streaming import follow


class _Held:
    def __init__(self, run: Run) -> None:
        self.run = run
        self.is_over = asyncio.Event()


class Runs:
    """Starts runs, and stops them on behalf of the session that started them.

    Args:
        deadline: seconds after which a generation is cut off; None is never.
    """

    def __init__(self, service: GenerationService, deadline: float | None) -> None:
        self._service = service
        self._deadline = deadline
        self._held: dict[tuple[str, str], _Held] = {}
        self._numbers = itertools.count(1)

    @property
    def num_running(self) -> int:
        return len(self._held)

    async def start(
        self, request: PlaygroundRequest, session: str, tab: str
    ) -> AsyncGenerator[Progress, None]:
        """The progress of `request`, once the former run of that tab has stopped.

        Closing it early cancels the run.
        """
        key = (session, tab)
        held = _Held(
            self._service.start(request, session, overflow="trim", deadline=self._deadline)
        )
        while former := self._held.get(key):
            former.run.cancel()
            await former.is_over.wait()
        self._held[key] = held
        try:
            async with aclosing(follow(held.run, f"page-{next(self._numbers)}")) as steps:
                async for progress in steps:
                    yield progress
        finally:
            del self._held[key]
            held.is_over.set()

    def stop(self, session: str, tab: str) -> None:
        """Stop that tab's run, if there is one; its progress goes on to its end."""
        if held := self._held.get((session, tab)):
            held.run.cancel()

    def close(self, session: str) -> None:
        """The session is gone: stop all that it runs."""
        for (owner, _), held in list(self._held.items()):
            if owner == session:
                held.run.cancel()

"""The runs under way, one for each place of each browser session. Knows no text but theirs."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterator
from contextlib import aclosing, asynccontextmanager

from model.remote import RemoteModel
from model.requests import CompletionRequest, PlaygroundRequest
from model.service import GenerationService
from ui.block_stop import Ending, stop_at_end
from ui.progress import Preparing, Progress
from ui.streaming import BEAT_SECONDS, Followed, follow

# A request that takes a while to make, such as one with a file that has to be fetched.
MakeRequest = Callable[[], Awaitable[PlaygroundRequest]]


class _Held:
    """A run, or a place that is kept for one while its request is being made."""

    def __init__(self) -> None:
        self.run: Followed | None = None
        self.is_cancelled = False
        self.is_over = asyncio.Event()

    def cancel(self) -> None:
        """The run, and those that were to follow."""
        self.is_cancelled = True
        self.cancel_run()

    def cancel_run(self) -> None:
        if self.run is not None:
            self.run.cancel()


class Runs:
    """Starts runs, and stops them on behalf of the session that started them.

    Args:
        deadline: seconds after which a generation is cut off; None is never.
        remote: a model on another machine that may be asked, too.
    """

    def __init__(
        self,
        service: GenerationService,
        deadline: float | None,
        remote: RemoteModel | None = None,
    ) -> None:
        self.remote = remote
        self._service = service
        self._deadline = deadline
        self._held: dict[tuple[str, str], _Held] = {}
        self._numbers = itertools.count(1)

    @property
    def num_running(self) -> int:
        return len(self._held)

    async def start(
        self, request: PlaygroundRequest | MakeRequest, session: str, place: str
    ) -> AsyncGenerator[Progress, None]:
        """The progress of `request`, once the former run in that place has stopped.

        Closing it early cancels the run.

        Args:
            place: a tab; of a tab with several runs at a time, each has one.
        """
        async with self._hold(session, place) as held:
            if callable(request):
                making = asyncio.ensure_future(request())
                try:
                    while not making.done() and not held.is_cancelled:
                        yield Progress(stage=Preparing())
                        await asyncio.wait({making}, timeout=BEAT_SECONDS)
                    if held.is_cancelled:
                        yield Progress(is_over=True)
                        return
                    request = making.result()
                finally:
                    making.cancel()
            run = self._start(request, session)
            async with aclosing(self._follow(run, held)) as steps:
                async for progress in steps:
                    yield progress

    async def start_remote(
        self, request: CompletionRequest, session: str, place: str, ending: Ending | None = None
    ) -> AsyncGenerator[Progress, None]:
        """The progress of `request` with the remote model, as `start` has it."""
        assert self.remote is not None
        async with self._hold(session, place) as held:
            run = self.remote.start(request, self._deadline)
            async with aclosing(self._follow(run, held)) as following:
                async for progress in stop_at_end(following, ending, held.cancel_run):
                    yield progress

    async def start_each(
        self,
        requests: Iterator[PlaygroundRequest],
        session: str,
        place: str,
        ending: Ending | None = None,
    ) -> AsyncGenerator[Progress, None]:
        """The progress of one request after the other, as `start` has it for one.

        The next is drawn once the last step of the former, with `is_over`, has been taken. Stop
        ends them all, between two as well; so does one that fails or is cut off at its deadline.

        Args:
            ending: where each is to stop; the next then has its turn.
        """
        async with self._hold(session, place) as held:
            for request in requests:
                progress = Progress()
                run = self._start(request, session)
                async with aclosing(self._follow(run, held)) as following:
                    steps = stop_at_end(following, ending, held.cancel_run)
                    async for progress in steps:
                        yield progress
                has_ended = progress.has_ended_well or bool(progress.ended_at)
                if held.is_cancelled or not has_ended:
                    return

    def stop(self, session: str, *places: str) -> None:
        """Stop the runs in those places, where there are any; their progress goes on to its end."""
        for place in places:
            if held := self._held.get((session, place)):
                held.cancel()

    def close(self, session: str) -> None:
        """The session is gone: stop all that it runs."""
        for (owner, _), held in list(self._held.items()):
            if owner == session:
                held.cancel()

    @asynccontextmanager
    async def _hold(self, session: str, place: str) -> AsyncIterator[_Held]:
        """The place, once the former run in it has stopped."""
        key = (session, place)
        held = _Held()
        while former := self._held.get(key):
            former.cancel()
            await former.is_over.wait()
        self._held[key] = held
        try:
            yield held
        finally:
            del self._held[key]
            held.is_over.set()

    async def _follow(self, run: Followed, held: _Held) -> AsyncGenerator[Progress, None]:
        held.run = run
        async with aclosing(follow(run, f"page-{next(self._numbers)}")) as steps:
            async for progress in steps:
                yield progress

    def _start(self, request: PlaygroundRequest, session: str) -> Followed:
        return self._service.start(request, session, overflow="trim", deadline=self._deadline)

"""Which model is resident in which slot, and who may rely on it.

All state lives on the event loop. Token ids mean something only to the model that made them, so
whoever builds a prompt holds a lease until its last token; a change of a slot's model waits for
the slot's leases, and new leases wait for the change.

Two models that do not fit into memory together take turns: all who are in one slot's queue when
its model arrives are served before the other model may take the memory back.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from contextlib import asynccontextmanager, suppress

from model.engine.base import Engine, LoadProgress, ResidentModel
from model.engine.generation import Slot
from model.errors import LoadCancelledError, ModelLoadError, PlaygroundError, SwitchingError
from model.loading.job import LoadJob
from model.loading.memory_plan import MemoryPlan
from model.loading.room import check_size
from model.loading.slot import (
    BEAT_SECONDS,
    Change,
    ChangeFailed,
    Checkpoint,
    Description,
    Lease,
    LoadFailed,
    ModelSource,
    Parked,
    Ready,
    SlotState,
    SlotStatus,
)
from model.loading.swap import Swap, as_load_error, without_frames
from model.presets import ModelPreset

logger = logging.getLogger(__name__)


class Residency:
    """The slots' models. Make it and use it on one event loop.

    Args:
        may_swap: models that do not fit together take turns; else the second is refused.
        tells_reasons: people are told why a model could not be loaded; else only the log is, since
            reasons name accounts and folders.
    """

    def __init__(
        self,
        engine: Engine,
        sources: Mapping[Slot, ModelSource],
        *,
        may_swap: bool = True,
        tells_reasons: bool = True,
    ) -> None:
        self._engine = engine
        self._may_swap = may_swap
        self._tells_reasons = tells_reasons
        self._slots = {slot: SlotState(source) for slot, source in sources.items()}
        self._swap = Swap(engine, self._slots, self._tell)
        self._tasks: set[asyncio.Task[None]] = set()
        # One download and one load at a time: they share the disk, the line and the memory. A
        # model that is here already need not wait for one that is still being fetched.
        self._fetch_lock = asyncio.Lock()
        self._load_lock = asyncio.Lock()

    def start(self) -> None:
        """Begin to load every slot, one after the other, and return at once."""
        for slot in self._slots:
            self._begin_load(slot, is_urgent=False)

    def status(self, slot: Slot) -> SlotStatus:
        return self._slots[slot].status

    def change(self, slot: Slot) -> Change | None:
        """Another model on its way into the slot, or one that could not be loaded."""
        return self._slots[slot].change

    def preset(self, slot: Slot) -> ModelPreset:
        """Of the slot's model, or of the one that is being loaded where there is none yet."""
        return self._slots[slot].preset

    def source(self, slot: Slot) -> ModelSource:
        """Where the slot's model came from; before it is here, what was asked for."""
        state = self._slots[slot]
        return state.checkpoint.source if state.checkpoint else state.wanted

    def plan(self, slot: Slot) -> MemoryPlan | None:
        """The memory plan that the slot's model was loaded with; None where it took none."""
        return self._slots[slot].plan

    def version(self) -> int:
        """Grows with each change of a slot."""
        return sum(state.version for state in self._slots.values())

    async def preview(self, slot: Slot, source: ModelSource) -> MemoryPlan | None:
        """What `source`'s model would need in the slot with all gone that may leave for it. None
        where only its repository tells, or where it takes no memory of its own.

        Raises:
            ModelLoadError: its config is not that of a model that can be loaded.
        """
        # In the middle of a load free memory says nothing.
        async with self._load_lock:
            return await asyncio.to_thread(
                self._engine.plan,
                slot,
                source.preset,
                source.config_folder,
                source.quantization,
                without=self._may_leave(slot),
            )

    def is_busy(self, slot: Slot) -> bool:
        """Whether a load of the slot is under way, so that it can be cancelled."""
        return self._slots[slot].is_busy

    def retry(self, slot: Slot) -> None:
        """Load again what was asked for. Without a failure, nothing happens."""
        state = self._slots[slot]
        if state.is_busy:
            return
        if isinstance(state.change, ChangeFailed):
            self.switch(slot, state.wanted)
        elif isinstance(state.status, LoadFailed):
            state.set_loading("trying again")
            self._begin_load(slot, is_urgent=False)

    def dismiss(self, slot: Slot) -> None:
        """Speak no more of a change that failed."""
        self._slots[slot].dismiss_failure()

    def switch(self, slot: Slot, source: ModelSource, *, is_urgent: bool = False) -> None:
        """Begin to put `source`'s model in place of the slot's, and return at once.

        The present model serves until the new one's files are here, and again if it cannot be
        loaded. Generations under way are waited for.

        Args:
            is_urgent: stop them instead; their text is kept.

        Raises:
            SwitchingError: a load of the slot is under way already.
        """
        state = self._slots[slot]
        if state.job is not None:
            raise SwitchingError(
                f"{state.target.title} is being loaded already.", "Wait for it, or cancel it first."
            )
        state.wanted = source
        state.target = source.preset
        state.show(LoadProgress("waiting to load"))
        self._begin_load(slot, is_urgent=is_urgent)

    def cancel(self, slot: Slot) -> None:
        """Call off what is under way; what was resident before serves on."""
        state = self._slots[slot]
        for job in (state.job, state.turn):
            if job is not None:
                job.cancel()

    async def wait_for_change(self, slot: Slot) -> None:
        """Until something about the slot changes, at most half a second."""
        await self._slots[slot].wait_briefly()

    async def wait(self, slot: Slot) -> AsyncIterator[LoadProgress]:
        """Progress, at each change and at least twice a second, until the slot has a model.

        It asks for nothing: a parked model stays parked.

        Raises:
            PlaygroundError: the model could not be loaded.
        """
        state = self._slots[slot]
        while not isinstance(state.status, Ready | Parked):
            if isinstance(state.status, LoadFailed):
                raise state.status.error.with_traceback(None)
            yield state.progress
            await state.wait_briefly()

    @asynccontextmanager
    async def queue(
        self, slot: Slot, on_revoke: Callable[[], None] | None = None
    ) -> AsyncIterator[Lease]:
        """A place in the queue for the slot's model, and then a lease of it, to the block's end.

        A model that is parked is asked for by this.
        """
        state = self._slots[slot]
        lease = state.enter(on_revoke)
        self._bring_back(slot)
        try:
            yield lease
        finally:
            state.leave(lease)

    @asynccontextmanager
    async def lease(self, slot: Slot) -> AsyncIterator[ResidentModel]:
        """The slot's model, which stays until the block is left.

        Raises:
            ModelNotReadyError: it is not there; `queue` waits for it.
            PlaygroundError: it could not be loaded.
        """
        async with self.queue(slot) as lease:
            yield lease.resident

    async def close(self) -> None:
        """Stop loading. A load that runs on a thread goes on there; nobody waits for it."""
        for slot in self._slots:
            self.cancel(slot)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _begin_load(self, slot: Slot, *, is_urgent: bool) -> None:
        """Fetch what is wanted and make it resident."""
        state = self._slots[slot]

        async def work() -> None:
            async with _turn(self._fetch_lock, job):
                checkpoint = await self._fetch(slot, state.wanted, job)
            async with _turn(self._load_lock, job):
                await self._bring_in(slot, checkpoint, job, is_urgent=is_urgent)
                state.end_change()

        async def attempt() -> None:
            error = await self._failure_of(slot, work())
            state.job = None
            if error is not None:
                state.set_failed(self._tell(error))
            self._bring_back(slot)

        job = self._job(lambda progress: state.show(progress) if state.job is job else None)
        state.job = job
        self._spawn(attempt())

    def _bring_back(self, slot: Slot) -> None:
        """Begin to load a parked model again where somebody waits for it."""
        state = self._slots[slot]
        checkpoint = state.checkpoint
        if not (isinstance(state.status, Parked) and state.num_pending and state.turn is None):
            return
        assert checkpoint is not None

        async def work() -> None:
            async with _turn(self._load_lock, job):
                if state.resident is None:  # else a change was faster
                    await self._bring_in(slot, checkpoint, job)

        async def attempt() -> None:
            error = await self._failure_of(slot, work())
            state.turn = None
            if isinstance(error, LoadCancelledError):
                state.refuse_pending(error)
                state.set_parked()
            elif error is not None:
                state.set_lost(self._tell(error))

        job = self._job(lambda progress: state.show_turn(progress) if state.turn is job else None)
        state.turn = job
        state.set_returning("waiting for its turn in memory")
        self._spawn(attempt())

    async def _bring_in(
        self, slot: Slot, checkpoint: Checkpoint, job: LoadJob, *, is_urgent: bool = False
    ) -> None:
        """The caller holds the load lock."""
        try:
            await self._swap.bring_in(
                slot, checkpoint, job, self._may_leave(slot), is_urgent=is_urgent
            )
        finally:
            # Who waits for what had to leave asks for it back.
            for name in self._slots:
                self._bring_back(name)

    def _job(self, show: Callable[[LoadProgress], None]) -> LoadJob:
        loop = asyncio.get_running_loop()

        def report(progress: LoadProgress) -> None:
            # A closed loop means that the process is going down: nobody is left to look.
            if not loop.is_closed():
                loop.call_soon_threadsafe(show, progress)

        return LoadJob(report)

    def _spawn(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _failure_of(
        self, slot: Slot, work: Coroutine[None, None, None]
    ) -> PlaygroundError | None:
        """Do `work`; the error that it ends with."""
        try:
            await work
        except PlaygroundError as error:
            logger.warning("loading the %s model failed: %s", slot, error)
            return without_frames(error)
        except Exception as error:
            logger.exception("loading the %s model failed", slot)
            return as_load_error(error)
        return None

    def _tell(self, error: PlaygroundError) -> PlaygroundError:
        """What people are told of `error`, which is in the log."""
        if self._tells_reasons or isinstance(error, LoadCancelledError):
            return error
        return ModelLoadError(
            "The model could not be loaded.", "Who runs this app finds the reason in its log."
        )

    async def _fetch(self, slot: Slot, source: ModelSource, job: LoadJob) -> Checkpoint:
        """Bring the checkpoint to this machine, if it can fit into memory at all."""
        if source.resolve is not None:
            # In the middle of a load free memory says nothing.
            async with _turn(self._load_lock, job):
                source = await asyncio.to_thread(source.resolve, job)
            self._slots[slot].target = source.preset
        description = Description(source.preset, source.config_folder)
        is_planned = source.preset.shape is not None
        if is_planned:
            await self._check_size(slot, source, description, job)
        if source.describe is not None:
            description = await asyncio.to_thread(source.describe, job)
        if not is_planned:
            await self._check_size(slot, source, description, job)
        folder = await asyncio.to_thread(source.fetch, job)
        return Checkpoint(source, description.preset, folder)

    async def _check_size(
        self, slot: Slot, source: ModelSource, known: Description, job: LoadJob
    ) -> None:
        """
        Raises:
            DoesNotFitError: not even with all that may leave gone.
        """
        others = (state for name, state in self._slots.items() if name != slot)
        async with _turn(self._load_lock, job):
            if any(
                state.checkpoint is not None and state.checkpoint.preset.name == known.preset.name
                for state in others
            ):
                return  # one copy may serve both slots: that is known once the folder is
            await asyncio.to_thread(
                check_size, self._engine, slot, source, known, self._may_leave(slot)
            )

    def _may_leave(self, slot: Slot) -> tuple[Slot, ...]:
        return tuple(self._slots) if self._may_swap else (slot,)


@asynccontextmanager
async def _turn(lock: asyncio.Lock, job: LoadJob) -> AsyncIterator[None]:
    """Hold `lock`; a job that is cancelled while it waits does not wait on."""
    while True:
        job.check()
        with suppress(TimeoutError):
            await asyncio.wait_for(lock.acquire(), BEAT_SECONDS)
            break
    try:
        yield
    finally:
        lock.release()

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
from collections.abc import AsyncIterator, Callable, Collection, Coroutine, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

from model.engine.base import Engine, LoadProgress, ResidentModel
from model.engine.generation import Slot
from model.errors import DoesNotFitError, ModelLoadError, PlaygroundError, SwitchingError
from model.loading.job import LoadJob
from model.loading.memory_plan import MemoryPlan, Quantization
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
from model.presets import ModelPreset

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Room:
    """How a model gets into memory.

    `quantization` None: as the copy that is there already. `leaving`: whose models make room.
    """

    plan: MemoryPlan | None
    quantization: Quantization | None
    leaving: tuple[Slot, ...]


class Residency:
    """The slots' models. Make it and use it on one event loop.

    Args:
        may_swap: models that do not fit together take turns; else the second is refused.
    """

    def __init__(
        self, engine: Engine, sources: Mapping[Slot, ModelSource], *, may_swap: bool = True
    ) -> None:
        self._engine = engine
        self._may_swap = may_swap
        self._slots = {slot: SlotState(source) for slot, source in sources.items()}
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
        return self._slots[slot].job is not None

    def retry(self, slot: Slot) -> None:
        """Load again what was asked for. Without a failure, nothing happens."""
        state = self._slots[slot]
        if state.job is not None:
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
        """Call off the load under way; what was resident before serves on."""
        job = self._slots[slot].job
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
        for state in self._slots.values():
            if state.job is not None:
                state.job.cancel()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _begin_load(self, slot: Slot, *, is_urgent: bool) -> None:
        """Fetch what is wanted and make it resident."""
        state = self._slots[slot]

        async def work(job: LoadJob) -> None:
            async with _turn(self._fetch_lock, job):
                checkpoint = await self._fetch(slot, state.wanted, job)
            async with _turn(self._load_lock, job):
                await self._make_resident(slot, checkpoint, job, is_urgent=is_urgent)

        self._begin(slot, work)

    def _bring_back(self, slot: Slot) -> None:
        """Begin to load a parked model again where somebody waits for it."""
        state = self._slots[slot]
        checkpoint = state.checkpoint
        if not isinstance(state.status, Parked) or checkpoint is None or not state.num_pending:
            return

        async def work(job: LoadJob) -> None:
            async with _turn(self._load_lock, job):
                await self._make_resident(slot, checkpoint, job, is_urgent=False)

        state.target = checkpoint.preset
        state.set_loading("waiting for its turn in memory")
        self._begin(slot, work)

    def _begin(self, slot: Slot, work: Callable[[LoadJob], Coroutine[None, None, None]]) -> None:
        state = self._slots[slot]
        loop = asyncio.get_running_loop()

        def show(progress: LoadProgress) -> None:
            if state.job is job:
                state.show(progress)

        job = LoadJob(lambda progress: _call_soon(loop, show, progress))
        state.job = job
        task = loop.create_task(self._attempt(slot, job, work))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _attempt(
        self, slot: Slot, job: LoadJob, work: Callable[[LoadJob], Coroutine[None, None, None]]
    ) -> None:
        """Do `work`; a failure becomes the slot's."""
        state = self._slots[slot]
        error: PlaygroundError | None = None
        try:
            await work(job)
        except PlaygroundError as known:
            logger.warning("loading the %s model failed: %s", slot, known)
            error = known
        except Exception as unknown:
            logger.exception("loading the %s model failed", slot)
            error = _as_load_error(unknown)
        finally:
            state.job = None
        if error is not None:
            state.set_failed(_without_frames(error))

    async def _fetch(self, slot: Slot, source: ModelSource, job: LoadJob) -> Checkpoint:
        """Bring the checkpoint to this machine, if it can fit into memory at all."""
        if source.resolve is not None:
            source = await asyncio.to_thread(source.resolve, job)
            self._slots[slot].target = source.preset
        description = Description(source.preset)
        if source.preset.shape is not None:
            await self._check_size(slot, source, description)
        if source.describe is not None:
            description = await asyncio.to_thread(source.describe, job)
            if source.preset.shape is None:
                await self._check_size(slot, source, description)
        folder = await asyncio.to_thread(source.fetch, job)
        return Checkpoint(source, description.preset, folder)

    async def _check_size(self, slot: Slot, source: ModelSource, known: Description) -> None:
        """
        Raises:
            DoesNotFitError: not even with all that may leave gone.
        """
        if any(
            state.checkpoint is not None and state.checkpoint.preset.name == known.preset.name
            for name, state in self._slots.items()
            if name != slot
        ):
            return  # one copy may serve both slots: that is known once the folder is
        plan = await asyncio.to_thread(
            self._engine.plan,
            slot,
            known.preset,
            known.config_folder,
            source.quantization,
            without=self._may_leave(slot),
        )
        if plan is not None and plan.choose(source.quantization) is None:
            raise _does_not_fit(plan)

    async def _make_resident(
        self, slot: Slot, checkpoint: Checkpoint, job: LoadJob, *, is_urgent: bool
    ) -> None:
        """Load a checkpoint in place of the slot's model, and of the other one where it must."""
        room = await asyncio.to_thread(self._find_room, slot, checkpoint)
        await self._drain({slot, *room.leaving}, job, is_urgent=is_urgent)
        parked = [name for name in room.leaving if self._slots[name].resident is not None]
        try:
            for name in parked:
                self._slots[name].set_parked()
                await asyncio.to_thread(self._engine.unload, name)
            resident = await asyncio.to_thread(
                self._engine.load,
                slot,
                checkpoint.preset,
                checkpoint.folder,
                job.report,
                room.quantization,
            )
        except Exception:
            for name in parked:
                await self._put_back(name)
            raise
        self._slots[slot].set_ready(checkpoint, resident, room.plan)
        for name in parked:
            self._bring_back(name)

    def _may_leave(self, slot: Slot) -> tuple[Slot, ...]:
        return tuple(self._slots) if self._may_swap else (slot,)

    def _find_room(self, slot: Slot, checkpoint: Checkpoint) -> _Room:
        """How to hold the weights, and whose models have to leave for them.

        Raises:
            DoesNotFitError: there is no room, whoever leaves.
        """
        plan: MemoryPlan | None = None
        for leaving in ((), (slot,), self._may_leave(slot)):
            wish = checkpoint.source.quantization
            plan = self._engine.plan(
                slot, checkpoint.preset, checkpoint.folder, wish, without=leaving
            )
            if plan is None:
                return _Room(None, None, ())
            row = plan.choose(wish)
            if row is not None:
                return _Room(plan, row.quantization, leaving)
        assert plan is not None
        raise _does_not_fit(plan)

    async def _drain(self, slots: Collection[Slot], job: LoadJob, *, is_urgent: bool) -> None:
        """Let who holds a lease on `slots` finish, and nobody new in."""
        states = [self._slots[name] for name in slots]
        for state in states:
            state.close()
        try:
            while busy := next((state for state in states if state.num_leases), None):
                num_leases = sum(state.num_leases for state in states)
                job.report(LoadProgress(_waiting_for(num_leases)))
                if is_urgent:
                    for state in states:
                        state.revoke()
                await busy.wait_briefly()
            job.check()
        except BaseException:
            for state in states:
                state.open()
            raise

    async def _put_back(self, slot: Slot) -> None:
        """Load again what left for a model that then could not be loaded."""
        state = self._slots[slot]
        checkpoint = state.checkpoint
        if checkpoint is None:
            return
        state.set_loading(f"putting {checkpoint.preset.title} back")
        try:
            room = await asyncio.to_thread(self._find_room, slot, checkpoint)
            resident = await asyncio.to_thread(
                self._engine.load,
                slot,
                checkpoint.preset,
                checkpoint.folder,
                lambda progress: None,
                room.quantization,
            )
        except PlaygroundError as error:
            logger.warning("putting the %s model back failed: %s", slot, error)
            state.set_failed(_without_frames(error))
        else:
            state.set_ready(checkpoint, resident, room.plan)


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


def _call_soon(
    loop: asyncio.AbstractEventLoop, show: Callable[[LoadProgress], None], progress: LoadProgress
) -> None:
    # A closed loop means that the process is going down: nobody is left to look.
    if not loop.is_closed():
        loop.call_soon_threadsafe(show, progress)


def _waiting_for(num_leases: int) -> str:
    noun = "generation" if num_leases == 1 else "generations"
    return f"waiting for {num_leases} {noun} to finish"


def _does_not_fit(plan: MemoryPlan) -> DoesNotFitError:
    needs = ", ".join(f"{_gigabytes(row.total)} in {row.precision}" for row in plan.rows)
    return DoesNotFitError(
        f"{plan.title} does not fit: with one full context it needs {needs}, and "
        f"{_gigabytes(plan.budget.free)} are free on {plan.budget.device}.",
        "Choose a smaller model, let it be quantised (--quantization auto), or free memory; then "
        "retry. Nothing was loaded.",
        plan,
    )


def _gigabytes(num_bytes: int) -> str:
    return f"{num_bytes / 1e9:,.1f} GB"


def _as_load_error(error: Exception) -> ModelLoadError:
    return ModelLoadError(
        f"The model could not be loaded: {type(error).__name__}.",
        "The terminal has the details; Retry tries again.",
    )


def _without_frames(error: PlaygroundError) -> PlaygroundError:
    """Frames of a traceback hold tensors; a status that keeps the error must not keep them."""
    error.__cause__ = error.__context__ = None
    return error.with_traceback(None)

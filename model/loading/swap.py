"""The moment in which models change places: who holds a lease finishes, who has to leave leaves,
the new one is loaded, and what had left comes back where that failed.

One at a time: `Residency` holds a lock around each.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Collection, Mapping

from model.engine.base import Engine, LoadProgress, ResidentModel
from model.engine.generation import Slot
from model.errors import ModelLoadError, PlaygroundError
from model.loading.job import LoadJob
from model.loading.memory_plan import Quantization, quantization_of
from model.loading.room import find_room
from model.loading.slot import Checkpoint, SlotState

logger = logging.getLogger(__name__)


class Swap:
    """
    Args:
        tell: makes of an error what people are told of it.
    """

    def __init__(
        self,
        engine: Engine,
        slots: Mapping[Slot, SlotState],
        tell: Callable[[PlaygroundError], PlaygroundError],
    ) -> None:
        self._engine = engine
        self._slots = slots
        self._tell = tell

    async def bring_in(
        self,
        slot: Slot,
        checkpoint: Checkpoint,
        job: LoadJob,
        may_leave: tuple[Slot, ...],
        *,
        is_urgent: bool = False,
    ) -> None:
        """Make `checkpoint` resident in `slot`, in place of whoever has to leave for it.

        Raises:
            PlaygroundError: it could not be loaded; what had left is back, or parked.
        """
        room = await asyncio.to_thread(find_room, self._engine, slot, checkpoint, may_leave)
        await self._drain({slot, *room.leaving}, job, is_urgent=is_urgent)
        left: dict[Slot, Quantization] = {}
        failure: PlaygroundError | None = None
        try:
            for name in room.leaving:
                await self._send_away(name, left, is_coming=name == slot)
            resident = await self._load(slot, checkpoint, job.report, room.quantization)
        except PlaygroundError as error:
            failure = without_frames(error)
        except Exception as error:
            logger.exception("loading the %s model failed", slot)
            failure = as_load_error(error)
        # Out of the except blocks: the frames of a traceback hold tensors.
        if failure is not None:
            for name, quantization in left.items():
                await self._put_back(name, quantization)
            for name in (slot, *room.leaving):
                self._slots[name].open()
            raise failure
        self._slots[slot].set_ready(checkpoint, resident, room.plan)

    async def _load(
        self,
        slot: Slot,
        checkpoint: Checkpoint,
        report: Callable[[LoadProgress], None],
        quantization: Quantization | None,
    ) -> ResidentModel:
        return await asyncio.to_thread(
            self._engine.load, slot, checkpoint.preset, checkpoint.folder, report, quantization
        )

    async def _send_away(
        self, slot: Slot, left: dict[Slot, Quantization], *, is_coming: bool
    ) -> None:
        """Free the slot's model and note in `left` how it was held."""
        state = self._slots[slot]
        if state.resident is None:
            return
        left[slot] = quantization_of(state.resident.precision)
        if is_coming:
            state.set_loading("making room")
        else:
            state.set_parked()
        await asyncio.to_thread(self._engine.unload, slot)

    async def _drain(self, slots: Collection[Slot], job: LoadJob, *, is_urgent: bool) -> None:
        """Let who holds a lease on `slots` finish, and nobody new in."""
        states = [self._slots[name] for name in slots]
        for state in states:
            state.close()
        num_told = 0
        try:
            if is_urgent:
                for state in states:
                    state.revoke()
            while busy := next((state for state in states if state.num_leases), None):
                num_leases = sum(state.num_leases for state in states)
                if num_leases != num_told:
                    num_told = num_leases
                    job.report(LoadProgress(_waiting_for(num_leases)))
                job.check()
                await busy.wait_briefly()
            job.check()
        except BaseException:
            for state in states:
                state.open()
            raise

    async def _put_back(self, slot: Slot, held: Quantization) -> None:
        """Load again what left, as it was held. Where there is no room for it any more, it stays
        parked, and comes back when it is asked."""
        state = self._slots[slot]
        checkpoint = state.checkpoint
        assert checkpoint is not None  # it was resident
        state.set_returning(f"putting {checkpoint.preset.title} back")
        failure: PlaygroundError | None = None
        try:
            plan = await asyncio.to_thread(
                self._engine.plan, slot, checkpoint.preset, checkpoint.folder, held
            )
            if plan is not None and plan.choose(held, may_offload=True) is None:
                state.set_parked()
                return
            quantization = None if plan is None else held
            resident = await self._load(slot, checkpoint, lambda progress: None, quantization)
        except PlaygroundError as error:
            logger.warning("putting the %s model back failed: %s", slot, error)
            failure = without_frames(error)
        except Exception as error:
            logger.exception("putting the %s model back failed", slot)
            failure = as_load_error(error)
        if failure is None:
            state.set_ready(checkpoint, resident, plan)
        else:
            state.set_lost(self._tell(failure))


def as_load_error(error: Exception) -> ModelLoadError:
    """What people learn of a fault that has no type of its own."""
    return ModelLoadError(
        f"The model could not be loaded: {type(error).__name__}.",
        "The terminal has the details; Retry tries again.",
    )


def without_frames(error: PlaygroundError) -> PlaygroundError:
    """Frames of a traceback hold tensors; who keeps the error must not keep them."""
    error.__cause__ = error.__context__ = None
    return error.with_traceback(None)


def _waiting_for(num_leases: int) -> str:
    noun = "generation" if num_leases == 1 else "generations"
    return f"waiting for {num_leases} {noun} to finish"

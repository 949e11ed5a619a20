"""One slot: where its model comes from, what is resident in it, and who relies on that.

Knows nothing of engines. All of it lives on one event loop.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from model.engine.base import LoadProgress, ResidentModel
from model.errors import ModelNotReadyError, PlaygroundError
from model.loading.job import LoadJob
from model.loading.memory_plan import MemoryPlan, QuantizationWish
from model.presets import ModelPreset

BEAT_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class Description:
    """What is known of a checkpoint before its weights are fetched.

    Attributes:
        config_folder: holds its config.json; None for an engine that needs no files.
        preset: the source's, with what the repository itself says (its licence) filled in.
    """

    preset: ModelPreset
    config_folder: Path | None = None


@dataclass(frozen=True)
class ModelSource:
    """Where a slot's model comes from.

    All three functions block, run off the event loop, and raise `ModelLoadError`.

    Attributes:
        fetch: brings the checkpoint to this machine and returns its folder (None for an engine
            that needs no files).
        describe: what can be known without the weights; None where nothing can be.
        config_folder: holds its config.json, where that lies on this machine already.
        resolve: the source that this one stands for, where that takes a look at the machine.
        quantization: how the weights are to be held.
        reason: why this model was chosen; empty where somebody named it.
        next_better: how to get a better one; may be empty.
    """

    preset: ModelPreset
    fetch: Callable[[LoadJob], Path | None]
    describe: Callable[[LoadJob], Description] | None = None
    config_folder: Path | None = None
    resolve: Callable[[LoadJob], ModelSource] | None = None
    quantization: QuantizationWish = "auto"
    reason: str = ""
    next_better: str = ""


@dataclass(frozen=True)
class Checkpoint:
    """A source whose files are on this machine."""

    source: ModelSource
    preset: ModelPreset
    folder: Path | None


@dataclass(frozen=True, slots=True)
class Loading:
    """No model can be asked yet."""

    progress: LoadProgress


@dataclass(frozen=True, slots=True)
class Ready:
    resident: ResidentModel


@dataclass(frozen=True, slots=True)
class Parked:
    """The other slot's model has the memory; this one comes back when it is asked for."""


@dataclass(frozen=True, slots=True)
class LoadFailed:
    """`error` is raised for each who asks, without the frames of who asked before."""

    error: PlaygroundError


SlotStatus = Loading | Ready | Parked | LoadFailed


@dataclass(frozen=True, slots=True)
class Changing:
    """Another model is on its way into a slot whose present one goes on serving."""

    preset: ModelPreset
    progress: LoadProgress


@dataclass(frozen=True, slots=True)
class ChangeFailed:
    """Another model could not be loaded; the one from before serves."""

    preset: ModelPreset
    error: PlaygroundError


Change = Changing | ChangeFailed


class Lease:
    """A place in a slot's queue, and from its grant on the model that stays until it is given back.

    Args:
        on_revoke: called when the model has to go at once; who holds the lease then ends soon.
    """

    def __init__(self, state: SlotState, on_revoke: Callable[[], None] | None) -> None:
        self._state = state
        self._on_revoke = on_revoke
        self._resident: ResidentModel | None = None
        self._refusal: PlaygroundError | None = None

    async def wait(self) -> AsyncIterator[LoadProgress]:
        """Progress, at each change and at least every `BEAT_SECONDS`, until it is granted.

        Raises:
            PlaygroundError: the model could not be loaded.
        """
        while self._resident is None:
            self._check()
            yield self._state.progress
            await self._state.wait_briefly()

    @property
    def resident(self) -> ResidentModel:
        """
        Raises:
            ModelNotReadyError: the lease is not granted yet.
            PlaygroundError: the model could not be loaded.
        """
        if self._resident is not None:
            return self._resident
        self._check()
        raise ModelNotReadyError(self._state.progress.stage)

    def _check(self) -> None:
        if self._refusal is not None:
            raise self._refusal.with_traceback(None)
        if isinstance(self._state.status, LoadFailed):
            raise self._state.status.error.with_traceback(None)

    def refuse(self, error: PlaygroundError) -> None:
        """It will not be granted."""
        self._refusal = error

    def grant(self, resident: ResidentModel) -> None:
        self._resident = resident

    def revoke(self) -> None:
        if self._on_revoke is not None:
            self._on_revoke()


class SlotState:
    """What is true of one slot now. `Residency` decides; this keeps it consistent.

    Attributes:
        wanted: what was asked for, and what a retry loads.
        target: what the load under way, or the last one, is to bring.
        checkpoint: of the resident or parked model.
        plan: the memory plan that it was loaded with; None where it took no memory of its own.
        job: the load under way; None where there is none.
        turn: the same for a parked model that comes back, which may happen during a download.
        version: counts the changes that a page shows.
    """

    def __init__(self, wanted: ModelSource) -> None:
        self.wanted = wanted
        self.target = wanted.preset
        self.checkpoint: Checkpoint | None = None
        self.plan: MemoryPlan | None = None
        self.status: SlotStatus = Loading(LoadProgress("waiting to load"))
        self.change: Change | None = None
        self.job: LoadJob | None = None
        self.turn: LoadJob | None = None
        self.version = 0
        self._is_open = False
        self._is_returning = False
        self._granted: set[Lease] = set()
        self._pending: list[Lease] = []
        self._changed = asyncio.Event()

    @property
    def resident(self) -> ResidentModel | None:
        return self.status.resident if isinstance(self.status, Ready) else None

    @property
    def is_busy(self) -> bool:
        """A load or a turn is under way."""
        return self.job is not None or self.turn is not None

    @property
    def preset(self) -> ModelPreset:
        """Of the model that is resident, parked or on its way back; else of what is coming."""
        if isinstance(self.status, Ready):
            return self.status.resident.preset
        has_former = isinstance(self.status, Parked) or self._is_returning
        return self.checkpoint.preset if has_former and self.checkpoint else self.target

    @property
    def num_leases(self) -> int:
        """Leases that were granted and not given back."""
        return len(self._granted)

    @property
    def num_pending(self) -> int:
        return len(self._pending)

    @property
    def progress(self) -> LoadProgress:
        """What who waits for the slot's model waits for."""
        if isinstance(self.status, Loading):
            return self.status.progress
        if isinstance(self.change, Changing):
            return self.change.progress
        return LoadProgress("waiting for the model's turn")

    def enter(self, on_revoke: Callable[[], None] | None) -> Lease:
        """A lease, granted at once where the slot is open."""
        lease = Lease(self, on_revoke)
        self._pending.append(lease)
        self._grant_pending()
        return lease

    def leave(self, lease: Lease) -> None:
        self._granted.discard(lease)
        if lease in self._pending:
            self._pending.remove(lease)
        self._wake()

    def close(self) -> None:
        """Grant no more leases; those that are held go on."""
        self._is_open = False

    def open(self) -> None:
        self._is_open = True
        self._grant_pending()

    def revoke(self) -> None:
        """Ask who holds a lease to end soon."""
        for lease in list(self._granted):
            lease.revoke()

    def refuse_pending(self, error: PlaygroundError) -> None:
        """Who waits does so in vain."""
        for lease in self._pending:
            lease.refuse(error)
        self._pending.clear()
        self._wake()

    def show(self, progress: LoadProgress) -> None:
        """A step of the load under way: beside the model that serves, or could serve."""
        if isinstance(self.status, Ready | Parked) or self._is_returning:
            self.change = Changing(self.target, progress)
        else:
            self.status = Loading(progress)
        self._notify()

    def show_turn(self, progress: LoadProgress) -> None:
        """A step of the turn under way."""
        if self._is_returning:
            self.status = Loading(progress)
            self._notify()

    def set_ready(
        self, checkpoint: Checkpoint, resident: ResidentModel, plan: MemoryPlan | None
    ) -> None:
        self.checkpoint = checkpoint
        self.plan = plan
        self._set_status(Ready(resident))
        self.open()

    def set_loading(self, stage: str) -> None:
        self.change = None
        self._set_status(Loading(LoadProgress(stage)))

    def end_change(self) -> None:
        """What was on its way is there."""
        self.change = None
        self._notify()

    def set_returning(self, stage: str) -> None:
        """The model from before is on its way back."""
        self._set_status(Loading(LoadProgress(stage)), is_returning=True)

    def set_parked(self) -> None:
        self.close()
        self._set_status(Parked())

    def set_failed(self, error: PlaygroundError) -> None:
        """A load failed; a model that is there, or could be, serves on."""
        if isinstance(self.status, Ready | Parked) or self._is_returning:
            self.change = ChangeFailed(self.target, error)
            self._notify()
        else:
            self.change = None
            self._set_status(LoadFailed(error))

    def set_lost(self, error: PlaygroundError) -> None:
        """The model from before could not be brought back."""
        if self.job is None and self.checkpoint is not None:
            self.wanted = self.checkpoint.source
            self.target = self.checkpoint.preset
        self._set_status(LoadFailed(error))

    def dismiss_failure(self) -> None:
        """Speak no more of a change that failed; a retry means the resident model again."""
        if isinstance(self.change, ChangeFailed) and self.checkpoint is not None:
            self.change = None
            self.wanted = self.checkpoint.source
        self._notify()

    async def wait_briefly(self) -> None:
        """Until something changes, at most `BEAT_SECONDS`."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._changed.wait(), BEAT_SECONDS)

    def _set_status(self, status: SlotStatus, *, is_returning: bool = False) -> None:
        self.status = status
        self._is_returning = is_returning
        self._notify()

    def _grant_pending(self) -> None:
        resident = self.resident
        if self._is_open and resident is not None:
            for lease in self._pending:
                lease.grant(resident)
            self._granted.update(self._pending)
            self._pending.clear()
        self._wake()

    def _notify(self) -> None:
        self.version += 1
        self._wake()

    def _wake(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()

"""Which model is resident in which slot, and who may rely on it.

All state lives on the event loop. Token ids mean something only to the model that made them, so
whoever builds a prompt holds a lease until its last token; a load waits for the slot's leases,
and new leases wait for the load.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from model.engine.base import Engine, LoadProgress, ReportProgress, ResidentModel
from model.engine.generation import Slot
from model.errors import ModelLoadError, ModelNotReadyError, PlaygroundError
from model.presets import ModelPreset

logger = logging.getLogger(__name__)

BEAT_SECONDS = 0.5


@dataclass(frozen=True)
class ModelSource:
    """Where a slot's model comes from.

    `prepare` brings the checkpoint to this machine and returns its folder (None for an engine
    that needs no files). It blocks, off the event loop, and raises `ModelLoadError`.
    """

    preset: ModelPreset
    prepare: Callable[[ReportProgress], Path | None]


@dataclass(frozen=True, slots=True)
class Loading:
    progress: LoadProgress


@dataclass(frozen=True, slots=True)
class Ready:
    resident: ResidentModel


@dataclass(frozen=True, slots=True)
class LoadFailed:
    """`error` is raised for each who asks, without the frames of who asked before."""

    error: PlaygroundError


SlotStatus = Loading | Ready | LoadFailed


class _SlotState:
    """One slot: its source, its status, its leases."""

    def __init__(self, source: ModelSource) -> None:
        self.source = source
        self.status: SlotStatus = Loading(LoadProgress("waiting to load"))
        self.num_leases = 0
        self.changed = asyncio.Event()

    def set_status(self, status: SlotStatus) -> None:
        self.status = status
        self.notify()

    def notify(self) -> None:
        self.changed.set()
        self.changed = asyncio.Event()


class Residency:
    """The slots' models. Make it and use it on one event loop."""

    def __init__(self, engine: Engine, sources: Mapping[Slot, ModelSource]) -> None:
        self._engine = engine
        self._slots = {slot: _SlotState(source) for slot, source in sources.items()}
        self._tasks: set[asyncio.Task[None]] = set()
        # One load at a time: they share the disk, the memory and the models' thread.
        self._load_lock = asyncio.Lock()

    def start(self) -> None:
        """Begin to load every slot, one after the other, and return at once."""
        for slot in self._slots:
            self._spawn_load(slot)

    def status(self, slot: Slot) -> SlotStatus:
        return self._slots[slot].status

    def preset(self, slot: Slot) -> ModelPreset:
        return self._slots[slot].source.preset

    def retry(self, slot: Slot) -> None:
        """Load again after a failure. Without one, nothing happens."""
        state = self._slots[slot]
        if isinstance(state.status, LoadFailed):
            state.set_status(Loading(LoadProgress("trying again")))
            self._spawn_load(slot)

    async def wait(self, slot: Slot) -> AsyncIterator[LoadProgress]:
        """Progress, at each change and at least every `BEAT_SECONDS`, until the slot is ready.

        Raises:
            ModelLoadError: the model could not be loaded.
        """
        state = self._slots[slot]
        while not isinstance(state.status, Ready):
            if isinstance(state.status, LoadFailed):
                raise state.status.error.with_traceback(None)
            yield state.status.progress
            await _wait_briefly(state.changed)

    @asynccontextmanager
    async def lease(self, slot: Slot) -> AsyncIterator[ResidentModel]:
        """The slot's model, which stays until the block is left.

        Raises:
            ModelNotReadyError: it is still loading; `wait` first to avoid this.
            ModelLoadError: it could not be loaded.
        """
        state = self._slots[slot]
        match state.status:
            case Loading(progress):
                raise ModelNotReadyError(progress.stage)
            case LoadFailed(error):
                raise error.with_traceback(None)
            case Ready(resident):
                state.num_leases += 1
                try:
                    yield resident
                finally:
                    state.num_leases -= 1
                    state.notify()

    async def close(self) -> None:
        """Stop loading. A load that runs on a thread goes on there; nobody waits for it."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _spawn_load(self, slot: Slot) -> None:
        task = asyncio.get_running_loop().create_task(self._load(slot))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _load(self, slot: Slot) -> None:
        state = self._slots[slot]
        loop = asyncio.get_running_loop()

        def show(progress: LoadProgress) -> None:
            if isinstance(state.status, Loading):
                state.set_status(Loading(progress))

        def report(progress: LoadProgress) -> None:
            loop.call_soon_threadsafe(show, progress)

        async with self._load_lock:
            while state.num_leases:
                await state.changed.wait()
            try:
                folder = await asyncio.to_thread(state.source.prepare, report)
                resident = await asyncio.to_thread(
                    self._engine.load, slot, state.source.preset, folder, report
                )
            except PlaygroundError as error:
                logger.warning("loading the %s model failed: %s", slot, error)
                state.set_status(LoadFailed(error))
            except Exception as error:
                logger.exception("loading the %s model failed", slot)
                state.set_status(LoadFailed(_as_load_error(error)))
            else:
                state.set_status(Ready(resident))


def _as_load_error(error: Exception) -> ModelLoadError:
    return ModelLoadError(
        f"The model could not be loaded: {type(error).__name__}.",
        "The terminal has the details; Retry tries again.",
    )


async def _wait_briefly(event: asyncio.Event) -> None:
    with suppress(TimeoutError):
        await asyncio.wait_for(event.wait(), BEAT_SECONDS)

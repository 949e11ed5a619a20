"""What happens to a slot's model, in lines for a terminal."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Iterator

from model.engine.base import LoadProgress
from model.engine.generation import Slot
from model.loading.residency import Residency
from model.loading.slot import Changing, Loading, Ready

# Figures of a download change all the time; a terminal keeps every line.
DETAIL_SECONDS = 5.0


async def narrate(residency: Residency, slot: Slot) -> AsyncIterator[str]:
    """A line for each new stage and each model that is ready, and figures now and then."""
    narration = _Narration(residency, slot)
    while True:
        for line in narration.news():
            yield line
        await residency.wait_for_change(slot)


class _Narration:
    """Remembers what was said of a slot."""

    def __init__(self, residency: Residency, slot: Slot) -> None:
        self._residency = residency
        self._slot = slot
        self._stage = ""
        self._said_at = 0.0
        self._resident: object = None

    def news(self) -> Iterator[str]:
        status = self._residency.status(self._slot)
        change = self._residency.change(self._slot)
        if isinstance(change, Changing):
            yield from self._step(change.progress)
        elif isinstance(status, Loading):
            yield from self._step(status.progress)
        elif isinstance(status, Ready) and status.resident is not self._resident:
            self._resident, self._stage = status.resident, ""
            resident = status.resident
            place = " in ".join(filter(None, (resident.device, resident.precision)))
            yield f"{self._slot} model: {resident.preset.title} is ready, on {place}"
            source = self._residency.source(self._slot)
            yield from filter(None, (source.reason, source.next_better))

    def _step(self, progress: LoadProgress) -> Iterator[str]:
        now = time.monotonic()
        if progress.stage != self._stage:
            self._stage, self._said_at = progress.stage, now
            yield f"{self._slot} model: {progress.stage}"
        elif progress.detail and now - self._said_at >= DETAIL_SECONDS:
            self._said_at = now
            yield f"{self._slot} model: {progress.stage}: {progress.detail}"

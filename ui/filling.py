"""Gaps filled one after the other, each with the text that the former ones gave."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import aclosing
from dataclasses import dataclass

from model.requests import PlaygroundRequest
from ui.gap import Gap, fill, next_gap
from ui.progress import Progress
from ui.runs import Runs
from ui.status import render_status, titled


@dataclass(frozen=True, slots=True)
class Step:
    """How far the filling is.

    Attributes:
        gap: the one at work; its middle is there once `progress.is_over`.
        number: which gap of how many it is, counted from 1.
    """

    gap: Gap
    progress: Progress
    number: int = 1
    num_gaps: int = 1

    @property
    def title(self) -> str:
        """Such as "Gap 2 of 3"; nothing where there is one."""
        return f"Gap {self.number} of {self.num_gaps}" if self.num_gaps > 1 else ""

    @property
    def is_stopped_between(self) -> bool:
        """As the last step: the next gap's turn never came."""
        return self.progress.has_ended_well and self.number < self.num_gaps


def step_status(step: Step) -> str:
    status = render_status(step.progress)
    return titled(step.title, status) if step.title else status


async def fill_gaps(
    runs: Runs, first: Gap, make: Callable[[Gap], PlaygroundRequest], session: str, place: str
) -> AsyncGenerator[Step, None]:
    """Fill `first` and then each gap that is marked in its suffix.

    The steps end early where a run is stopped or fails. Closing it early cancels the run.

    Args:
        make: the request for a gap.
        place: as `Runs` has it.
    """
    gap, number = first, 1
    num_gaps = 1 + first.num_markers

    def requests() -> Iterator[PlaygroundRequest]:
        nonlocal gap, number
        yield make(gap)
        while following := next_gap(gap):
            gap, number = following, number + 1
            yield make(gap)

    async with aclosing(runs.start_each(requests(), session, place)) as steps:
        async for progress in steps:
            if progress.is_over:
                gap = fill(gap, progress.text)
            yield Step(gap, progress, number, num_gaps)

"""Gaps filled one after the other, each with the text that the former ones gave."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import aclosing
from dataclasses import dataclass, replace

from model.prompts.infill import FILL_MARKER
from model.requests import PlaygroundRequest
from ui.actions import Updates
from ui.candidates import Candidates
from ui.gap import Gap, add_sample, fill, next_gap
from ui.middle import MiddlePane
from ui.notices import notice
from ui.progress import Progress
from ui.runs import Runs
from ui.status import render_status, titled


@dataclass(frozen=True, slots=True)
class Step:
    """How far the filling is.

    Attributes:
        gap: the one at work; its middle is there once `progress.is_over`.
        number: which gap of how many it is, counted from 1.
        sample: which text of how many for that gap, counted from 1.
        begun: what the gap's middle was to begin with.
    """

    gap: Gap
    progress: Progress
    number: int = 1
    num_gaps: int = 1
    sample: int = 1
    num_samples: int = 1
    begun: str = ""

    @property
    def text(self) -> str:
        """The gap's, as far as it is there."""
        return self.begun + self.progress.text

    @property
    def title(self) -> str:
        """Such as "Gap 2 of 3" or "Sample 2 of 3"; nothing where there is one."""
        if self.num_samples > 1:
            return f"Sample {self.sample} of {self.num_samples}"
        return f"Gap {self.number} of {self.num_gaps}" if self.num_gaps > 1 else ""

    @property
    def is_stopped_between(self) -> bool:
        """As the last step: the turn of the next gap or sample never came."""
        is_last = self.number == self.num_gaps and self.sample == self.num_samples
        return self.progress.has_ended_well and not is_last


def step_status(step: Step) -> str:
    status = render_status(step.progress)
    if step.progress.has_ended_well and not step.text.strip():
        status += notice("info", "The model wrote nothing into the gap.", _advise(step.gap))
    return titled(step.title, status) if step.title else status


def _advise(gap: Gap) -> str:
    if gap.suffix.strip():
        return "Generate again, or change what stands around the gap."
    return (
        "Nothing follows the gap. Select what is to be replaced, or put the caret there, and press "
        f"Split at caret; or write {FILL_MARKER} there."
    )


def stream_step(step: Step, between: MiddlePane, candidates: Candidates) -> Updates:
    """The text that comes: the first sample between the boxes, each in its card."""
    text, gap = step.text, step.gap
    if step.num_samples == 1:
        return {} if step.progress.is_over else between.stream(text)
    if step.progress.is_over:
        ended = gap.middle.samples[-1].text if gap.middle.samples else ""
        return between.show(gap.middle) | candidates.stream(gap, step.sample, ended)
    updates = between.stream(text) if step.sample == 1 else {}
    return updates | candidates.stream(gap, step.sample, text)


async def fill_gaps(
    runs: Runs,
    first: Gap,
    make: Callable[[Gap, int], PlaygroundRequest],
    session: str,
    place: str,
    num_samples: int = 1,
    begun: str = "",
) -> AsyncGenerator[Step, None]:
    """Fill `first` and then each gap that is marked in its suffix.

    The steps end early where a run is stopped or fails. Closing it early cancels the run.

    Args:
        make: the request for a gap's sample, counted from 1.
        place: as `Runs` has it.
        num_samples: texts to choose from. Of several gaps each gets one, on which the next rests.
        begun: what the first gap's middle begins with; `make` asks for it.
    """
    step = Step(first, Progress(), num_gaps=1 + first.num_markers, begun=begun)
    if step.num_gaps == 1:
        step = replace(step, num_samples=num_samples)

    def requests() -> Iterator[PlaygroundRequest]:
        nonlocal step
        yield make(step.gap, step.sample)
        while step.sample < step.num_samples:
            step = replace(step, sample=step.sample + 1)
            yield make(step.gap, step.sample)
        while following := next_gap(step.gap):
            step = replace(step, gap=following, number=step.number + 1, begun="")
            yield make(step.gap, 1)

    add = add_sample if step.num_samples > 1 else fill
    async with aclosing(runs.start_each(requests(), session, place)) as steps:
        async for progress in steps:
            step = replace(step, progress=progress)
            if progress.is_over:
                step = replace(step, gap=add(step.gap, step.text))
            yield step

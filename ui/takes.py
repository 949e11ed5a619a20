"""Several texts that are asked for of one prompt, and how far each of them is."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import Any

from model.requests import CompletionRequest
from ui.block_stop import Ending
from ui.progress import Progress
from ui.runs import Runs
from ui.samples import params_of_sample


@dataclass(frozen=True, slots=True)
class Take:
    """
    Attributes:
        title: tells it from the others.
        settings: the controls' values that `request` was made of.
    """

    title: str
    request: CompletionRequest
    settings: tuple[Any, ...]


def take_samples(
    request: CompletionRequest, settings: Sequence[Any], num_samples: int
) -> tuple[Take, ...]:
    """The same asked several times, each with a seed of its own."""
    return tuple(
        Take(
            f"Sample {number}",
            replace(request, params=params_of_sample(request.params, number)),
            tuple(settings),
        )
        for number in range(1, num_samples + 1)
    )


async def run_takes(
    runs: Runs, takes: Sequence[Take], session: str, place: str, ending: Ending | None
) -> AsyncGenerator[Mapping[int, Progress], None]:
    """How far each is, by its index; those that have not begun are missing.

    They run one after the other. The steps end early where one is stopped or fails. Closing it
    early cancels the run.

    Args:
        place: as `Runs` has it.
        ending: where each is to stop; None for its own end.
    """
    now: dict[int, Progress] = {}
    at = 0

    def requests() -> Iterator[CompletionRequest]:
        nonlocal at
        for index, take in enumerate(takes):
            at = index
            yield take.request

    async with aclosing(runs.start_each(requests(), session, place, ending)) as steps:
        async for progress in steps:
            now[at] = progress
            yield dict(now)

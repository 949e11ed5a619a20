"""Several texts that are asked for of one prompt, and how far each of them is."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import Any

from model.requests import CompletionRequest
from ui.abreast import abreast
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
        num_samples: as many are asked for in the same way.
        remote: the name of the remote model that is asked; "" where it is the one here.
    """

    title: str
    request: CompletionRequest
    settings: tuple[Any, ...]
    num_samples: int = 1
    remote: str = ""


def remote_place(place: str) -> str:
    """Where a remote model's run is held, beside the one in `place`."""
    return f"{place}-remote"


def take_samples(
    request: CompletionRequest, settings: Sequence[Any], num_samples: int
) -> tuple[Take, ...]:
    """The same asked several times, each with a seed of its own."""
    return tuple(
        Take(
            f"Sample {number}",
            replace(request, params=params_of_sample(request.params, number)),
            tuple(settings),
            num_samples,
        )
        for number in range(1, num_samples + 1)
    )


async def run_takes(
    runs: Runs, takes: Sequence[Take], session: str, place: str, ending: Ending | None
) -> AsyncGenerator[Mapping[int, Progress], None]:
    """How far each is, by its index; those that have not begun are missing.

    The model here is asked for one after the other; its steps end early where one is stopped or
    fails. A remote model is asked at the same time, and neither minds how the other fares. Closing
    it early cancels the runs.

    Args:
        place: as `Runs` has it.
        ending: where each is to stop; None for its own end.
    """
    here = {index: take.request for index, take in enumerate(takes) if not take.remote}
    lanes = {"here": _run_here(runs, here, session, place, ending)}
    for index, take in enumerate(takes):
        if take.remote:
            remote = runs.start_remote(take.request, session, remote_place(place), ending)
            lanes["remote"] = _keyed(index, remote)
    now: dict[int, Progress] = {}
    async with aclosing(abreast(lanes)) as steps:
        async for news in steps:
            for some in news.values():
                now |= some
            yield dict(now)


async def _run_here(
    runs: Runs,
    requests: Mapping[int, CompletionRequest],
    session: str,
    place: str,
    ending: Ending | None,
) -> AsyncGenerator[Mapping[int, Progress], None]:
    now: dict[int, Progress] = {}
    at = 0

    def each() -> Iterator[CompletionRequest]:
        nonlocal at
        for index, request in requests.items():
            at = index
            yield request

    async with aclosing(runs.start_each(each(), session, place, ending)) as steps:
        async for progress in steps:
            now[at] = progress
            yield dict(now)


async def _keyed(
    index: int, steps: AsyncGenerator[Progress, None]
) -> AsyncGenerator[Mapping[int, Progress], None]:
    async with aclosing(steps):
        async for progress in steps:
            yield {index: progress}

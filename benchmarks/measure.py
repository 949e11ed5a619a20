"""Samples taken in turn, and what is said of them: medians, and medians of ratios."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Sample:
    """One generation: seconds to the first token, seconds in all, and how many tokens."""

    first: float
    total: float
    num_tokens: int

    @property
    def tokens_per_second(self) -> float:
        return self.num_tokens / self.total


@dataclass(frozen=True, slots=True)
class Summary:
    """Medians over the samples of one path.

    `ratio` is the median, over the rounds, of its speed against the path before it in the same
    round; None for the first.
    """

    first: float
    tokens_per_second: float
    ratio: float | None


def measure_in_turn(
    paths: Mapping[str, Callable[[int], Sample]], repeats: int
) -> dict[str, Summary]:
    """What `sample_in_turn` takes, summed up, each path beside the one before it."""
    summaries: dict[str, Summary] = {}
    before: list[Sample] = []
    for name, taken in sample_in_turn(paths, repeats).items():
        summaries[name] = _summary(taken, before)
        before = taken
    return summaries


def sample_in_turn(
    paths: Mapping[str, Callable[[int], Sample]], repeats: int
) -> dict[str, list[Sample]]:
    """Run each path once to warm up, then all of them in turn, `repeats` times.

    In turn, because these machines' speed drifts: what is compared must see the same weather.
    A path gets a number that no run had before, to make its prompt new.
    """
    numbers = iter(range(1_000_000))
    for run in paths.values():
        run(next(numbers))
    samples: dict[str, list[Sample]] = {name: [] for name in paths}
    for _ in range(repeats):
        for name, run in paths.items():
            samples[name].append(run(next(numbers)))
    return samples


def median_ratio(ones: Iterable[float], others: Iterable[float]) -> float:
    """The median, over the rounds, of one path's figure against the other's."""
    return statistics.median(one / other for one, other in zip(ones, others, strict=True))


def _summary(samples: list[Sample], before: list[Sample]) -> Summary:
    rounds = zip(samples, before, strict=True) if before else ()
    ratios = [one.tokens_per_second / other.tokens_per_second for one, other in rounds]
    return Summary(
        first=statistics.median(sample.first for sample in samples),
        tokens_per_second=statistics.median(sample.tokens_per_second for sample in samples),
        ratio=statistics.median(ratios) if ratios else None,
    )

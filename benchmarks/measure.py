"""Samples taken in turn, and what is said of them: medians, and ratios of medians."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping
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
    """Medians over the samples of one path."""

    first: float
    tokens_per_second: float


def measure_in_turn(
    paths: Mapping[str, Callable[[int], Sample]], repeats: int
) -> dict[str, Summary]:
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
    return {name: _summary(taken) for name, taken in samples.items()}


def _summary(samples: list[Sample]) -> Summary:
    return Summary(
        first=statistics.median(sample.first for sample in samples),
        tokens_per_second=statistics.median(sample.tokens_per_second for sample in samples),
    )

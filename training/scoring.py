"""How alike two texts are, and how sure a figure is."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

NUM_RESAMPLES = 1000

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Estimate:
    """A figure and its 95 % interval (percentile bootstrap)."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.value:.3f} [{self.low:.3f}, {self.high:.3f}]"


def edit_similarity(one: str, other: str) -> float:
    """1 minus Levenshtein's distance over the longer length; 1 for two empty texts."""
    if one == other:
        return 1.0
    row = list(range(len(other) + 1))
    for i, character in enumerate(one, start=1):
        diagonal, row[0] = row[0], i
        for j, against in enumerate(other, start=1):
            cost = min(row[j] + 1, row[j - 1] + 1, diagonal + (character != against))
            diagonal, row[j] = row[j], cost
    return 1.0 - row[-1] / max(len(one), len(other))


def bootstrap(
    rows: Sequence[T], statistic: Callable[[Sequence[T]], float], seed: int = 0
) -> Estimate:
    """`statistic` of `rows`, and of rows drawn from them with replacement."""
    rng = random.Random(seed)
    drawn = sorted(statistic(rng.choices(rows, k=len(rows))) for _ in range(NUM_RESAMPLES))
    low, high = drawn[int(0.025 * NUM_RESAMPLES)], drawn[int(0.975 * NUM_RESAMPLES) - 1]
    return Estimate(statistic(rows), low, high)

"""What a detector of personal data says: places in a text."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, Protocol

# BigCode's names for them; the last three are for detectors that can tell them.
Kind = Literal["EMAIL", "IP_ADDRESS", "KEY", "NAME", "PASSWORD", "USERNAME"]


@dataclass(frozen=True, order=True)
class Span:
    """`value == text[start:end]`, in characters.

    Attributes:
        confidence: 0 to 1, for sorting and for a threshold; not a probability that was measured.
    """

    start: int
    end: int
    kind: Kind
    value: str
    confidence: float


class Detector(Protocol):
    def find(self, text: str) -> list[Span]:
        """The spans in `text`, by place; no two overlap."""
        ...


def without_overlaps(spans: Iterable[Span]) -> list[Span]:
    """The surest, then longest, of spans that overlap; by place."""
    kept: list[Span] = []
    # Sorted by place, only the last one kept can reach into the next.
    for span in sorted(spans):
        if not kept or kept[-1].end <= span.start:
            kept.append(span)
        elif _rank(span) > _rank(kept[-1]):
            kept[-1] = span
    return kept


def _rank(span: Span) -> tuple[float, int]:
    return span.confidence, span.end - span.start

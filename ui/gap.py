"""A gap in a file: what stands before and after it, and what was generated between."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from model.overlap import split_overlap


@dataclass(frozen=True, slots=True)
class Middle:
    """What stands in the gap, and the `cut` that was trimmed: it repeated what follows."""

    text: str = ""
    cut: str = ""

    def __bool__(self) -> bool:
        return bool(self.text or self.cut)


@dataclass(frozen=True, slots=True)
class Gap:
    """What the Infill tab holds at one moment."""

    prefix: str = ""
    suffix: str = ""
    middle: Middle = field(default_factory=Middle)

    def __bool__(self) -> bool:
        return bool(self.prefix or self.suffix or self.middle)


Change = Callable[[Gap], Gap]


def fill(gap: Gap, text: str) -> Gap:
    """`gap` with `text` in it, less what repeats the suffix's head."""
    return replace(gap, middle=Middle(*split_overlap(gap.prefix, text, gap.suffix)))


def keep_cut(gap: Gap) -> Gap:
    """What was trimmed is part of the middle after all."""
    return replace(gap, middle=Middle(gap.middle.text + gap.middle.cut))


def take_all(gap: Gap) -> Gap:
    """The middle belongs to the prefix from now on, and the gap is empty."""
    return Gap(gap.prefix + gap.middle.text, gap.suffix)

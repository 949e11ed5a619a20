"""A gap in a file: what stands before and after it, and what was generated between."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from model.errors import PromptError
from model.overlap import split_overlap
from model.prompts.infill import FILL_MARKER
from ui.marked_text import with_generated

MAX_GAPS = 20

_LINE = re.compile(r"\s*[^\n]+\n?")
_WORD = re.compile(r"\s*(?:\w+|[^\w\s]+)")


@dataclass(frozen=True, slots=True)
class Middle:
    """What stands in the gap.

    Attributes:
        cut: what was trimmed off its end, as it repeats what follows.
        samples: all that was generated for the gap, this among it; empty where it is the only one.
    """

    text: str = ""
    cut: str = ""
    samples: tuple[Middle, ...] = ()

    @property
    def alone(self) -> Middle:
        return Middle(self.text, self.cut)

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

    @property
    def boxes(self) -> tuple[str, str]:
        return self.prefix, self.suffix

    @property
    def num_markers(self) -> int:
        """The gaps that are marked in its boxes."""
        return self.prefix.count(FILL_MARKER) + self.suffix.count(FILL_MARKER)

    @property
    def seen_suffix(self) -> str:
        """The suffix as the model gets it: nothing stands where a further gap is marked."""
        return self.suffix.replace(FILL_MARKER, "")


Change = Callable[[Gap], Gap]


def fill(gap: Gap, text: str) -> Gap:
    """`gap` with `text` in it, less what repeats the suffix's head."""
    return replace(gap, middle=Middle(*split_overlap(gap.prefix, text, gap.seen_suffix)))


def add_sample(gap: Gap, text: str) -> Gap:
    """`gap` with one more text to choose from; the first one stands in it."""
    middle = fill(gap, text).middle
    if not middle:
        return gap
    if not gap.middle:
        return replace(gap, middle=replace(middle, samples=(middle,)))
    samples = (*gap.middle.samples, middle)
    return replace(gap, middle=replace(gap.middle, samples=samples))


def choose(gap: Gap, index: int) -> Gap:
    """Another of the samples in the gap; `gap` itself where there is none of that index."""
    samples = gap.middle.samples
    if index >= len(samples):
        return gap
    return replace(gap, middle=replace(samples[index], samples=samples))


def keep_cut(gap: Gap) -> Gap:
    """What was trimmed is part of the middle after all."""
    return replace(gap, middle=replace(gap.middle, text=gap.middle.text + gap.middle.cut, cut=""))


def clear(gap: Gap) -> Gap:
    return Gap()


def split_at(gap: Gap, start: int, end: int) -> Gap:
    """What stands in the prefix after `end` characters goes to the head of the suffix; what stands
    between `start` and `end` makes way for the gap."""
    return Gap(gap.prefix[:start], gap.prefix[end:] + gap.suffix)


def take_all(gap: Gap) -> Gap:
    """The middle belongs to the prefix from now on, and the gap is empty."""
    return Gap(with_generated(gap.prefix, gap.middle.text), gap.suffix)


def take_line(gap: Gap) -> Gap:
    """Its first line belongs to the prefix, with the blank lines before it and its line break."""
    return _take(gap, _LINE)


def take_word(gap: Gap) -> Gap:
    """Its first word, or row of signs, belongs to the prefix, with the white space before it."""
    return _take(gap, _WORD)


def _take(gap: Gap, piece: re.Pattern[str]) -> Gap:
    found = piece.match(gap.middle.text)
    rest = gap.middle.text[found.end() :] if found else ""
    if not rest.strip():
        return take_all(gap)
    taken = gap.middle.text[: len(gap.middle.text) - len(rest)]
    prefix = with_generated(gap.prefix, taken)
    return replace(gap, prefix=prefix, middle=Middle(rest, gap.middle.cut))


def first_gap(gap: Gap) -> Gap:
    """The gap that is to be filled first, empty.

    Where gaps are marked, the marks alone say where they are. Without any, or while a middle
    stands there that might be filled anew, it is the place between the boxes.

    Raises:
        PromptError: there are more than `MAX_GAPS`.
    """
    if FILL_MARKER in gap.prefix:
        before, _, after = gap.prefix.partition(FILL_MARKER)
        first = Gap(before, after + gap.suffix)
    elif gap.middle:
        first = Gap(gap.prefix, gap.suffix)
    else:
        first = next_gap(gap) or Gap(gap.prefix, gap.suffix)
    if first.num_markers >= MAX_GAPS:
        raise PromptError(
            f"The text holds {first.num_markers + 1} {FILL_MARKER} markers; "
            f"{MAX_GAPS} gaps can be filled in one go.",
            "Leave some of them out.",
        )
    return first


def next_gap(gap: Gap) -> Gap | None:
    """The gap at the suffix's first mark, with the middle accepted; None where there is none."""
    before, mark, after = gap.suffix.partition(FILL_MARKER)
    return Gap(take_all(gap).prefix + before, after) if mark else None

"""A text of which some ranges are marked as written by a model."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

Range = tuple[int, int]


class MarkedText(str):
    """A text as any other, which also says what of it a model wrote and nobody has edited since.

    Args:
        marks: ranges of characters, start and end; sorted, disjoint and inside the text.
    """

    marks: tuple[Range, ...]

    def __new__(cls, text: str, marks: Iterable[Range] = ()) -> MarkedText:
        marked = super().__new__(cls, text)
        marked.marks = tuple(marks)
        return marked


def with_generated(text: str, generated: str) -> MarkedText:
    """`text` and what a model wrote after it, marked; marks of `text` stay."""
    marks = text.marks if isinstance(text, MarkedText) else ()
    end = len(text) + len(generated)
    return MarkedText(text + generated, [*marks, (len(text), end)] if generated else marks)


def to_browser(text: str) -> dict[str, Any]:
    """`text` as the page's script has it: a browser counts UTF-16 units, two for an emoji."""
    marks = text.marks if isinstance(text, MarkedText) else ()
    return {"text": str(text), "marks": [list(pair) for pair in _convert(text, marks, units=True)]}


def num_units(text: str) -> int:
    """The length of `text` as a browser counts it."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def from_browser(payload: dict[str, Any]) -> MarkedText:
    """What `to_browser` made, or what became of it on the page."""
    text = str(payload["text"])
    marks = [(int(start), int(end)) for start, end in payload["marks"]]
    return MarkedText(text, _convert(text, marks, units=False))


def _convert(text: str, ranges: Sequence[Range], *, units: bool) -> list[Range]:
    """Ranges of characters as ranges of UTF-16 units, or the other way round."""
    if text.isascii() or not ranges:
        return list(ranges)
    wanted = {place for pair in ranges for place in pair}
    found = {0: 0}
    num_units = 0
    for num_chars, char in enumerate(text, start=1):
        num_units += 1 if char <= "\uffff" else 2
        place, other = (num_chars, num_units) if units else (num_units, num_chars)
        if place in wanted:
            found[place] = other
    return [(found[start], found[end]) for start, end in ranges]

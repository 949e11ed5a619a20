"""Stretches of a long sequence of tokens that a model with a short window reads one by one."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise


@dataclass(frozen=True)
class Window:
    """Tokens `start` to `end` are read; of those, `first` to `last` are taken from this window."""

    start: int
    end: int
    first: int
    last: int


def split(length: int, size: int, overlap: int) -> list[Window]:
    """Windows over `length` tokens. All are `size` long, or as long as there are tokens.

    Each token is taken from one window: where two see it, from the one in whose middle it stands
    nearer, so that it has at least half of `overlap` before and behind it, or the text's end. The
    last window ends with the text and overlaps by more.
    """
    if not 0 <= overlap < size:
        raise ValueError("An overlap is shorter than the window.")
    if length <= size:
        return [Window(0, length, 0, length)] if length else []
    starts = [*range(0, length - size, size - overlap), length - size]
    # Half way between one window's start and the end of the one before.
    borders = [(here + before + size) // 2 for before, here in pairwise(starts)]
    firsts, lasts = [0, *borders], [*borders, length]
    return [
        Window(start, start + size, first, last)
        for start, first, last in zip(starts, firsts, lasts, strict=True)
    ]

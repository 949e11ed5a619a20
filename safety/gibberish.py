"""How random a string looks: pairs of characters as they follow each other in code, or do not.

The figures in `gibberish.json` were counted by `safety.gibberish_training` over the sources of
Python's standard library.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Iterable
from functools import cache
from itertools import pairwise
from pathlib import Path
from string import ascii_letters, digits

MODEL = Path(__file__).with_name("gibberish.json")
# All digits are one symbol, and all that is neither digit nor ASCII letter is another.
SYMBOLS = ascii_letters + "0-"
# In random base64 a digit is as likely as ten letters, and a separator as two.
CHANCE = {"0": 10 / 64, "-": 2 / 64}


def symbols_of(text: str) -> str:
    return "".join(_SYMBOL_OF.get(ord(char), "-") for char in text)


def train(words: Iterable[str]) -> list[list[int]]:
    """For each symbol and each that may follow, as in `SYMBOLS`: how much likelier this is in a
    word than in a random string, in hundredths of a bit."""
    pairs: Counter[tuple[str, str]] = Counter()
    for word in words:
        symbols = symbols_of(word)
        pairs.update(pairwise(symbols))
    figures = []
    for first in SYMBOLS:
        # One is added to each, so that what never occurred is unlikely and not impossible.
        total = sum(pairs[first, second] for second in SYMBOLS) + len(SYMBOLS)
        ratios = [
            (pairs[first, other] + 1) / total / CHANCE.get(other, 1 / 64) for other in SYMBOLS
        ]
        figures.append([round(100 * math.log2(ratio)) for ratio in ratios])
    return figures


def wordiness(text: str) -> float:
    """Bits by which `text` is likelier to be words than random characters, a character: about 2
    for English, about -2 for a key. 0 for less than two characters."""
    symbols = symbols_of(text)
    if len(symbols) < 2:
        return 0.0
    figures = _figures()
    total = sum(map(figures.__getitem__, pairwise(symbols)))
    return total / 100 / (len(symbols) - 1)


@cache
def _figures() -> dict[tuple[str, str], int]:
    rows = json.loads(MODEL.read_text(encoding="utf-8"))
    return {
        (first, second): figure
        for first, row in zip(SYMBOLS, rows, strict=True)
        for second, figure in zip(SYMBOLS, row, strict=True)
    }


_SYMBOL_OF = {ord(char): char for char in ascii_letters} | {ord(digit): "0" for digit in digits}

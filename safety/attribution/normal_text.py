"""Code as the index compares it: each run of white space is one blank, whatever it is made of.

So another indentation, other line ends or another width of lines hide nothing. Letters keep their
case, and nothing else is changed: what is found is the same text.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

BLANK = 32
_SPACES = np.array([code for code in range(sys.maxunicode + 1) if chr(code).isspace()], np.uint32)
_IS_ASCII_SPACE = np.array([chr(code).isspace() for code in range(128)])


@dataclass(frozen=True)
class NormalText:
    """A text without what is not compared.

    Attributes:
        codes: shape (length,), the characters' code points.
        places: shape (length + 1,), where each stands in the text that it was made of, counted in
            characters; of a run of white space its first. The last is that text's length.
    """

    codes: npt.NDArray[np.uint32]
    places: npt.NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.codes)

    def end_of(self, position: int) -> int:
        """Where the character at `position` ends in the text: a run of white space is one."""
        return int(self.places[position + 1])


def normalize(text: str) -> NormalText:
    """Any string will do, lone surrogates too."""
    codes = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.uint32)
    is_space = _find_spaces(codes)
    is_kept = np.ones(len(codes), bool)
    is_kept[1:] = ~(is_space[1:] & is_space[:-1])
    kept = np.where(is_space, np.uint32(BLANK), codes)[is_kept]
    return NormalText(kept, np.append(np.flatnonzero(is_kept), len(codes)).astype(np.int64))


def _find_spaces(codes: npt.NDArray[np.uint32]) -> npt.NDArray[np.bool_]:
    is_ascii = codes < 128
    is_space = _IS_ASCII_SPACE[np.where(is_ascii, codes, 0)]
    if not is_ascii.all():
        is_space[~is_ascii] = np.isin(codes[~is_ascii], _SPACES)
    return is_space

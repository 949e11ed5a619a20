"""Few numbers that stand for a text, such that texts which share 50 characters share one of them.

Winnowing (Schleimer, Wilkerson and Aiken: Winnowing: Local Algorithms for Document Fingerprinting,
SIGMOD 2003): of the hashes of each `WINDOW` grams in a row the least is kept. A match of
`GRAM + WINDOW - 1` characters has such a row of its own, so both texts keep the same hash of it.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from safety.attribution.normal_text import NormalText

GRAM = 40
WINDOW = 11
GUARANTEED = GRAM + WINDOW - 1  # characters: no match that long is missed
DENSITY = 2 / (WINDOW + 1)  # of fingerprints to characters, on average

Hashes = npt.NDArray[np.uint64]

_BASE = 0x9E3779B97F4A7C15  # odd, so that it has an inverse modulo 2 ** 64
_INVERSE = pow(_BASE, -1, 1 << 64)


def find_fingerprints(text: NormalText) -> tuple[Hashes, npt.NDArray[np.int64]]:
    """The hashes that are kept and the grams' first positions in `text`, both of shape (kept,).

    A text shorter than `GUARANTEED` has none.
    """
    hashes = hash_grams(text.codes)
    if len(hashes) < WINDOW:
        return hashes[:0], np.zeros(0, np.int64)
    rows = np.lib.stride_tricks.sliding_window_view(hashes, WINDOW)
    least = rows.argmin(axis=1) + np.arange(len(rows))  # never goes back from one row to the next
    kept = least[np.append(True, least[1:] != least[:-1])]
    return hashes[kept], kept


def hash_grams(codes: npt.NDArray[np.uint32]) -> Hashes:
    """One of each gram, shape (max(0, length - GRAM + 1),): a polynomial modulo 2 ** 64 whose
    coefficients are the mixed code points, mixed again."""
    num_grams = len(codes) - GRAM + 1
    if num_grams < 1:
        return np.zeros(0, np.uint64)
    terms = _mix(codes.astype(np.uint64)) * _powers(_BASE, len(codes))
    sums = np.concatenate([np.zeros(1, np.uint64), np.cumsum(terms, dtype=np.uint64)])
    return _mix((sums[GRAM:] - sums[:-GRAM]) * _powers(_INVERSE, num_grams))


def _powers(base: int, count: int) -> Hashes:
    """From the power 0 on."""
    factors = np.full(count, base, np.uint64)
    factors[0] = 1
    return np.cumprod(factors, dtype=np.uint64)


def _mix(values: Hashes) -> Hashes:
    """SplitMix64's finalizer: every bit of the result hangs on every bit of the value."""
    values = values + np.uint64(_BASE)
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))

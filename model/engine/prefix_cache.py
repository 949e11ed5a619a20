"""The KV cache kept between requests: editors, chats and long preambles resend what they sent.

Knows token ids and transformers' `Cache`; knows no text and runs no model.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass

from transformers import DynamicCache, PreTrainedConfig


@dataclass(frozen=True, slots=True)
class PrefillGrid:
    """Where the reading of a prompt stops: after every `chunk` tokens, and after the first
    `num_pinned`, so that a cache can be kept of exactly those."""

    chunk: int
    num_pinned: int = 0

    def stop_after(self, start: int) -> int:
        """The first stop behind `start`."""
        stop = (start // self.chunk + 1) * self.chunk
        return self.num_pinned if start < self.num_pinned < stop else stop

    def floor(self, length: int) -> int:
        """The last stop that is not behind `length`; 0 before the first."""
        stop = length // self.chunk * self.chunk
        return self.num_pinned if stop < self.num_pinned <= length else stop

    def num_common(self, other: PrefillGrid, length: int) -> int:
        """At most `length` positions: those up to which both grids have the same stops."""
        if self == other:
            return length
        extra = (grid.num_pinned for grid in (self, other) if grid.num_pinned % grid.chunk)
        return min((pinned // self.chunk * self.chunk for pinned in extra), default=length)


@dataclass
class CachedPrefix:
    """Keys and values of `ids`, which `cache` holds in full.

    `num_reproducible` of them, from the start, were computed from stop to stop of `grid`, so a
    fresh prefill on it would compute the same bits.
    """

    ids: list[int]
    cache: DynamicCache
    num_reproducible: int
    grid: PrefillGrid


class PrefixCache:
    """Keeps the last request's cache, and a preamble's apart from it, and hands out what the next
    request shares with either.

    A preamble that many requests begin with is pinned: other requests in between push the last
    request's cache out, and the pinned one stays. There is one, the latest.

    Args:
        config: of the model, for its layers' kinds.
        chunk: size of the prefill grid in tokens.
    """

    def __init__(self, config: PreTrainedConfig, chunk: int) -> None:
        self._config = config
        self._chunk = chunk
        self._kept: CachedPrefix | None = None
        self._pinned: CachedPrefix | None = None

    @property
    def num_bytes(self) -> int:
        """Of all keys and values that are kept between requests."""
        kept = (each.cache for each in (self._kept, self._pinned) if each is not None)
        return sum(map(count_bytes, kept))

    def take(
        self, prompt_ids: Sequence[int], *, is_reproducible: bool, num_pinned: int = 0
    ) -> CachedPrefix:
        """The cached start of `prompt_ids`, at most all but its last token; it may be empty.

        A floating-point sum depends on the shapes it was computed in, so reused keys and values
        may differ in the last bit from fresh ones, and sampling may then choose another token.
        With `is_reproducible` only what is the same bit for bit is handed out.

        The caller owns the result until `keep`; a caller that fails calls `clear`.
        """
        grid = PrefillGrid(self._chunk, num_pinned)
        kept, self._kept = self._kept, None
        sources = [source for source in (kept, self._pinned) if source is not None]
        lengths = [
            _num_usable(source, prompt_ids[:-1], grid, is_reproducible=is_reproducible)
            for source in sources
        ]
        ranked = sorted(zip(lengths, sources, strict=True), key=lambda pair: -pair[0])
        while ranked and ranked[0][0]:
            length, source = ranked.pop(0)
            cache = source.cache
            if source is self._pinned:
                # It stays as it is. The other one goes before the copy is made, not after.
                kept, sources, ranked = None, [], []
                cache = _copy(cache, self._config)
            if _crop(cache, len(source.ids) - length):
                common = grid.num_common(source.grid, length)
                num_reproducible = grid.floor(min(source.num_reproducible, length, common))
                return CachedPrefix(source.ids[:length], cache, num_reproducible, grid)
        return CachedPrefix([], DynamicCache(config=self._config), 0, grid)

    def keep(self, prefix: CachedPrefix) -> None:
        """Keep `prefix` for the next request."""
        assert prefix.cache.get_seq_length() == len(prefix.ids)
        self._kept = prefix

    def pin(self, prefix: CachedPrefix) -> None:
        """Keep a copy of `prefix` beside the last request's, in place of the one before."""
        former = self._pinned
        if (
            former is not None
            and former.ids == prefix.ids
            and former.num_reproducible >= prefix.num_reproducible
        ):
            return
        del former
        self._pinned = None  # before the copy is made: there is memory for one
        self._pinned = CachedPrefix(
            list(prefix.ids),
            _copy(prefix.cache, self._config),
            prefix.num_reproducible,
            prefix.grid,
        )

    def clear(self) -> None:
        """Forget everything: after a failure, above all for want of memory."""
        self._kept = self._pinned = None


def count_bytes(cache: DynamicCache) -> int:
    """Of its keys and values."""
    return sum(
        layer.keys.nbytes + layer.values.nbytes for layer in cache.layers if layer.is_initialized
    )


def _num_usable(
    source: CachedPrefix, prompt_ids: Sequence[int], grid: PrefillGrid, *, is_reproducible: bool
) -> int:
    num_shared = _num_shared(source.ids, prompt_ids)
    if not is_reproducible:
        return num_shared
    common = grid.num_common(source.grid, num_shared)
    return grid.floor(min(num_shared, source.num_reproducible, common))


def _crop(cache: DynamicCache, excess: int) -> bool:
    """Take `excess` tokens off the end; False where the cache cannot go back."""
    if excess:
        try:
            cache.crop(-excess)
        except RuntimeError:
            # A sliding window that has moved on has forgotten what lies before it.
            return False
    return True


def _copy(cache: DynamicCache, config: PreTrainedConfig) -> DynamicCache:
    copied = DynamicCache(config=config)
    copied.layers = [copy.copy(layer) for layer in cache.layers]
    for layer in copied.layers:
        if layer.is_initialized:
            layer.keys, layer.values = layer.keys.clone(), layer.values.clone()
    return copied


def _num_shared(first: Sequence[int], second: Sequence[int]) -> int:
    """Length of the longest common prefix."""
    length = min(len(first), len(second))
    for index in range(length):
        if first[index] != second[index]:
            return index
    return length

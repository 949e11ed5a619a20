"""The KV cache kept between requests: editors, chats and long preambles resend what they sent.

Knows token ids and one transformers `Cache`; knows no text and runs no model.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from transformers import DynamicCache, PreTrainedConfig


@dataclass
class CachedPrefix:
    """Keys and values of `ids`, which `cache` holds in full.

    `num_reproducible` of them, from the start, were computed in whole chunks of the prefill
    grid, so a fresh prefill would compute the same bits.
    """

    ids: list[int]
    cache: DynamicCache
    num_reproducible: int


class PrefixCache:
    """Keeps the last request's cache and hands out what the next one shares with it.

    Args:
        config: of the model, for its layers' kinds.
        chunk: size of the prefill grid in tokens.
    """

    def __init__(self, config: PreTrainedConfig, chunk: int) -> None:
        self._config = config
        self._chunk = chunk
        self._kept: CachedPrefix | None = None

    def take(self, prompt_ids: Sequence[int], *, is_reproducible: bool) -> CachedPrefix:
        """The cached start of `prompt_ids`, at most all but its last token; it may be empty.

        A floating-point sum depends on the shapes it was computed in, so reused keys and values
        may differ in the last bit from fresh ones, and sampling may then choose another token.
        With `is_reproducible` only what is the same bit for bit is handed out.

        The caller owns the result until `keep`; a caller that fails just drops it.
        """
        kept, self._kept = self._kept, None
        if kept is None:
            return self._empty()
        num_shared = _num_shared(kept.ids, prompt_ids[:-1])
        if is_reproducible:
            num_shared = min(num_shared, kept.num_reproducible) // self._chunk * self._chunk
        return self._cropped(kept, num_shared)

    def keep(self, prefix: CachedPrefix) -> None:
        """Keep `prefix` for the next request."""
        assert prefix.cache.get_seq_length() == len(prefix.ids)
        self._kept = prefix

    def _cropped(self, kept: CachedPrefix, length: int) -> CachedPrefix:
        excess = len(kept.ids) - length
        if length == 0:
            return self._empty()
        if excess:
            try:
                kept.cache.crop(-excess)
            except RuntimeError:
                # A sliding window that has moved on has forgotten what lies before it.
                return self._empty()
        num_reproducible = min(kept.num_reproducible, length)
        return CachedPrefix(kept.ids[:length], kept.cache, num_reproducible)

    def _empty(self) -> CachedPrefix:
        return CachedPrefix([], DynamicCache(config=self._config), 0)


def _num_shared(first: Sequence[int], second: Sequence[int]) -> int:
    """Length of the longest common prefix."""
    length = min(len(first), len(second))
    for index in range(length):
        if first[index] != second[index]:
            return index
    return length

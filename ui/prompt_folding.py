"""A long prompt made short enough to look at: the middles of its long texts are folded away.

Each text keeps both of its ends: what matters most stands beside the special tokens around it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from model.tokenization import PromptTokenizer
from model.trimming import EncodedPrompt, Piece, PromptEncoder

# Of a conversation with more segments than this, those in its middle are folded whole.
MAX_SEGMENTS = 300
KEPT_AT_START = 60
# However many texts there are, each shows at least so many tokens of itself.
LEAST_SHOWN = 16


@dataclass(frozen=True, slots=True)
class Hidden:
    """So many tokens stand here and are not shown."""

    num_tokens: int


FoldedPrompt = tuple[Piece | Hidden, ...]


def fold(encoded: EncodedPrompt, tokenizer: PromptTokenizer, max_tokens: int) -> FoldedPrompt:
    """`encoded` with about `max_tokens` tokens of it left to show."""
    start, hidden, end = _split(encoded)
    cap = _cap([len(piece.ids) for piece in (*start, *end)], max_tokens)
    encoder = PromptEncoder(tokenizer)

    def shorten(pieces: EncodedPrompt) -> FoldedPrompt:
        return tuple(part for piece in pieces for part in _shorten(piece, encoder, cap))

    num_hidden = sum(len(piece.ids) for piece in hidden)
    gap = (Hidden(num_hidden),) if num_hidden else ()
    return (*shorten(start), *gap, *shorten(end))


def _split(encoded: EncodedPrompt) -> tuple[EncodedPrompt, EncodedPrompt, EncodedPrompt]:
    if len(encoded) <= MAX_SEGMENTS:
        return encoded, (), ()
    end = len(encoded) - (MAX_SEGMENTS - KEPT_AT_START)
    return encoded[:KEPT_AT_START], encoded[KEPT_AT_START:end], encoded[end:]


def _cap(lengths: Sequence[int], max_tokens: int) -> int:
    """The most tokens of one text, so that all of them together are about `max_tokens`."""
    rest = max_tokens
    for index, length in enumerate(sorted(lengths)):
        share = rest // (len(lengths) - index)
        if length > share:
            return max(share, LEAST_SHOWN)
        rest -= length
    return max(lengths, default=0)


def _shorten(piece: Piece, encoder: PromptEncoder, cap: int) -> FoldedPrompt:
    if len(piece.ids) <= cap:
        return (piece,)
    head = encoder.keep(piece, cap // 2, "start")
    tail = encoder.keep(piece, cap // 2, "end")
    return (head, Hidden(len(piece.ids) - len(head.ids) - len(tail.ids)), tail)

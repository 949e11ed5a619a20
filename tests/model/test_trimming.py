"""Encoding and cutting of segments, where `fit` does not show it."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model.engine.scripted import ByteTokenizer
from model.errors import CapabilityError
from model.prompts.segments import Special, Text
from model.trimming import Piece, PromptEncoder, Side, count_tokens


class CountingTokenizer(ByteTokenizer):
    """Counts how often a text is encoded."""

    def __init__(self) -> None:
        self.num_encoded = 0

    def encode_text(self, text: str) -> list[int]:
        self.num_encoded += 1
        return super().encode_text(text)


class LowercasingTokenizer(ByteTokenizer):
    """Does not give a text back as it was."""

    def decode(self, ids: Sequence[int]) -> str:
        return super().decode(ids).lower()


def test_a_text_is_encoded_once_however_many_prompts_hold_it() -> None:
    tokenizer = CountingTokenizer()
    encoder = PromptEncoder(tokenizer)
    shared = Text("shared", "user")
    assert count_tokens(encoder.encode((shared, Text("a", "user")))) == 7
    assert count_tokens(encoder.encode((shared, shared))) == 12
    assert tokenizer.num_encoded == 2


def test_a_special_token_that_the_vocabulary_lacks_is_refused() -> None:
    with pytest.raises(CapabilityError, match="vocabulary has no <no_such>"):
        PromptEncoder(ByteTokenizer()).encode((Special("<no_such>"),))


@given(
    text=st.text(st.characters(exclude_categories=["Cs"]), max_size=30),
    num_tokens=st.integers(0, 130),
    side=st.sampled_from(["start", "end"]),
)
def test_what_is_kept_is_a_whole_part_of_the_text_from_its_side(
    text: str, num_tokens: int, side: Side
) -> None:
    encoder = PromptEncoder(ByteTokenizer())
    [piece] = encoder.encode((Text(text, "prompt"),))
    kept = encoder.keep(piece, num_tokens, side)
    assert isinstance(kept.segment, Text)
    assert (
        text.startswith(kept.segment.text) if side == "start" else text.endswith(kept.segment.text)
    )
    assert len(kept.ids) <= num_tokens
    assert num_tokens - len(kept.ids) < 4 or kept == piece


def test_a_tokenizer_that_changes_text_is_cut_by_count() -> None:
    encoder = PromptEncoder(LowercasingTokenizer())
    [piece] = encoder.encode((Text("ABCDEF", "prompt"),))
    assert encoder.keep(piece, 4, "end") == Piece(Text("cdef", "prompt"), tuple(b"CDEF"))

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from model.healing import WhitespaceHealer
from model.prompts.continuation import HEALABLE, split_trailing_space


class WordTokenizer:
    """A vocabulary with single spaces, runs of them, and words that begin with one."""

    TEXTS = ("", "a", " ", "\t", "\n", "\r", "    ", "\n    ", "\n  ", " return", "\n\n", "b")

    def decode(self, ids: list[int]) -> str:
        return "".join(self.TEXTS[token_id] for token_id in ids)


TOKENIZER = WordTokenizer()
VOCAB_SIZE = len(WordTokenizer.TEXTS)
HEALER = WhitespaceHealer(TOKENIZER, VOCAB_SIZE)
PROMPT = [1, 11]


def decode_with(scores: torch.Tensor, healed: str, num_new: int) -> str:
    """Greedy text over fixed scores per position, of shape (num_new, vocabulary)."""
    process = HEALER.processor(healed, len(PROMPT))
    ids = list(PROMPT)
    for position in range(num_new):
        healed_scores = process(torch.tensor([ids]), scores[position : position + 1])
        ids.append(int(healed_scores.argmax()))
    return TOKENIZER.decode(ids[len(PROMPT) :])


@given(
    st.text(HEALABLE, min_size=1, max_size=8),
    st.integers(0, 2**32 - 1),
)
def test_whatever_the_model_prefers_the_text_begins_with_the_healed_space(
    healed: str, seed: int
) -> None:
    scores = torch.randn(12, VOCAB_SIZE, generator=torch.Generator().manual_seed(seed))
    assert decode_with(scores, healed, 12).startswith(healed)


def test_a_token_that_spells_the_space_and_more_is_allowed() -> None:
    scores = torch.zeros(2, VOCAB_SIZE)
    scores[0, 9] = scores[1, 1] = 5.0
    assert decode_with(scores, " ", 2) == " returna"


def test_after_the_space_the_model_is_free() -> None:
    scores = torch.randn(1, VOCAB_SIZE)
    process = HEALER.processor("\n", len(PROMPT))
    assert torch.equal(process(torch.tensor([[*PROMPT, 4]]), scores), scores)


def test_a_vocabulary_that_cannot_spell_each_kind_of_space_is_not_healed_with() -> None:
    assert HEALER.can_heal
    without_carriage_return = WhitespaceHealer(TOKENIZER, 5)
    assert not without_carriage_return.can_heal


@pytest.mark.parametrize(
    ("text", "kept", "space"),
    [
        ("def f():\n    ", "def f():", "\n    "),
        ("x = 1", "x = 1", ""),
        ("x\u00a0", "x\u00a0", ""),
        ("\n\n", "", "\n\n"),
    ],
)
def test_trailing_space_is_split_off(text: str, kept: str, space: str) -> None:
    assert split_trailing_space(text) == (kept, space)

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model.engine.scripted import ByteTokenizer
from model.prompts.segments import Part, Special, Text
from model.trimming import EncodedPrompt, Piece, PromptEncoder, count_tokens
from ui.prompt_folding import LEAST_SHOWN, MAX_SEGMENTS, Hidden, fold

TOKENIZER = ByteTokenizer()


def encode(*texts: str, part: Part = "user") -> EncodedPrompt:
    """Each text behind a special token."""
    segments = [item for text in texts for item in (Special("<|user|>"), Text(text, part))]
    return PromptEncoder(TOKENIZER).encode(tuple(segments))


def shown(folded: tuple[Piece | Hidden, ...]) -> int:
    return sum(len(item.ids) for item in folded if isinstance(item, Piece))


def hidden(folded: tuple[Piece | Hidden, ...]) -> int:
    return sum(item.num_tokens for item in folded if isinstance(item, Hidden))


def test_what_is_short_is_left_as_it_is() -> None:
    prompt = encode("abc", "", "def")
    assert fold(prompt, TOKENIZER, 100) == prompt
    assert fold((), TOKENIZER, 100) == ()


def test_a_long_text_keeps_both_of_its_ends() -> None:
    prompt = encode("a" * 500 + "b" * 500, "short")
    first, head, gap, tail, *rest = fold(prompt, TOKENIZER, 110)
    assert (first, tuple(rest)) == (prompt[0], prompt[2:])
    assert isinstance(head, Piece)
    assert isinstance(tail, Piece)
    assert head.segment == Text("a" * len(head.ids), "user")
    assert tail.segment == Text("b" * len(tail.ids), "user")
    assert gap == Hidden(1000 - len(head.ids) - len(tail.ids))
    assert len(head.ids) == len(tail.ids) == 51


def test_no_character_is_torn() -> None:
    _, head, _, tail = fold(encode("😀" * 200), TOKENIZER, 50)
    assert isinstance(head, Piece)
    assert isinstance(tail, Piece)
    assert "\ufffd" not in str(head.segment) + str(tail.segment)


def test_a_conversation_of_thousands_of_turns_keeps_its_start_and_its_end() -> None:
    prompt = encode(*(f"turn {number}" for number in range(2000)))
    folded = fold(prompt, TOKENIZER, 100_000)
    assert len(folded) == MAX_SEGMENTS + 1
    assert folded[:2] == prompt[:2]
    assert folded[-1] == prompt[-1]


@pytest.mark.parametrize("limit", [1, 40, 700, 5000])
@given(lengths=st.lists(st.integers(0, 900), max_size=12))
def test_nothing_is_lost_from_the_count_and_little_is_shown(limit: int, lengths: list[int]) -> None:
    prompt = encode(*("x" * length for length in lengths))
    folded = fold(prompt, TOKENIZER, limit)
    assert shown(folded) + hidden(folded) == count_tokens(prompt)
    assert shown(folded) <= max(limit, LEAST_SHOWN * len(prompt))
    assert (hidden(folded) == 0) == (count_tokens(prompt) <= limit or max(lengths) <= LEAST_SHOWN)

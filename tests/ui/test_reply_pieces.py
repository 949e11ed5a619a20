"""A growing reply in pieces: what is finished stays as it is, and all of it can be told again."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ui.markdown import FENCE
from ui.reply_pieces import CODE_CHARS, PIECE_CHARS, join_reply, split_reply

PARAGRAPH = "This is a sentence of some length. " * 8 + "\n\n"
LINE = "    previous, current = current, previous + current\n"
CODE = LINE * (2 * CODE_CHARS // len(LINE))


def fences_in(piece: str) -> list[str]:
    return [line for line in piece.splitlines() if FENCE.match(line)]


def test_a_short_reply_is_one_piece() -> None:
    text = "One.\n\n```python\nx = 1\n```\n\nTwo.\n"
    assert split_reply(text) == [text]


def test_an_empty_reply_is_one_empty_piece() -> None:
    assert split_reply("") == [""]
    assert join_reply([""]) == ""


def test_a_long_reply_is_cut_between_paragraphs() -> None:
    pieces = split_reply(PARAGRAPH * 12)
    assert len(pieces) > 2
    assert all(piece.endswith("\n\n") and piece.startswith("This") for piece in pieces)
    assert all(len(piece) < PIECE_CHARS + len(PARAGRAPH) for piece in pieces)


def test_what_belongs_to_a_list_item_is_not_cut_off_from_it() -> None:
    text = "1. first\n\n" + "   " + PARAGRAPH * 1 + "   more of the first\n\n" * 80
    assert split_reply(text) == [text]


@pytest.mark.parametrize("opening", ["```python", "```", "~~~js", "````md", "  ```python"])
def test_a_long_code_block_is_cut_into_code_blocks(opening: str) -> None:
    fence = FENCE.match(opening)
    assert fence
    text = f"Here:\n\n{opening}\n{CODE}{fence[1]}\n\nDone.\n"
    pieces = split_reply(text)
    assert len(pieces) >= 2
    assert all(len(fences_in(piece)) == (0 if piece == "Done.\n" else 2) for piece in pieces)
    assert all(len(piece) < CODE_CHARS + 200 for piece in pieces)
    assert join_reply(pieces) == text


def test_a_piece_begins_with_code_only_where_it_goes_on_with_it() -> None:
    text = (PARAGRAPH * 5 + "```python\nx = 1\n```\n\n") * 4
    pieces = split_reply(text)
    assert len(pieces) > 2
    assert not any(FENCE.match(piece) for piece in pieces)


def test_a_cut_code_block_goes_on_in_its_language() -> None:
    first, second, *_ = split_reply(f"```python title=x\n{CODE}```\n")
    assert first.startswith("```python title=x\n")
    assert first.endswith("\n```")
    assert second.startswith("```python title=x pg-continued\n    previous")


def test_a_fence_with_a_language_does_not_end_a_code_block() -> None:
    text = f"````md\n```python\n{CODE}```\n{CODE}````\n"
    pieces = split_reply(text)
    assert all(piece.startswith("````md") and piece.rstrip().endswith("````") for piece in pieces)
    assert join_reply(pieces) == text


def test_only_the_last_piece_changes_while_a_reply_grows() -> None:
    text = PARAGRAPH * 5 + f"```python\n{CODE}```\n\n" + PARAGRAPH * 5
    before: list[str] = [""]
    for size in range(1, len(text) + 1):
        pieces = split_reply(text[:size])
        assert pieces[: len(before) - 1] == before[:-1], size
        before = pieces


PARTS = [PARAGRAPH, LINE, CODE, "```python\n", "```\n", "~~~\n", "``", "\n", "\r\n"]


@given(st.lists(st.sampled_from(PARTS) | st.text(max_size=30), max_size=12))
def test_pieces_can_be_joined_exactly(parts: list[str]) -> None:
    text = "".join(parts)
    assert join_reply(split_reply(text)) == text

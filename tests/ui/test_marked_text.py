from __future__ import annotations

import copy

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ui.marked_text import MarkedText, from_browser, to_browser, with_generated


def test_a_marked_text_is_a_text_like_any_other() -> None:
    text = MarkedText("abc", [(1, 2)])
    assert text == "abc"
    assert text.marks == ((1, 2),)
    assert copy.deepcopy(text).marks == ((1, 2),)


def test_what_is_generated_is_marked_and_former_marks_stay() -> None:
    once = with_generated("ab", "cd")
    twice = with_generated(once, "e")
    assert (twice, twice.marks) == ("abcde", ((2, 4), (4, 5)))
    assert with_generated("ab", "").marks == ()


def test_a_browser_counts_two_units_for_an_emoji() -> None:
    assert to_browser(MarkedText("a🙂b", [(1, 3)])) == {"text": "a🙂b", "marks": [[1, 4]]}
    assert from_browser({"text": "a🙂b", "marks": [[1, 4]]}).marks == ((1, 3),)


def test_a_plain_text_goes_out_without_marks() -> None:
    assert to_browser("    x\r\n\n") == {"text": "    x\r\n\n", "marks": []}


@given(st.text(max_size=30), st.data())
def test_marks_survive_the_way_out_and_back(text: str, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, len(text)))
    back = from_browser(to_browser(MarkedText(text, [(start, end)])))
    assert (back, back.marks) == (text, ((start, end),))


@pytest.mark.parametrize("text", ["", "\ud800", "\u2028\x00"])
def test_odd_texts_pass_as_they_are(text: str) -> None:
    assert from_browser(to_browser(text)) == text

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.llamacpp.limits import LineLimits


def through(limits: LineLimits, *pieces: str) -> str:
    return "".join(map(limits.feed, pieces)) + limits.flush()


@pytest.mark.parametrize(
    ("min_indent", "text", "shown"),
    [
        (0, "a\nb\n", "a\nb\n"),
        (4, "a", "a"),
        (4, "a\n    b\n    c", "a\n    b\n    c"),
        (4, "a\n        b\n", "a\n        b\n"),
        (4, "a\n\tb", "a"),
        (1, "a\n\tb", "a\n\tb"),
        (4, "a\n\n    b", "a\n\n    b"),
        (4, "a\n    b\nc\n    d", "a\n    b"),
        (4, "a\n  \n  b", "a"),
        (4, "\nb", ""),
        (2, "a\r\n  b\r\nc", "a\r\n  b\r"),
    ],
)
def test_a_line_that_leaves_the_block_ends_the_text_before_it(
    min_indent: int, text: str, shown: str
) -> None:
    assert through(LineLimits(min_indent), text) == shown


def test_the_end_is_known_only_with_the_first_character_of_a_line() -> None:
    limits = LineLimits(4)
    assert limits.feed("a\n  ") == "a"
    assert not limits.is_over
    assert limits.feed("b") == ""
    assert limits.is_over
    assert limits.feed("    c") == limits.flush() == ""


@given(
    st.text(alphabet="ab \t\r\n", max_size=40),
    st.lists(st.integers(0, 40), max_size=6),
    st.integers(0, 3),
)
def test_how_a_text_is_cut_into_pieces_changes_nothing(
    text: str, cuts: list[int], min_indent: int
) -> None:
    ends = sorted({min(cut, len(text)) for cut in cuts} | {0, len(text)})
    pieces = [text[start:end] for start, end in pairwise(ends)]
    whole = through(LineLimits(min_indent), text)
    assert through(LineLimits(min_indent), *pieces) == whole
    assert text.startswith(whole)


def test_time_is_up_once_a_line_is_complete() -> None:
    now = 0.0
    limits = LineLimits(seconds=1.0, clock=lambda: now)
    assert limits.feed("a") == "a"
    now = 5.0
    assert limits.feed("b") == "b"
    assert not limits.is_over, "there is no line to show yet"
    assert limits.feed("\n") == "\n"
    assert limits.is_over
    assert limits.feed("c") == ""


def test_time_is_counted_from_the_first_text() -> None:
    now = 100.0
    limits = LineLimits(seconds=1.0, clock=lambda: now)
    limits.feed("a\n")
    assert limits.has_new_line
    assert not limits.is_over
    now = 101.5
    limits.feed("b")
    assert limits.is_over

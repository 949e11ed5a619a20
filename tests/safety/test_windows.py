"""Windows cover every token once, each with enough around it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from safety.windows import Window, split


@given(st.integers(0, 2000), st.integers(2, 100), st.data())
def test_every_token_is_taken_once_and_in_order(
    length: int, size: int, data: st.DataObject
) -> None:
    windows = split(length, size, data.draw(st.integers(0, size - 1)))
    taken = [token for one in windows for token in range(one.first, one.last)]
    assert taken == list(range(length))
    for window in windows:
        assert 0 <= window.start <= window.first <= window.last <= window.end <= length
        assert window.end - window.start == min(size, length)


@given(st.integers(1, 2000), st.integers(2, 100), st.data())
def test_a_token_has_half_the_overlap_around_it_or_the_texts_end(
    length: int, size: int, data: st.DataObject
) -> None:
    overlap = data.draw(st.integers(0, size - 1))
    for window in split(length, size, overlap):
        assert window.start == 0 or window.first - window.start >= overlap // 2
        assert window.end == length or window.end - window.last >= overlap // 2


def test_a_short_text_is_one_window_and_an_empty_one_none() -> None:
    assert split(512, 512, 128) == [Window(0, 512, 0, 512)]
    assert split(0, 512, 128) == []


def test_the_windows_are_as_few_as_their_overlap_allows() -> None:
    assert len(split(100_000, 512, 128)) == 261  # 100,000 / (512 - 128), rounded up


def test_an_overlap_of_a_whole_window_is_refused() -> None:
    with pytest.raises(ValueError, match="shorter"):
        split(10, 4, 4)

"""What is compared of a text, and where it stands in it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from safety.attribution.normal_text import normalize


def spelt(text: str) -> str:
    return "".join(map(chr, normalize(text).codes))


@pytest.mark.parametrize(
    ("text", "normal"),
    [
        ("", ""),
        ("a  b", "a b"),
        ("def f():\r\n\treturn 1\n", "def f(): return 1 "),
        ("\u00a0\u2028x\u3000", " x "),
        ("naïve 😀  é", "naïve 😀 é"),
        ("Aa", "Aa"),
    ],
)
def test_a_run_of_white_space_is_one_blank(text: str, normal: str) -> None:
    assert spelt(text) == normal


@given(st.text(st.characters(exclude_categories=[]), max_size=200))
def test_every_character_is_found_again_at_its_place(text: str) -> None:
    normal = normalize(text)
    assert len(normal.places) == len(normal) + 1
    for position, code in enumerate(normal.codes.tolist()):
        stretch = text[normal.places[position] : normal.end_of(position)]
        assert stretch.isspace() if code == 32 else stretch == chr(code)
    assert (
        "".join(text[s:e] for s, e in zip(normal.places, normal.places[1:], strict=False)) == text
    )

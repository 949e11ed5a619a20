from __future__ import annotations

import re
from html import unescape

import pytest

from ui.gap_diff import render_diff


@pytest.mark.parametrize(
    ("prefix", "middle", "suffix", "diff"),
    [
        (
            "a\nb\nc\nif ",
            "x:\n  y = 1\n  z",
            "()\nd\ne\nf\n",
            "  b\n  c\n- if ()\n+ if x:\n+   y = 1\n+   z()\n  d\n  e",
        ),
        ("a\n", "b\n", "c\n", "  a\n+ b\n  c\n  "),
        ("a", "\nb", "\nc", "  a\n+ b\n  c"),
        ("a\n  ", "b", "\nc", "  a\n+   b\n  c"),
        ("", "b", "", "+ b"),
    ],
)
def test_a_middle_is_shown_as_what_it_changes(
    prefix: str, middle: str, suffix: str, diff: str
) -> None:
    html = render_diff(prefix, middle, suffix)
    assert unescape(re.sub("<[^>]*>", "", html)) == diff


def test_text_cannot_be_markup() -> None:
    assert "<b>" not in render_diff("<b>", "<b>\n<b>", "<b>\n<b>")

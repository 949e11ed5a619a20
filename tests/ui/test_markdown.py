from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ui.markdown import escape_prose, unescape_prose

PIECES = "<b> </b> <!-- ![x](http://a) &lt; &amp; & ` `` ``` ~~~ &#33;[ x ! [ < > é"
SPACES = ("\n", "    ", "\t", " ", "\r\n", "\u2028")
MARKDOWN = st.lists(st.sampled_from((*PIECES.split(), *SPACES)), max_size=30).map("".join)


@given(MARKDOWN)
def test_escaping_can_be_taken_back(text: str) -> None:
    assert unescape_prose(escape_prose(text)) == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a <b> tag", "a &lt;b> tag"),
        ("List<String>", "List&lt;String>"),
        ("![x](http://a/b.png)", "&#33;[x](http://a/b.png)"),
        ("&lt; stays", "&amp;lt; stays"),
        ("a < b && c", "a < b && c"),
        ("Done!", "Done!"),
    ],
)
def test_only_markup_in_prose_is_escaped(text: str, shown: str) -> None:
    assert escape_prose(text) == shown


@pytest.mark.parametrize(
    "code",
    [
        "```html\n<b>&lt;</b>\n```\n",
        "~~~\n<b>\n~~~",
        "```\n<b> and no end",
        "`<b>` and ``a ` <b>``",
        "    <b>\n\t<b>\n",
    ],
)
def test_code_is_left_alone(code: str) -> None:
    assert escape_prose(code) == code


def test_prose_after_a_fence_is_prose_again() -> None:
    assert escape_prose("```\n<a>\n```\n<b>") == "```\n<a>\n```\n&lt;b>"

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ui.visible_text import visible

TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"))


def text_content(html: str) -> str:
    """What a browser reads: its parser turns a bare carriage return into a line feed."""
    pieces: list[str] = []
    parser = HTMLParser(convert_charrefs=False)
    parser.handle_data = pieces.append  # type: ignore[method-assign]
    parser.handle_entityref = lambda name: pieces.append(ENTITIES[name])  # type: ignore[method-assign]
    parser.handle_charref = lambda name: pieces.append(chr(int(name.lstrip("x"), BASES[name[0]])))  # type: ignore[method-assign]
    parser.feed(re.sub("\r\n?", "\n", html))
    parser.close()
    return "".join(pieces)


ENTITIES = {"lt": "<", "gt": ">", "amp": "&", "quot": '"'}
BASES = {"x": 16, **dict.fromkeys("0123456789", 10)}


@given(TEXTS, st.booleans())
def test_the_text_content_is_the_text_whatever_is_marked(text: str, has_all_spaces: bool) -> None:
    assert text_content(visible(text, has_all_spaces=has_all_spaces)) == text


def test_markup_in_the_text_is_text() -> None:
    assert visible("<img src=x onerror=alert(1)>") == "&lt;img src=x onerror=alert(1)&gt;"
    assert visible("a & 'b' \"c\"") == "a &amp; &#x27;b&#x27; &quot;c&quot;"


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("a\nb", 'a<i class="pg-lf">\n</i>b'),
        ("\ta", '<i class="pg-tab">\t</i>a'),
        ("a\r\n", 'a<i class="pg-cr">&#13;</i><i class="pg-lf">\n</i>'),
        ("a  \nb ", 'a<i class="pg-sp">  </i><i class="pg-lf">\n</i>b<i class="pg-sp"> </i>'),
        ("  a b", "  a b"),
    ],
)
def test_white_space_is_marked_where_it_is_easily_missed(text: str, html: str) -> None:
    assert visible(text) == html


def test_every_space_is_marked_on_request() -> None:
    assert visible("  a b", has_all_spaces=True) == (
        '<i class="pg-sp">  </i>a<i class="pg-sp"> </i>b'
    )


def test_what_cannot_be_seen_is_named_and_what_can_is_left() -> None:
    html = visible("é😀\u202e\xa0\x1b")
    assert html.startswith("é😀<i")
    assert re.findall(r'data-name="([^"]+)"', html) == ["U+202E", "U+00A0", "U+001B"]
    assert 'title="RIGHT-TO-LEFT OVERRIDE"' in html
    assert 'title="character without a name"' in html

from __future__ import annotations

import re
from html import unescape

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ui.highlight import MAX_CHARS, Section, highlight, highlight_now
from ui.languages import LANGUAGES, Language, language_of


def text_of(html: str) -> str:
    return unescape(re.sub(r"<[^>]*>", "", html))


def test_code_is_coloured() -> None:
    html = highlight_now("def f(): pass", "python", (Section(0, 13, "pg-new"),))
    assert html.startswith('<span class="pg-new"><span class="k">def</span>')
    assert '<span class="nf">f</span>' in html


def test_a_mark_survives_a_token_that_crosses_its_edge() -> None:
    text = '"""one two"""'
    html = highlight_now(text, "python", (Section(0, 6, "a"), Section(6, len(text), "b")))
    given_part, _, marked = html.partition('</span><span class="b">')
    assert text_of(given_part) == '"""one'
    assert text_of(marked) == ' two"""'
    assert 'class="sd"' in given_part
    assert 'class="sd"' in marked


def test_a_section_is_coloured_as_it_stands_in_its_context() -> None:
    text = '"""\nnot = code\n"""'
    html = highlight_now(text, "python", (Section(4, 14, "b"),))
    assert text_of(html) == "not = code"
    assert 'class="ow"' not in html


@pytest.mark.parametrize("text", ["\n\n  x\n\n", "a\r\nb", "\ufeffa", "\tx\t", "a\x00b", ""])
def test_every_character_stays(text: str) -> None:
    assert text_of(highlight_now(text, "python", (Section(0, len(text), "x"),))) == text


@settings(max_examples=50)
@given(st.text(max_size=60), st.integers(0, 60), st.sampled_from(LANGUAGES))
def test_any_text_split_anywhere_stays_whole(text: str, cut: int, language: Language) -> None:
    cut = min(cut, len(text))
    sections = (Section(0, cut, "a"), Section(cut, len(text), "b"))
    html = highlight_now(text, language.lexer, sections)
    assert text_of(html) == text


def test_markup_is_escaped() -> None:
    html = highlight_now("</pre><script>alert(1)</script>", "text", (Section(0, 31, "x"),))
    assert "<script" not in html


def test_what_is_too_long_is_shown_plain() -> None:
    text = "def f(): pass\n" * (MAX_CHARS // 14 + 1)
    html = highlight_now(text, "python", (Section(0, len(text), "x"),))
    assert 'class="k"' not in html
    assert text_of(html) == text


async def test_it_runs_off_the_event_loop_with_the_same_result() -> None:
    sections = (Section(0, 4, "x"),)
    assert await highlight("None", "python", sections) == highlight_now("None", "python", sections)


def test_a_language_that_is_not_offered_is_plain_text() -> None:
    assert language_of("Perl; rm -rf").lexer == "text"

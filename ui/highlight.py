"""Code to HTML: coloured by pygments, in ranges that are marked whatever the tokens are."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from html import escape
from typing import Any

from pygments.lexers import get_lexer_by_name
from pygments.token import STANDARD_TYPES

# Some lexers take seconds for a hostile 100 kB; what is longer is shown plain.
MAX_CHARS = 60_000


@dataclass(frozen=True, slots=True)
class Section:
    """Characters `start` to `end` of a text, shown in an element with that CSS class."""

    start: int
    end: int
    css: str


async def highlight(
    text: str, lexer: str, sections: tuple[Section, ...], mark: Section | None = None
) -> str:
    """The HTML of `sections`, off the event loop.

    All of `text` is read, so that a section is coloured as it stands in its context.

    Args:
        lexer: a pygments alias from `ui.languages`, not one that a visitor can choose freely.
        mark: characters that get elements of their own inside the sections', and one without text
            after the last of them, whose class ends in "-end".
    """
    return await asyncio.to_thread(highlight_now, text, lexer, sections, mark)


def highlight_now(
    text: str, lexer: str, sections: tuple[Section, ...], mark: Section | None = None
) -> str:
    """As `highlight`, on this thread."""
    spans = _spans(text, lexer) if len(text) <= MAX_CHARS else [(0, len(text), "")]
    return "".join(_render(text, spans, section, mark) for section in sections)


def plain(text: str, css: str) -> str:
    """`text` escaped, in an element with that CSS class."""
    return f'<span class="{css}">{escape(text)}</span>'


def _spans(text: str, lexer: str) -> list[tuple[int, int, str]]:
    """Start, end and pygments' short CSS class of each token; they cover `text`."""
    spans = []
    start = 0
    tokens = get_lexer_by_name(lexer, stripnl=False, ensurenl=False).get_tokens(text)
    for kind, piece in tokens:
        spans.append((start, start + len(piece), _css_class(kind)))
        start += len(piece)
    # A lexer changes line ends and drops a byte order mark: then offsets are not the text's.
    is_same = start == len(text) and "\r" not in text
    return spans if is_same else [(0, len(text), "")]


def _css_class(kind: Any) -> str:
    while kind not in STANDARD_TYPES:
        kind = kind.parent
    return str(STANDARD_TYPES[kind])


def _render(
    text: str, spans: list[tuple[int, int, str]], section: Section, mark: Section | None
) -> str:
    def read(start: int, end: int) -> str:
        return "".join(_pieces(text, spans, start, end))

    if mark is None or mark.end <= section.start or section.end < mark.start:
        inner = read(section.start, section.end)
    else:
        start, end = max(mark.start, section.start), min(mark.end, section.end)
        inner = f'{read(section.start, start)}<span class="{mark.css}">{read(start, end)}</span>'
        if mark.end <= section.end:
            inner += f'<span class="{mark.css}-end"></span>'
        inner += read(end, section.end)
    return f'<span class="{section.css}">{inner}</span>'


def _pieces(text: str, spans: list[tuple[int, int, str]], first: int, last: int) -> Iterator[str]:
    for start, end, css in spans:
        start, end = max(start, first), min(end, last)
        if start < end:
            piece = escape(text[start:end])
            yield f'<span class="{css}">{piece}</span>' if css else piece

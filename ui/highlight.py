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


async def highlight(text: str, lexer: str, sections: tuple[Section, ...]) -> str:
    """The HTML of `sections`, off the event loop.

    All of `text` is read, so that a section is coloured as it stands in its context.

    Args:
        lexer: a pygments alias from `ui.languages`, not one that a visitor can choose freely.
    """
    return await asyncio.to_thread(highlight_now, text, lexer, sections)


def highlight_now(text: str, lexer: str, sections: tuple[Section, ...]) -> str:
    """As `highlight`, on this thread."""
    spans = _spans(text, lexer) if len(text) <= MAX_CHARS else [(0, len(text), "")]
    return "".join(_render(text, spans, section) for section in sections)


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


def _render(text: str, spans: list[tuple[int, int, str]], section: Section) -> str:
    inner = "".join(_pieces(text, spans, section))
    return f'<span class="{section.css}">{inner}</span>'


def _pieces(text: str, spans: list[tuple[int, int, str]], section: Section) -> Iterator[str]:
    for start, end, css in spans:
        start, end = max(start, section.start), min(end, section.end)
        if start < end:
            piece = escape(text[start:end])
            yield f'<span class="{css}">{piece}</span>' if css else piece

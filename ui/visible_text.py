"""Text as HTML in which white space and invisible characters can be seen.

The style sheet makes the marks, around the characters themselves: the element's text content stays
the text, so what is selected, copied or read by a test has no mark in it.
"""

from __future__ import annotations

import re
import unicodedata
from html import escape

# Spaces at a line's end, or at the end of all, are marked in any case: they are easily missed.
_MARKED = re.compile(r"\n|\r|\t| +(?=[\r\n]|\Z)|[^\x20-\x7e\n\r\t]")
_MARKED_WITH_SPACES = re.compile(r"\n|\r|\t| +|[^\x20-\x7e\n\r\t]")

_CLASSES = {"\n": "pg-lf", "\r": "pg-cr", "\t": "pg-tab", " ": "pg-sp"}


def visible(text: str, *, has_all_spaces: bool = False) -> str:
    """`text` escaped, with its line breaks, tabs, spaces at line ends and invisible characters
    marked; with `has_all_spaces` every space."""
    pattern = _MARKED_WITH_SPACES if has_all_spaces else _MARKED
    pieces: list[str] = []
    end = 0
    for match in pattern.finditer(text):
        mark = _mark(match[0])
        if mark is not None:
            pieces += [escape(text[end : match.start()]), mark]
            end = match.end()
    return "".join(pieces) + escape(text[end:])


def _mark(found: str) -> str | None:
    """None for a character that can be seen as it is."""
    if css := _CLASSES.get(found[0]):
        # A bare carriage return would be read as a line feed by the browser's parser.
        shown = "&#13;" if found == "\r" else found
        return f'<i class="{css}">{shown}</i>'
    if found.isprintable():
        return None
    name = unicodedata.name(found, "character without a name")
    return f'<i class="pg-odd" data-name="U+{ord(found):04X}" title="{escape(name)}">{found}</i>'

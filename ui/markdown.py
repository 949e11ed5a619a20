"""What a message needs so that Markdown shows it, rather than taking parts of it for markup.

A tag in prose would vanish (or take effect), and an image would be fetched from wherever it is.
Both become text here; code is left alone. It can be taken back exactly.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

FENCE = re.compile(r" {0,3}(`{3,}|~{3,})")
_INDENTED = re.compile(r"(?: {4}|\t)")
_CODE_SPAN = re.compile(r"(`+)(?!`).*?(?<!`)\1(?!`)")

# Only what would be taken for markup: a "<" before a space, or a lone "&", shows as it is.
_MARKUP = re.compile(r"<(?=[A-Za-z/!?])|!(?=\[)|&(?=lt;|amp;|#33;)")
_ENTITIES = {"<": "&lt;", "!": "&#33;", "&": "&amp;"}
_ENTITY = re.compile(r"&(?:lt|amp|#33);")
_CHARACTERS = {entity: character for character, entity in _ENTITIES.items()}


def escape_prose(text: str) -> str:
    """`text` with tags and images outside of code made harmless and visible."""
    return _map_prose(text, lambda prose: _MARKUP.sub(lambda m: _ENTITIES[m[0]], prose))


def unescape_prose(text: str) -> str:
    """The inverse of `escape_prose`."""
    return _map_prose(text, lambda prose: _ENTITY.sub(lambda m: _CHARACTERS[m[0]], prose))


def _map_prose(text: str, change: Callable[[str], str]) -> str:
    return "".join(piece if is_code else change(piece) for piece, is_code in _pieces(text))


def _pieces(text: str) -> Iterator[tuple[str, bool]]:
    """`text` in pieces, and whether each is code. Escaping changes nothing that decides it."""
    fence = ""
    for line in text.splitlines(keepends=True):
        opening = FENCE.match(line)
        if fence:
            is_end = opening is not None and opening[1].startswith(fence)
            fence = "" if is_end else fence
            yield line, True
        elif opening:
            fence = opening[1]
            yield line, True
        elif _INDENTED.match(line):
            yield line, True
        else:
            yield from _split_spans(line)


def _split_spans(line: str) -> Iterator[tuple[str, bool]]:
    start = 0
    for span in _CODE_SPAN.finditer(line):
        yield line[start : span.start()], False
        yield span[0], True
        start = span.end()
    yield line[start:], False

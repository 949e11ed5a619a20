"""A reply that is still being written, in pieces: what is finished is drawn once, and left alone.

Gradio's Chatbot draws a text anew, Markdown and colours, whenever it has changed: from about 2,000
tokens on that takes longer than the next update is away. A message of several texts is drawn text
by text, and only the last one changes.

Where a long code block is cut, its piece is closed and the next one opened by a fence of ours, with
a word after the language that nothing shows.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from ui.markdown import FENCE

PIECE_CHARS = 600
CODE_CHARS = 1200

_LINE = re.compile(r"[^\n]*\n|[^\n]+")
_CONTINUED = " pg-continued"
_OPENED = re.compile(r" {0,3}(`{3,}|~{3,})[^\n]*" + _CONTINUED + "\n")


def split_reply(text: str) -> list[str]:
    """`text` in pieces that stand as Markdown by themselves; one for a short text.

    A piece ends after `PIECE_CHARS` before the next paragraph that could stand alone, or after
    `CODE_CHARS` at a line's end in a code block. So one that begins with code goes on with the
    code before it. Where `text` grows, only the last piece changes.
    """
    pieces: list[str] = []
    start = 0
    opened = ""
    for place, opening in _cuts(text):
        size = place - start
        if size >= (CODE_CHARS if opening else PIECE_CHARS):
            pieces.append(opened + text[start:place] + _closing(opening))
            start, opened = place, _opening(opening)
    return [*pieces, opened + text[start:]]


def join_reply(pieces: Sequence[str]) -> str:
    """The inverse of `split_reply`."""
    text, *rest = pieces
    for piece in rest:
        opened = _OPENED.match(piece)
        if opened:
            text = text.removesuffix(opened[1]) + piece[opened.end() :]
        else:
            text += piece
    return text


def _cuts(text: str) -> Iterator[tuple[int, str]]:
    """Where `text` may be cut, and the line that opened the code block which is cut there."""
    opening = fence = ""
    is_after_blank = False
    for found in _LINE.finditer(text):
        line, mark = found[0], FENCE.match(found[0])
        if fence and not line.lstrip().startswith(fence[0]):
            yield found.start(), opening
        elif not (fence or mark) and is_after_blank and not line[0].isspace():
            yield found.start(), ""
        is_after_blank = not line.strip()
        if not fence and mark:
            fence, opening = mark[1], line
        elif mark and mark[1].startswith(fence) and not line[mark.end() :].strip():
            fence = opening = ""


def _closing(opening: str) -> str:
    mark = FENCE.match(opening)
    return mark[1] if mark else ""


def _opening(opening: str) -> str:
    """The line with our word after it, and a language before that, or it would be taken for one."""
    mark = FENCE.match(opening)
    if mark is None:
        return ""
    return f"{mark[0]}{opening[mark.end() :].strip() or 'text'}{_CONTINUED}\n"

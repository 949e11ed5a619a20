"""Where a block of Python ends, by its indentation, in a text that is still being written."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

TAB_WIDTH = 8

_TOKEN = re.compile(
    r"""(?P<comment>\#[^\n]*)
    | (?P<long>(?P<q>\"\"\"|''')(?:\\.|(?!(?P=q)).)*(?P<long_end>(?P=q)|\Z))
    | (?P<short>(?P<s>["'])(?:\\.|(?!(?P=s))[^\\\n])*(?:(?P=s)|(?=\n)|\Z))
    | (?P<open>[(\[{]) | (?P<close>[)\]}]) | (?P<joined>\\\r?\n) | (?P<newline>\n)
    | (?P<space>[ \t\f\r]+) | (?P<code>.)
    """,
    re.VERBOSE | re.DOTALL,
)
_HEADER = re.compile(
    r"(?:async\s+)?(def|class|if|elif|else|for|while|try|except|finally|with)\b|(match|case)\b.*:\s*\Z",
    re.DOTALL,
)
_CONTINUES = re.compile(r"(else|elif|except|finally)\b")
_WORD = re.compile(r"\w*")


@dataclass(frozen=True, slots=True)
class _Line:
    """A logical line, from its first character to behind its line break.

    Attributes:
        indent: in columns.
        header: the word that opens a block; "" where none does.
    """

    start: int
    end: int
    indent: int
    code: str

    @property
    def header(self) -> str:
        found = _HEADER.match(self.code)
        return (found[1] or found[2]) if found else ""

    @property
    def is_function(self) -> bool:
        return self.header == "def"


def find_python_end(text: str, at: int, *, is_function: bool) -> int | None:
    """Where the block that is being written at `at` ends; None while that is not seen.

    It has ended where a line of code after it is indented as its header is, or less, and neither
    `else` nor its like. Comments that are indented as the block is belong to it.

    Args:
        is_function: the innermost function rather than the innermost block. Where there is none,
            the next that begins.
    """
    lines = list(_logical_lines(text))
    first = next((n for n, line in enumerate(lines) if line.end > at), None)
    if first is None:
        return None
    header = _header_at(lines, first, at, is_function=is_function)
    if header is None:
        return None
    head = lines[header]
    for number in range(max(header + 1, first), len(lines)):
        line = lines[number]
        if line.indent > head.indent or line.start < at:
            continue
        if not _is_told_apart(text, line):
            return None
        if not is_function and not head.is_function and _goes_on(head, line):
            continue
        return _with_comments(text, lines[number - 1].end, line.start, head.indent)
    return None


def _header_at(lines: Sequence[_Line], first: int, at: int, *, is_function: bool) -> int | None:
    """The line that opens the block; of those that are still to come, the first."""

    def is_wanted(line: _Line) -> bool:
        return line.is_function if is_function else bool(line.header)

    is_being_typed = lines[first].start < at
    if is_being_typed and is_wanted(lines[first]):
        return first
    indent = lines[first].indent
    for number in range(first - 1, -1, -1):
        line = lines[number]
        if line.indent < indent:
            indent = line.indent
            if is_wanted(line):
                return number
    return next((n for n in range(first, len(lines)) if is_wanted(lines[n])), None)


def _goes_on(head: _Line, line: _Line) -> bool:
    return line.indent == head.indent and bool(_CONTINUES.match(line.code))


def _is_told_apart(text: str, line: _Line) -> bool:
    """Whether its first word is there as a whole: "el" may become "else" or "elements"."""
    word = _WORD.match(text, line.start)
    return word is not None and word.end() < len(text)


def _with_comments(text: str, end: int, limit: int, indent: int) -> int:
    """`end`, or behind the last comment before `limit` that is indented deeper."""
    place = end
    for row in text[end:limit].splitlines(keepends=True):
        place += len(row)
        if row.lstrip().startswith("#") and _columns(row[: len(row) - len(row.lstrip())]) > indent:
            end = place
    return end


def _columns(space: str) -> int:
    return len(space.expandtabs(TAB_WIDTH))


def _logical_lines(text: str) -> Iterator[_Line]:
    """Without those that hold no code. The last may be incomplete."""
    depth = 0
    start = row = 0  # the row is the physical line
    is_empty = True
    code: list[str] = []
    for token in _TOKEN.finditer(text):
        kind = token.lastgroup
        if kind == "newline" and not depth:
            if not is_empty:
                yield _line(text, row, start, token.end(), code)
            row, is_empty, code = token.end(), True, []
            continue
        if kind in ("space", "comment", "newline", "joined"):
            code.append(" ")
            continue
        if is_empty:
            start, is_empty, code = token.start(), False, []
        depth += (kind == "open") - (kind == "close" and depth > 0)
        code.append(token[0])
    if not is_empty:
        yield _line(text, row, start, len(text) + 1, code)


def _line(text: str, row: int, start: int, end: int, code: Sequence[str]) -> _Line:
    return _Line(start, end, _columns(text[row:start]), "".join(code))

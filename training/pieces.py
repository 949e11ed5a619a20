"""A source file cut into what examples are made of: functions in their surroundings, and chunks."""

from __future__ import annotations

import ast
import hashlib
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

MIN_FUNCTION_LINES = 4
MAX_FUNCTION_LINES = 45
MAX_LINE_CHARS = 160
MAX_DOCSTRING_LINES = 5
LINES_BEFORE = 12
LINES_AFTER = 8
CHUNK_LINES = 50
MIN_CHUNK_LINES = 8


@dataclass(frozen=True, slots=True)
class Piece:
    """A function with the lines around it, or a chunk of a file.

    Attributes:
        kind: a chunk has nothing around it.
        package: name of the package it is from.
        path: of its file.
        before: at most `LINES_BEFORE` lines that stand before it.
        code: its lines, indented as in the file, the last one with its line break.
        after: at most `LINES_AFTER` lines that follow.
    """

    kind: Literal["function", "chunk"]
    package: str
    path: str
    before: str
    code: str
    after: str

    @property
    def fingerprint(self) -> str:
        """The same for codes that differ in white space only."""
        return hashlib.sha256(" ".join(self.code.split()).encode()).hexdigest()[:16]


def cut_into_pieces(package: str, path: str, text: str) -> Iterator[Piece]:
    """The pieces of a file; none of one that Python cannot parse."""
    try:
        with warnings.catch_warnings(action="ignore"):
            tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError):
        return
    lines = text.splitlines(keepends=True)
    if any("\f" in line for line in lines) or len(lines) != text.count("\n") + (
        not text.endswith("\n")
    ):
        return  # splitlines and ast would count lines differently
    for node in _functions(tree):
        if piece := _function_piece(package, path, lines, node):
            yield piece
    for start in range(0, len(lines), CHUNK_LINES):
        chunk = lines[start : start + CHUNK_LINES]
        if len(chunk) >= MIN_CHUNK_LINES and _is_ordinary(chunk):
            yield Piece("chunk", package, path, "", "".join(chunk), "")


def _functions(tree: ast.Module) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef]:
    """Functions of the module and methods of its classes; small classes whole."""
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node
        elif isinstance(node, ast.ClassDef):
            if (node.end_lineno or 0) - node.lineno < MAX_FUNCTION_LINES:
                yield node
            for member in node.body:
                if isinstance(member, ast.FunctionDef | ast.AsyncFunctionDef):
                    yield member


def _function_piece(
    package: str,
    path: str,
    lines: list[str],
    node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef,
) -> Piece | None:
    start = min([node.lineno, *(item.lineno for item in node.decorator_list)]) - 1
    end = node.end_lineno or node.lineno
    code = _shorten_docstring(lines, start, end, node)
    if not MIN_FUNCTION_LINES <= len(code) <= MAX_FUNCTION_LINES or not _is_ordinary(code):
        return None
    before = lines[max(0, start - LINES_BEFORE) : start]
    after = lines[end : end + LINES_AFTER]
    return Piece("function", package, path, "".join(before), "".join(code), "".join(after))


def _shorten_docstring(
    lines: list[str],
    start: int,
    end: int,
    node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef,
) -> list[str]:
    """The node's lines; of a long docstring only the first line, so that code prevails."""
    first = node.body[0]
    if ast.get_docstring(node, clean=False) is None or first.end_lineno is None:
        return lines[start:end]
    opening = lines[first.lineno - 1].rstrip()
    quotes = opening.lstrip().lstrip("rRuU")[:3]
    num_lines = first.end_lineno - first.lineno + 1
    summary = opening.lstrip().lstrip("rRuU")[3:].strip()
    if num_lines <= MAX_DOCSTRING_LINES or quotes not in ('"""', "'''") or not summary:
        return lines[start:end]
    return [
        *lines[start : first.lineno - 1],
        f"{opening}{quotes}\n",
        *lines[first.end_lineno : end],
    ]


def _is_ordinary(lines: list[str]) -> bool:
    """Whether a person may have typed it: no endless lines, mostly ASCII, some letters."""
    text = "".join(lines)
    num_letters = sum(character.isalpha() for character in text)
    return (
        all(len(line) <= MAX_LINE_CHARS for line in lines)
        and sum(not character.isascii() for character in text) <= len(text) * 0.02
        and num_letters >= len(text) * 0.25
    )

"""The judge's gaps: cut out of whole files of packages that training never saw."""

from __future__ import annotations

import ast
import random
import warnings
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from training.sources import SourcePackage

GapShape = Literal["single line", "several lines", "end of function"]
SHAPES: tuple[GapShape, ...] = ("single line", "several lines", "end of function")

MIN_BODY_LINES = 4
MAX_FUNCTION_LINES = 45
MAX_LINES = 6
LINES_BEFORE = 10
LINES_AFTER = 8
MAX_MIDDLE_CHARS = 240
MAX_LINE_CHARS = 110


@dataclass(frozen=True, slots=True)
class HeldOutGap:
    """A gap in a file.

    Attributes:
        name: package, path, first line of the gap and shape: unique.
        shape: what is missing.
        head: the file up to what the model is shown.
        prefix: what the model is shown before the gap: from some lines before the function.
        middle: what is missing.
        suffix: what the model is shown after it.
        tail: the rest of the file.
        is_cursor: cut as a cursor stands, after the indentation, the last line break left in the
            suffix; otherwise whole lines, indentation and line break with them.
    """

    name: str
    shape: GapShape
    head: str
    prefix: str
    middle: str
    suffix: str
    tail: str
    is_cursor: bool

    def assembled(self, middle: str) -> str:
        """The file with `middle` in the gap."""
        return self.head + self.prefix + middle + self.suffix + self.tail

    def parses(self, middle: str) -> bool:
        return parses(self.assembled(middle))


def parses(text: str) -> bool:
    """Whether Python reads `text` as a module."""
    try:
        with warnings.catch_warnings(action="ignore"):
            ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return True


def choose_gaps(packages: Iterable[SourcePackage], count: int, seed: int) -> list[HeldOutGap]:
    """`count` gaps, shapes and packages in turn, one per function; a larger count only adds.

    Raises:
        ValueError: the packages do not have so many functions.
    """
    queues = []
    for package in packages:
        functions = list(_functions(package))
        random.Random(f"{seed}/{package.pin.name}").shuffle(functions)
        queues.append(functions)
    gaps: list[HeldOutGap] = []
    while len(gaps) < count:
        if not any(queues):
            raise ValueError(f"only {len(gaps)} gaps can be cut")
        for queue in filter(None, queues):
            path, lines, node = queue.pop()
            shape = SHAPES[len(gaps) % len(SHAPES)]
            rng = random.Random(f"{seed}/{path}/{node.lineno}")
            if gap := _cut(path, lines, node, shape, rng):
                gaps.append(gap)
    return gaps[:count]


_Node = ast.FunctionDef | ast.AsyncFunctionDef
_Function = tuple[str, list[str], _Node]


def _functions(package: SourcePackage) -> Iterator[_Function]:
    for path, text in package.files:
        if not parses(text) or "\f" in text:
            continue
        lines = text.splitlines(keepends=True)
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, _Node):
                end = node.end_lineno or 0
                if end - node.lineno < MAX_FUNCTION_LINES and end < len(lines):
                    yield f"{package.pin.name}/{path}", lines, node


def _cut(
    path: str, lines: list[str], node: _Node, shape: GapShape, rng: random.Random
) -> HeldOutGap | None:
    """A gap of that shape in the function's code, docstring and header apart; or none."""
    body = node.body[1:] if ast.get_docstring(node) is not None else node.body
    if not body:
        return None
    first, end = body[0].lineno - 1, node.end_lineno or 0
    if end - first < MIN_BODY_LINES:
        return None
    start, stop = _choose_lines(lines, first, end, shape, rng)
    gap = "".join(lines[start:stop])
    if not lines[start].strip() or lines[start].lstrip().startswith("#"):
        return None
    if len(gap) > MAX_MIDDLE_CHARS or any(len(line) > MAX_LINE_CHARS for line in lines[start:stop]):
        return None
    top = max(0, min([node.lineno, *(item.lineno for item in node.decorator_list)]) - 1)
    top, bottom = max(0, top - LINES_BEFORE), end + LINES_AFTER
    head, prefix = "".join(lines[:top]), "".join(lines[top:start])
    suffix, tail = "".join(lines[stop:bottom]), "".join(lines[bottom:])
    is_cursor = rng.random() < 0.5
    if is_cursor:
        indentation = gap[: len(gap) - len(gap.lstrip(" \t"))]
        prefix, gap = prefix + indentation, gap[len(indentation) :]
        gap, suffix = gap.removesuffix("\n"), "\n" + suffix
    name = f"{path}:{start + 1} {shape}"
    return HeldOutGap(name, shape, head, prefix, gap, suffix, tail, is_cursor)


def _choose_lines(
    lines: list[str], first: int, end: int, shape: GapShape, rng: random.Random
) -> tuple[int, int]:
    """The gap as a range of lines; the body's first line is left where it can be."""
    if shape == "single line":
        start = rng.randrange(first, end)
        return start, start + 1
    if shape == "end of function":
        return rng.randrange(max(first + 1, end - MAX_LINES), end), end
    count = rng.randint(2, min(MAX_LINES, end - first - 1))
    start = rng.randrange(first, end - count)
    return start, start + count

"""Whether a file parses as Python, and where it does not. Nothing of it is run."""

from __future__ import annotations

import ast
import asyncio
import re
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from ui.gap import Gap
from ui.notices import notice

# The parser holds the interpreter: some 50 ms for so many on a shared core.
MAX_CHARS = 60_000
# The name by which its warnings are told from others.
_NAME = "<assembled file>"
_LINE_NUMBER = re.compile(r"(?<=\bline )\d+")
# What may stand in a gap: nothing, an expression, and what closes a bracket or a string.
_FILLERS = ("", "x", "pass", "x)", "x]", "x}", '"', "'", '"""', "x:")

warnings.filterwarnings("ignore", module=re.escape(_NAME))


@dataclass(frozen=True, slots=True)
class Fault:
    """Where the parser gave up.

    Attributes:
        line: counted from 1; a line of the file, at most its last.
        message: the parser's words.
        blame: "middle" where prefix and suffix parse with something else between them.
    """

    line: int
    message: str
    blame: Literal["middle", "unknown"]


async def find_fault(gap: Gap) -> Fault | None:
    """What keeps prefix, middle and suffix from being Python; None where they are.

    None, too, where the middle is empty or it cannot be told: the file has more than `MAX_CHARS`
    characters, holds null bytes, or is nested too deeply for the parser.
    """
    return await asyncio.to_thread(find_fault_now, gap)


def find_fault_now(gap: Gap) -> Fault | None:
    """As `find_fault`, on this thread."""
    whole = gap.prefix + gap.middle.text + gap.suffix
    if len(whole) > MAX_CHARS or "\0" in whole or not gap.middle.text:
        return None
    error = _parse(whole)
    if error is None:
        return None
    is_sound = any(
        _parse(gap.prefix + filler + gap.suffix) is None for filler in _fillers(gap.prefix)
    )
    return Fault(*error, "middle" if is_sound else "unknown")


def _fillers(prefix: str) -> Iterator[str]:
    """Short texts, one of which would parse in the gap of a sound file."""
    lines = [line for line in prefix.split("\n") if line.strip()]
    indent = _indent(lines[-1]) if lines else ""
    yield from _FILLERS
    for deeper in ("", "    ", "\t"):
        yield f"{indent}{deeper}pass\n"
        yield f"\n{indent}{deeper}pass\n"


def _parse(text: str) -> tuple[int, str] | None:
    """The line and the words of what is wrong; None where nothing is, or it cannot be told."""
    header = _header(text)
    try:
        ast.parse(header + text, _NAME)
    except SyntaxError as error:
        num_lines = text.count("\n") + 1
        offset = header.count("\n")
        line = min(max((error.lineno or 1) - offset, 1), num_lines)
        return line, _LINE_NUMBER.sub(lambda found: str(int(found[0]) - offset), error.msg)
    except (ValueError, RecursionError, MemoryError):
        return None
    return None


def _header(text: str) -> str:
    """Lines before a fragment that is indented as a whole, which then parses as part of a block.

    A fragment may come back to less indentation than it begins with: each level gets a block.
    """
    lines = [
        line for line in text.split("\n") if line.strip() and not line.lstrip().startswith("#")
    ]
    if not lines or not _indent(lines[0]):
        return ""
    levels = [_indent(lines[0])]
    for line in lines:
        if len(_indent(line)) < len(levels[-1]):
            levels.append(_indent(line))
    outer = [level for level in reversed(levels[1:]) if level]
    return "".join(f"{level}if 1:\n" for level in ("", *outer))


def _indent(line: str) -> str:
    return line[: len(line) - len(line.lstrip(" \t"))]


def describe(fault: Fault | None) -> str:
    """It in words, as HTML. Whoever wrote the boxes is not at fault."""
    if fault is None:
        return ""
    where = f"line {fault.line}: {fault.message}"
    if fault.blame == "middle":
        return notice("warning", f"With this middle the file does not parse as Python at {where}.")
    return notice(
        "info",
        f"This does not parse as Python at {where}.",
        "It may well be right as a part of a file, or in another language.",
    )

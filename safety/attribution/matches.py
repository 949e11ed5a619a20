"""Where a file's code stands in an index."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from safety.attribution.index import Index
from safety.attribution.sources import Source, Sources
from safety.files import UNREADABLE, SkippedFileError, read_text, why_skipped
from safety.tree import Found

MAX_BYTES = 64_000_000
MAX_SHOWN = 80


@dataclass(frozen=True)
class Match:
    """A stretch of a file that stands in the corpus: lines and columns from 1."""

    file: str
    line: int
    column: int
    start: int
    end: int
    text: str
    source: Source | None = None

    def __str__(self) -> str:
        shown = " ".join(self.text.split())
        shown = shown if len(shown) <= MAX_SHOWN else f"{shown[: MAX_SHOWN - 1]}…"
        where = f" · {self.source}" if self.source else ""
        return f"{self.file}:{self.line}:{self.column}: {len(self.text)} characters{where}: {shown}"

    def to_json(self) -> dict[str, Any]:
        """By the names of the attributes."""
        return vars(self) | {"source": vars(self.source) if self.source else None}


def look_up(index: Index, found: Found, sources: Sources | None = None) -> list[Match]:
    """
    Raises:
        SkippedFileError: the file cannot be looked up; the message says why.
    """
    if found.problem:
        raise SkippedFileError(found.problem)
    try:
        if found.path.stat().st_size > MAX_BYTES:
            raise SkippedFileError(f"longer than {MAX_BYTES // 1_000_000} MB")
        text = read_text(found.path)
    except UNREADABLE as error:
        raise SkippedFileError(why_skipped(error)) from None
    matches = []
    line, last = 1, 0
    for start, end in index.find(text):
        line += text.count("\n", last, start)
        last = start
        column = start - text.rfind("\n", 0, start)
        source = sources.find(text[start:end]) if sources else None
        matches.append(Match(str(found.path), line, column, start, end, text[start:end], source))
    return matches

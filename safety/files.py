"""Reads files for a scan, in blocks, so that neither a long file nor a long line fills the memory.

A file is text in UTF-8 (with or without a byte order mark), in UTF-16 or UTF-32 with one, or in
Latin-1, in which every byte is a character; with a NUL it is binary.
"""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from safety.spans import Detector, Span

BLOCK = 1 << 18  # characters
OVERLAP = 8192
LEFT = 256
READ_BYTES = 1 << 18

# UTF-32's mark for little endian begins with UTF-16's.
MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
    (codecs.BOM_UTF8, "utf-8"),
)


class SkippedFileError(Exception):
    """The file was not scanned; the message says why."""


# What a file is left out for.
UNREADABLE = (SkippedFileError, UnicodeDecodeError, OSError)


def why_skipped(error: Exception) -> str:
    """One of `UNREADABLE`, for people."""
    if isinstance(error, OSError):
        return error.strerror or "cannot be read"
    return "changed while it was read" if isinstance(error, UnicodeDecodeError) else str(error)


@dataclass(frozen=True)
class Encoding:
    """How a file's bytes are text: `mark` at its start, then text in `codec`."""

    codec: str
    mark: bytes = b""


@dataclass(frozen=True)
class Finding:
    """A span and its place: line and column from 1, the column in characters."""

    line: int
    column: int
    span: Span


@dataclass(frozen=True)
class Block:
    """A stretch of a file's text with the spans in it, which do not reach out of it.

    Attributes:
        findings: the spans count from the start of `text`.
    """

    text: str
    findings: tuple[Finding, ...]


def find_encoding(path: Path) -> Encoding:
    """Reads all of the file.

    Raises:
        SkippedFileError: it is binary, or not what its byte order mark says.
        OSError: it cannot be read.
    """
    with path.open("rb") as file:
        head = file.read(4)
        mark, codec = next(((m, c) for m, c in MARKS if head.startswith(m)), (b"", "utf-8"))
        file.seek(len(mark))
        decoder = codecs.getincrementaldecoder(codec)()
        is_unicode = True
        for data in _pieces(file):
            if b"\0" in data and not codec.startswith(("utf-16", "utf-32")):
                raise SkippedFileError("binary")
            try:
                if is_unicode and "\0" in decoder.decode(data, final=not data):
                    raise SkippedFileError("binary")
            except UnicodeDecodeError:
                if mark:
                    raise SkippedFileError(f"begins as {codec} and goes on otherwise") from None
                is_unicode = False
    return Encoding(codec if is_unicode else "latin-1", mark)


def read_text(path: Path) -> str:
    """All of the file, of which the memory has to hold several copies.

    Raises:
        SkippedFileError: as for `find_encoding`.
        OSError, UnicodeDecodeError: it cannot be read, or it changed.
    """
    encoding = find_encoding(path)
    return path.read_bytes()[len(encoding.mark) :].decode(encoding.codec)


def read_blocks(
    path: Path, encoding: Encoding, detector: Detector, *, size: int = BLOCK
) -> Iterator[Block]:
    """The whole text in blocks, each scanned with what stands around it. `size` must be more than
    twice `OVERLAP`, which no span is longer than.

    Raises:
        OSError, UnicodeDecodeError: the file changed, or it cannot be read any more.
    """
    with path.open("rb") as file:
        file.seek(len(encoding.mark))
        decoder = codecs.getincrementaldecoder(encoding.codec)()
        left, text, place, at_end = "", "", _Place(), False
        while not at_end:
            while len(text) < size and not at_end:
                data = file.read(min(READ_BYTES, size - len(text)))
                at_end = not data
                text += decoder.decode(data, final=at_end)
            spans = _shift(detector.find(left + text), len(left))
            cut = len(text) if at_end else _find_cut(text, spans)
            block = text[:cut]
            yield Block(block, place.findings(block, [span for span in spans if span.end <= cut]))
            left, text = (left + block)[-LEFT:], text[cut:]


def _pieces(file: BinaryIO) -> Iterator[bytes]:
    """The rest of the file, and an empty piece at its end."""
    while data := file.read(READ_BYTES):
        yield data
    yield b""


def _shift(spans: list[Span], left: int) -> list[Span]:
    """Spans of the text without its first `left` characters, which were told before."""
    return [
        Span(span.start - left, span.end - left, span.kind, span.value, span.confidence)
        for span in spans
        if span.start >= left
    ]


def _find_cut(text: str, spans: list[Span]) -> int:
    """Where to go on: after a line, if there is one in time, and not within a span. What is after
    it is scanned again, with all that follows."""
    limit = len(text) - OVERLAP
    cut = text.rfind("\n", limit - OVERLAP, limit) + 1 or limit
    across = next((span for span in spans if span.start < cut < span.end), None)
    return cut if across is None else across.start or across.end


class _Place:
    """Counts lines and columns over the blocks of a file."""

    def __init__(self) -> None:
        self.line, self.column = 1, 1

    def findings(self, block: str, spans: list[Span]) -> tuple[Finding, ...]:
        """Goes on to the end of `block`."""
        found, position = [], 0
        for span in spans:
            self._go(block, position, span.start)
            found.append(Finding(self.line, self.column, span))
            position = span.start
        self._go(block, position, len(block))
        return tuple(found)

    def _go(self, block: str, start: int, end: int) -> None:
        breaks = block.count("\n", start, end)
        if breaks:
            self.line += breaks
            self.column = end - block.rfind("\n", start, end)
        else:
            self.column += end - start

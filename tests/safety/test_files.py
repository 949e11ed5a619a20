"""Files are read in blocks, in their encoding, and scanned as if they were read at once."""

from __future__ import annotations

import codecs
import tracemalloc
from pathlib import Path

import pytest

from benchmarks.pii_set.snippets import read_half
from safety.detector import PatternDetector
from safety.files import OVERLAP, Encoding, SkippedFileError, find_encoding, read_blocks
from safety.spans import Span

TEXT = "héllo eva@velomat.io\r\n"


@pytest.mark.parametrize(
    ("data", "encoding"),
    [
        (TEXT.encode(), Encoding("utf-8")),
        (codecs.BOM_UTF8 + TEXT.encode(), Encoding("utf-8", codecs.BOM_UTF8)),
        (
            codecs.BOM_UTF16_LE + TEXT.encode("utf-16-le"),
            Encoding("utf-16-le", codecs.BOM_UTF16_LE),
        ),
        (
            codecs.BOM_UTF16_BE + TEXT.encode("utf-16-be"),
            Encoding("utf-16-be", codecs.BOM_UTF16_BE),
        ),
        (
            codecs.BOM_UTF32_LE + TEXT.encode("utf-32-le"),
            Encoding("utf-32-le", codecs.BOM_UTF32_LE),
        ),
        (TEXT.encode("latin-1"), Encoding("latin-1")),
        (b"", Encoding("utf-8")),
        (b"x" * 300_000 + b"\xc3", Encoding("latin-1")),
    ],
)
def test_an_encoding_is_told_by_its_mark_or_its_bytes(
    tmp_path: Path, data: bytes, encoding: Encoding
) -> None:
    file = tmp_path / "file"
    file.write_bytes(data)
    assert find_encoding(file) == encoding
    blocks = read_blocks(file, encoding, PatternDetector())
    text = "".join(block.text for block in blocks)
    assert encoding.mark + text.encode(encoding.codec) == data


@pytest.mark.parametrize(
    "data",
    [b"\x7fELF\0\0", b"text" * 100_000 + b"\0", codecs.BOM_UTF16_LE + "a\0b".encode("utf-16-le")],
)
def test_a_file_with_a_nul_is_binary(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "file").write_bytes(data)
    with pytest.raises(SkippedFileError, match="binary"):
        find_encoding(tmp_path / "file")


def test_a_file_that_is_not_what_its_mark_says_is_skipped(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(codecs.BOM_UTF8 + b"\xff\xff")
    with pytest.raises(SkippedFileError, match="utf-8"):
        find_encoding(tmp_path / "file")


def test_blocks_have_the_spans_of_the_whole_at_their_lines_and_columns(tmp_path: Path) -> None:
    halves = read_half("frozen") + read_half("tuning")
    text = "\n".join(snippet.text for snippet in halves * 3)
    file = tmp_path / "file"
    file.write_bytes(text.encode())
    blocks = list(read_blocks(file, Encoding("utf-8"), PatternDetector(), size=3 * OVERLAP))
    assert len(blocks) > 5
    assert "".join(block.text for block in blocks) == text
    lines = text.split("\n")
    found = [finding for block in blocks for finding in block.findings]
    assert [one.span.value for one in found] == [s.value for s in PatternDetector().find(text)]
    for finding in found:
        rest = "\n".join(lines[finding.line - 1 :])[finding.column - 1 :]
        assert rest.startswith(finding.span.value)


def test_what_stands_across_two_blocks_of_one_long_line_is_found_once(tmp_path: Path) -> None:
    size = 3 * OVERLAP
    file = tmp_path / "file"
    for offset in range(-30, 30, 7):
        start = size - OVERLAP + offset
        text = "," * start + "eva@velomat.io" + "," * size
        file.write_bytes(text.encode())
        blocks = read_blocks(file, Encoding("utf-8"), PatternDetector(), size=size)
        found = [finding for block in blocks for finding in block.findings]
        assert [(one.line, one.column) for one in found] == [(1, start + 1)]


def test_a_detector_whose_span_fills_all_does_not_hold_up_the_reading(tmp_path: Path) -> None:
    class Greedy:
        def find(self, text: str) -> list[Span]:
            return [Span(0, len(text), "NAME", text, 0.5)]

    file = tmp_path / "file"
    file.write_bytes(b"x" * 10 * OVERLAP)
    blocks = read_blocks(file, Encoding("utf-8"), Greedy(), size=3 * OVERLAP)
    assert sum(len(block.text) for block in blocks) == 10 * OVERLAP


def test_a_line_of_ten_megabytes_takes_no_more_memory_than_a_block(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"var a=1;f(a);" * 800_000)
    tracemalloc.start()
    try:
        length = sum(len(b.text) for b in read_blocks(file, Encoding("utf-8"), PatternDetector()))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert length == 13 * 800_000
    assert peak < 5_000_000

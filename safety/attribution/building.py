"""An index made of folders of code: file by file, in bounded memory, and resumed where it ended."""

from __future__ import annotations

import io
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from math import ceil
from pathlib import Path

import numpy as np

from safety.attribution.fingerprints import DENSITY, GUARANTEED, find_fingerprints
from safety.attribution.index import AttributionError, Facts, Index, load_index
from safety.attribution.normal_text import BLANK, NormalText, normalize
from safety.files import MARKS, UNREADABLE, find_encoding, why_skipped
from safety.tree import Found, Tree

PIECE = 1 << 20  # characters that are read at a time
SAVE_SECONDS = 60.0
HEAD_BYTES = 4096
WIDE_MARKS = tuple(mark for mark, codec in MARKS if codec.startswith(("utf-16", "utf-32")))
# What lies above the average that random hashes give: repetitive text keeps more of them.
ROOM = 1.1


@dataclass(frozen=True)
class Plan:
    """What is to be built.

    Attributes:
        roots: folders or files.
        out: the index; what is there of it lies beside it, with `.part` after the name.
        false_positive_rate: of one fingerprint.
    """

    roots: tuple[Path, ...]
    out: Path
    false_positive_rate: float

    @property
    def part(self) -> Path:
        return self.out.with_name(f"{self.out.name}.part")

    def walk(self) -> Iterator[Found]:
        """All files, in the same order each time."""
        tree = Tree()
        for root in self.roots:
            yield from tree.walk(root)


class Builder:
    """Builds what a `Plan` says, or goes on with what a former one left.

    Args:
        tell: is called with the index' facts after each file.
        skip: is called with each file that is left out, and why.

    Raises:
        AttributionError: the part of an index beside `out` is of other folders, or no index.
        OSError: the disk.
    """

    def __init__(
        self,
        plan: Plan,
        tell: Callable[[Facts], None] = lambda facts: None,
        skip: Callable[[Path, str], None] = lambda path, why: None,
    ) -> None:
        self._plan = plan
        self._tell = tell
        self._skip = skip
        self.total_bytes = sum(_size_of(found) for found in plan.walk())
        self.index = self._resume() if plan.part.exists() else Index(self._begin())

    def build(self, *, save_seconds: float = SAVE_SECONDS) -> Index:
        """To the end; interrupted, what is done is kept."""
        plan, saved = self._plan, time.monotonic()
        try:
            for found in islice(plan.walk(), self.index.facts.num_seen, None):
                self._add(found)
                self._tell(self.index.facts)
                if time.monotonic() - saved >= save_seconds:
                    self.index.save(plan.part)
                    saved = time.monotonic()
        except KeyboardInterrupt:
            self.index.save(plan.part)
            raise
        self.index.save(plan.out)
        plan.part.unlink(missing_ok=True)
        return self.index

    def _begin(self) -> Facts:
        capacity = max(1, ceil(self.total_bytes * DENSITY * ROOM))
        return Facts(self._plan.false_positive_rate, capacity, roots=self._roots)

    @property
    def _roots(self) -> tuple[str, ...]:
        return tuple(str(root.resolve()) for root in self._plan.roots)

    def _resume(self) -> Index:
        part = self._plan.part
        index = load_index(part)
        seen = next(islice(self._plan.walk(), max(0, index.facts.num_seen - 1), None), None)
        is_same = index.facts.roots == self._roots and (
            index.facts.num_seen == 0 or (seen and str(seen.path) == index.facts.last_seen)
        )
        rate = self._plan.false_positive_rate
        if not is_same or index.facts.false_positive_rate != rate:
            raise AttributionError(
                f"{part} was begun with other folders, files or another rate: "
                "call it as before, or delete that file to begin anew"
            )
        return index

    def _add(self, found: Found) -> None:
        index, problem, num_kept = self.index, found.problem, 0
        try:
            # A file that breaks off has left some of itself in the filter, which does no harm.
            num_kept = 0 if problem else add_file(index, found.path)
        except UNREADABLE as error:
            problem = why_skipped(error)
        seen = replace(index.facts, num_seen=index.facts.num_seen + 1, last_seen=str(found.path))
        if problem:
            self._skip(found.path, problem)
        else:
            seen = replace(
                seen,
                num_fingerprints=seen.num_fingerprints + num_kept,
                num_files=seen.num_files + 1,
                num_bytes=seen.num_bytes + _size_of(found),
            )
        index.facts = seen


def add_file(index: Index, path: Path) -> int:
    """How many fingerprints it had.

    Raises:
        SkippedFileError: it is not text.
        OSError, UnicodeDecodeError: it cannot be read, or it changed.
    """
    encoding = find_encoding(path)
    num_kept = 0
    with path.open("rb") as file:
        file.seek(len(encoding.mark))
        reader = io.TextIOWrapper(file, encoding.codec, newline="")
        rest = NormalText(np.zeros(0, np.uint32), np.zeros(1, np.int64))
        while text := reader.read(PIECE):
            rest = _after(rest, normalize(text))
            hashes, _ = find_fingerprints(rest)
            index.add(hashes)
            num_kept += len(hashes)
    return num_kept


def _after(former: NormalText, piece: NormalText) -> NormalText:
    """The piece behind as much of the former one as a match that begins there may need."""
    codes = former.codes[1 - GUARANTEED :]
    is_one_run = len(codes) and len(piece) and codes[-1] == BLANK == piece.codes[0]
    codes = np.concatenate([codes, piece.codes[1:] if is_one_run else piece.codes])
    return NormalText(codes, np.zeros(len(codes) + 1, np.int64))


def _size_of(found: Found) -> int:
    """In bytes, of what its beginning shows to be text."""
    try:
        with found.path.open("rb") as file:
            head = b"" if found.problem else file.read(HEAD_BYTES)
            is_wide = head.startswith(WIDE_MARKS)
            return 0 if b"\0" in head and not is_wide else found.path.stat().st_size
    except OSError:
        return 0


def roots_problem(roots: Sequence[Path], out: Path) -> str:
    """What is wrong with them, or nothing."""
    for root in roots:
        if not root.exists():
            return f"{root} does not exist"
    if out.is_dir():
        return f"{out} is a folder: name a file"
    if not out.parent.is_dir():
        return f"there is no folder {out.parent}"
    return ""

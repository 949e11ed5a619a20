"""An index made of folders of code: file by file, in bounded memory, and resumed where it ended."""

from __future__ import annotations

import io
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from itertools import islice
from math import ceil
from pathlib import Path

import numpy as np

from safety.attribution.fingerprints import DENSITY, GUARANTEED, Hashes, find_fingerprints
from safety.attribution.index import AttributionError, Facts, Index, load_index
from safety.attribution.licenses import find_license
from safety.attribution.normal_text import BLANK, NormalText, normalize
from safety.attribution.sources import Sources, sources_path
from safety.files import MARKS, UNREADABLE, find_encoding, why_skipped
from safety.tree import Found, Tree

PIECE = 1 << 20  # characters that are read at a time
SAVE_SECONDS = 60.0
HEAD_BYTES = 4096
WIDE_MARKS = tuple(mark for mark, codec in MARKS if codec.startswith(("utf-16", "utf-32")))
# What lies above the average that random hashes give: repetitive text keeps more of them.
ROOM = 1.1
NOTHING = (None, None)


@dataclass(frozen=True)
class Plan:
    """What is to be built.

    Attributes:
        roots: folders or files.
        out: the index; what is there of it lies beside it, with `.part` after the name.
        false_positive_rate: of one fingerprint.
        has_sources: the files and their licences are remembered, beside the index.
    """

    roots: tuple[Path, ...]
    out: Path
    false_positive_rate: float
    has_sources: bool = False

    @property
    def part(self) -> Path:
        return self.out.with_name(f"{self.out.name}.part")

    def walk(self) -> Iterator[tuple[Path, Found]]:
        """All files, each with the root that it is below, in the same order each time."""
        tree = Tree()
        for root in self.roots:
            for found in tree.walk(root):
                yield root, found


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
        self.total_bytes = sum(_size_of(found) for _, found in plan.walk())
        self.index = self._resume() if plan.part.exists() else Index(self._begin())

    def build(self, *, save_seconds: float = SAVE_SECONDS) -> Index:
        """To the end; interrupted, what is done is kept."""
        plan, saved = self._plan, time.monotonic()
        with self._open_sources() as sources:
            try:
                for root, found in islice(plan.walk(), self.index.facts.num_seen, None):
                    self._add(root, found, sources)
                    self._tell(self.index.facts)
                    if time.monotonic() - saved >= save_seconds:
                        self._save(sources)
                        saved = time.monotonic()
            except KeyboardInterrupt:
                self._save(sources)
                raise
            if sources:
                sources.save(self.index.facts)
        self._finish()
        return self.index

    def _open_sources(self) -> AbstractContextManager[Sources | None]:
        if not self._plan.has_sources:
            return nullcontext()
        return Sources(sources_path(self._plan.part), is_new=not self._plan.part.exists())

    def _save(self, sources: Sources | None) -> None:
        # The sources first: what they hold more than the index is put in again.
        if sources:
            sources.save(self.index.facts)
        self.index.save(self._plan.part)

    def _finish(self) -> None:
        """The index appears last, and never beside the sources of another."""
        plan = self._plan
        sources_path(plan.out).unlink(missing_ok=True)
        if plan.has_sources:
            sources_path(plan.part).replace(sources_path(plan.out))
        self.index.save(plan.out)
        plan.part.unlink(missing_ok=True)

    def _begin(self) -> Facts:
        capacity = max(1, ceil(self.total_bytes * DENSITY * ROOM))
        return Facts(self._plan.false_positive_rate, capacity, roots=self._roots)

    @property
    def _roots(self) -> tuple[str, ...]:
        return tuple(str(root.resolve()) for root in self._plan.roots)

    def _resume(self) -> Index:
        part = self._plan.part
        index = load_index(part)
        _, seen = next(islice(self._plan.walk(), max(0, index.facts.num_seen - 1), None), NOTHING)
        facts, last = index.facts, str(seen.path) if seen else ""
        is_same = (
            facts.roots == self._roots
            and (facts.num_seen == 0 or facts.last_seen == last)
            and facts.false_positive_rate == self._plan.false_positive_rate
            and sources_path(part).exists() == self._plan.has_sources
        )
        if not is_same:
            raise AttributionError(
                f"{part} was begun with other folders, files or settings: "
                "call it as before, or delete that file to begin anew"
            )
        return index

    def _add(self, root: Path, found: Found, sources: Sources | None) -> None:
        index, problem, num_kept = self.index, found.problem, 0
        try:
            # A file that breaks off has left some of itself in the filter, which does no harm.
            num_kept = 0 if problem else self._add_file(root, found.path, sources)
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

    def _add_file(self, root: Path, path: Path, sources: Sources | None) -> int:
        """How many fingerprints it had."""
        number, num_kept = self.index.facts.num_seen, 0
        for piece, hashes in read_fingerprints(path):
            if sources and not num_kept:
                sources.add_file(number, path.resolve(), find_license(path, piece, root))
            if sources:
                sources.add(number, hashes)
            self.index.add(hashes)
            num_kept += len(hashes)
        return num_kept


def read_fingerprints(path: Path) -> Iterator[tuple[str, Hashes]]:
    """A file's pieces, and the fingerprints of each.

    Raises:
        SkippedFileError: it is not text.
        OSError, UnicodeDecodeError: it cannot be read, or it changed.
    """
    encoding = find_encoding(path)
    with path.open("rb") as file:
        file.seek(len(encoding.mark))
        reader = io.TextIOWrapper(file, encoding.codec, newline="")
        rest = NormalText(np.zeros(0, np.uint32), np.zeros(1, np.int64))
        while text := reader.read(PIECE):
            rest = _after(rest, normalize(text))
            yield text, find_fingerprints(rest)[0]


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

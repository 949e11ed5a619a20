"""The files below folders, each once, whatever links there are."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

LEFT_OUT = frozenset({".git", ".hg", ".svn"})


def real_path(path: Path) -> Path:
    """With links followed as far as they lead. `Path.resolve` raises where that is a circle."""
    return Path(os.path.realpath(path))


@dataclass(frozen=True)
class Found:
    """A file to scan, or what is not scanned and why.

    Attributes:
        place: where it lies below the path that was asked for, with that path's own name.
    """

    path: Path
    place: Path
    problem: str = ""


class Tree:
    """Walks files and folders. Links are followed, but no folder is entered twice.

    Args:
        left_out: a folder that is not entered, as a resolved path: where copies go to.
    """

    def __init__(self, left_out: Path | None = None) -> None:
        self._left_out = left_out
        self._entered: set[tuple[int, int]] = set()

    def walk(self, path: Path) -> Iterator[Found]:
        """In the order of names."""
        yield from self._walk(path, Path(real_path(path).name))

    def _walk(self, path: Path, place: Path) -> Iterator[Found]:
        # A stack, not recursion: a deep tree may be deeper than Python's.
        waiting = [(path, place)]
        while waiting:
            path, place = waiting.pop()
            try:
                if not path.is_dir():
                    path.stat()
                    is_special = not path.is_file()
                    yield Found(path, place, "not a regular file" if is_special else "")
                elif problem := self._enter(path):
                    yield Found(path, place, problem)
                elif real_path(path) != self._left_out:
                    names = sorted(os.listdir(path), reverse=True)
                    waiting += [
                        (path / name, place / name) for name in names if name not in LEFT_OUT
                    ]
            except OSError as error:
                yield Found(path, place, error.strerror or "cannot be read")

    def _enter(self, folder: Path) -> str:
        status = folder.stat()
        key = (status.st_dev, status.st_ino)
        if key in self._entered:
            return "a link to a folder that was read already"
        self._entered.add(key)
        return ""

"""The other files of a repository that an infill is told of, in the order that the model reads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from model.prompts.infill import RepositoryFile


@dataclass(frozen=True, slots=True)
class Shelf:
    """
    Attributes:
        files: the one that tells most stands last: the model reads it last, and what does not
            fit is left out from the first on.
        removed: the last one that was taken off, and where it stood.
    """

    files: tuple[RepositoryFile, ...] = ()
    removed: tuple[int, RepositoryFile] | None = None

    def add(self, files: Sequence[RepositoryFile]) -> Shelf:
        """With `files` at its end; one whose path is there already takes that one's place."""
        shelved = list(self.files)
        for file in files:
            paths = [each.path for each in shelved]
            if file.path in paths:
                shelved[paths.index(file.path)] = file
            else:
                shelved.append(file)
        return Shelf(tuple(shelved), self.removed)

    def remove(self, index: int) -> Shelf:
        rest = (*self.files[:index], *self.files[index + 1 :])
        return Shelf(rest, (index, self.files[index]))

    def put_back(self) -> Shelf:
        if self.removed is None:
            return self
        index, file = self.removed
        return Shelf((*self.files[:index], file, *self.files[index:]))

    def move(self, index: int, to: int) -> Shelf:
        files = list(self.files)
        files.insert(to, files.pop(index))
        return replace(self, files=tuple(files))

    def rename(self, index: int, path: str) -> Shelf:
        files = list(self.files)
        files[index] = replace(files[index], path=path)
        return replace(self, files=tuple(files))

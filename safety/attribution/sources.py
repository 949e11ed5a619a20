"""Which file of the corpus a match is of, and its licence: a table beside the index.

A Bloom filter forgets what was put in. This SQLite file remembers the first file that had each
fingerprint.
"""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from safety.attribution.fingerprints import Hashes, find_fingerprints, hash_grams
from safety.attribution.index import AttributionError, Facts
from safety.attribution.normal_text import normalize

VERSION = 1
MAX_ASKED = 500  # hashes in a query
MAX_GRAMS = 10_000  # of which all are asked for: of a longer match some will do
_SCHEMA = """
    CREATE TABLE files (id INTEGER PRIMARY KEY, path TEXT NOT NULL, license TEXT NOT NULL);
    CREATE TABLE fingerprints (hash INTEGER PRIMARY KEY, file INTEGER NOT NULL) WITHOUT ROWID;
    CREATE TABLE facts (num_files INTEGER NOT NULL, num_fingerprints INTEGER NOT NULL);
"""


@dataclass(frozen=True)
class Source:
    """A file of the corpus.

    Attributes:
        license: its SPDX name; "" where none was found.
    """

    path: str
    license: str

    def __str__(self) -> str:
        return f"{self.path} ({self.license or 'licence unknown'})"


def sources_path(index: Path) -> Path:
    """Where the sources of an index lie."""
    return index.with_name(f"{index.name}.sources")


class Sources:
    """The table, open. Close it, or use it in a `with`.

    Raises:
        AttributionError: the file is no such table, or damaged.
    """

    def __init__(self, path: Path, *, is_new: bool = False) -> None:
        self._path = path
        try:
            if is_new:
                path.unlink(missing_ok=True)
            self._connection = sqlite3.connect(path)
            if is_new:
                self._connection.executescript(f"{_SCHEMA} PRAGMA user_version = {VERSION};")
            (version,) = self._connection.execute("PRAGMA user_version").fetchone()
        except sqlite3.Error:
            raise self._damaged() from None
        if version != VERSION:
            self._connection.close()
            raise AttributionError(f"{path} was made by another version: build the index anew")

    def __enter__(self) -> Sources:
        return self

    def __exit__(self, *args: object) -> None:
        self.close()

    def close(self) -> None:
        self._connection.close()

    def add_file(self, number: int, path: Path, license_: str) -> None:
        """Before its fingerprints. Again, after an interruption, it changes nothing.

        Args:
            number: of the file among those of the corpus.
        """
        row = (number, str(path), license_)
        self._connection.execute("INSERT OR REPLACE INTO files VALUES (?, ?, ?)", row)

    def add(self, number: int, hashes: Hashes) -> None:
        rows = ((value, number) for value in _signed(hashes))
        self._connection.executemany("INSERT OR IGNORE INTO fingerprints VALUES (?, ?)", rows)

    def save(self, facts: Facts) -> None:
        """What was added is on the disk, and `facts` are the index' that it belongs to."""
        self._connection.execute("DELETE FROM facts")
        row = (facts.num_files, facts.num_fingerprints)
        self._connection.execute("INSERT INTO facts VALUES (?, ?)", row)
        self._connection.commit()

    def check(self, facts: Facts) -> None:
        """
        Raises:
            AttributionError: it belongs to another index.
        """
        try:
            row = self._connection.execute("SELECT * FROM facts").fetchone()
        except sqlite3.Error:
            raise self._damaged() from None
        if row != (facts.num_files, facts.num_fingerprints):
            raise AttributionError(f"{self._path} belongs to another index: build both anew")

    def find(self, text: str) -> Source | None:
        """The file that most of what `text` has in common with the corpus was first found in."""
        try:
            counts = Counter(self._files_of(text))
            if not counts:
                return None
            ((number, _),) = counts.most_common(1)
            query = "SELECT path, license FROM files WHERE id = ?"
            return Source(*self._connection.execute(query, (number,)).fetchone())
        except sqlite3.Error:
            raise self._damaged() from None

    def _files_of(self, text: str) -> Iterator[int]:
        hashes = _signed(_fingerprints_of(text))
        for start in range(0, len(hashes), MAX_ASKED):
            some = hashes[start : start + MAX_ASKED]
            marks = ",".join("?" * len(some))
            query = f"SELECT file FROM fingerprints WHERE hash IN ({marks})"
            yield from (file for (file,) in self._connection.execute(query, some))

    def _damaged(self) -> AttributionError:
        return AttributionError(f"{self._path} is damaged: build the index anew")


def _fingerprints_of(text: str) -> Hashes:
    normal = normalize(text)
    hashes = hash_grams(normal.codes)
    return hashes if len(hashes) <= MAX_GRAMS else find_fingerprints(normal)[0]


def _signed(hashes: Hashes) -> list[int]:
    """SQLite's integers have a sign."""
    return list(hashes.view(np.int64).tolist())

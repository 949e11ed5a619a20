"""The index: a Bloom filter of a corpus' fingerprints, in one file with what it was made of.

The file is a line that names the format, a line of JSON (`Facts`), and the filter's bytes.
"""

from __future__ import annotations

import hashlib
import json
import operator
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rbloom import Bloom

from safety.attribution.fingerprints import GRAM, WINDOW, Hashes, find_fingerprints
from safety.attribution.normal_text import normalize

FORMAT = b"starcoder-playground attribution index\n"
VERSION = 1
MAX_FACTS_BYTES = 1 << 20
PIECE = 1 << 20  # characters that are looked up at a time: bounds the memory that a text takes

Place = tuple[int, int]


class AttributionError(Exception):
    """It cannot be looked up; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What an index was made of.

    Attributes:
        false_positive_rate: of one fingerprint, where no more than `capacity` were put in.
        capacity: fingerprints that the filter was made for.
        num_fingerprints: that were put in, the same one as often as it came.
        num_bytes: of the files.
        roots: the folders they were in.
        num_seen: files that the walk through these came to, those that were left out too.
        last_seen: the last of them.
    """

    false_positive_rate: float
    capacity: int
    num_fingerprints: int = 0
    num_files: int = 0
    num_bytes: int = 0
    roots: tuple[str, ...] = ()
    num_seen: int = 0
    last_seen: str = ""


class Index:
    """Tells which parts of a text stand in the corpus. Nothing in it can be read back."""

    def __init__(self, facts: Facts, bloom: Bloom | None = None) -> None:
        self.facts = facts
        # The hashes are mixed well: they need no hashing again.
        self._bloom = bloom or Bloom(facts.capacity, facts.false_positive_rate, operator.index)

    @property
    def num_bits(self) -> int:
        return self._bloom.size_in_bits

    def add(self, hashes: Hashes) -> None:
        self._bloom.update(hashes.tolist())

    def holds(self, fingerprint: int) -> bool:
        return fingerprint in self._bloom

    def find(self, text: str) -> list[Place]:
        """The places of `text` that stand in the corpus, in characters, `text[start:end]`; in
        order, and no two touch.

        None of 50 characters or more (normalised) is missed, but up to ten may be left out at
        either end of one. At the index' rate of false positives one is told that is not there.
        """
        found: list[Place] = []
        for start in range(0, max(len(text), 1), PIECE):
            # A gram that reaches into the next piece belongs to both; white space may be long.
            piece = text[start : start + PIECE + PIECE // 4]
            found += [(start + first, start + last) for first, last in self._find(piece)]
        return join(found)

    def _find(self, text: str) -> list[Place]:
        normal = normalize(text)
        hashes, positions = find_fingerprints(normal)
        return [
            (int(normal.places[position]), normal.end_of(position + GRAM - 1))
            for value, position in zip(hashes.tolist(), positions.tolist(), strict=True)
            if value in self._bloom
        ]

    def save(self, path: Path) -> None:
        """Whole or not at all.

        Raises:
            OSError: it cannot be written.
        """
        data = self._bloom.save_bytes()
        facts = {
            "version": VERSION,
            "gram": GRAM,
            "window": WINDOW,
            "digest": _digest(data),
            **asdict(self.facts),
        }
        written = path.with_name(f"{path.name}.writing")
        try:
            with written.open("wb") as file:
                file.write(FORMAT + json.dumps(facts).encode() + b"\n")
                file.write(data)
            written.replace(path)
        finally:
            written.unlink(missing_ok=True)


def load_index(path: Path) -> Index:
    """
    Raises:
        AttributionError: there is no index of this version in that file.
    """
    try:
        with path.open("rb") as file:
            if file.readline(len(FORMAT)) != FORMAT:
                raise AttributionError(f"{path} is no attribution index: build one")
            facts = _read_facts(path, file.readline(MAX_FACTS_BYTES))
            data = file.read()
    except OSError as error:
        raise AttributionError(f"{path}: {error.strerror or 'cannot be read'}") from None
    if _digest(data) != facts.pop("digest", None):
        raise AttributionError(f"{path} is damaged or was cut off: build it anew")
    try:
        facts["roots"] = tuple(facts["roots"])
        return Index(Facts(**facts), Bloom.load_bytes(data, operator.index))
    except (KeyError, TypeError, ValueError):
        raise AttributionError(f"{path} is damaged: build it anew") from None


def _read_facts(path: Path, line: bytes) -> dict[str, Any]:
    try:
        facts = json.loads(line)
        made = (facts.pop("version"), facts.pop("gram"), facts.pop("window"))
    except (ValueError, KeyError, AttributeError, TypeError):
        raise AttributionError(f"{path} is damaged: build it anew") from None
    if made != (VERSION, GRAM, WINDOW):
        raise AttributionError(f"{path} was built by another version: build it anew")
    return dict(facts)


def _digest(data: bytes) -> str:
    return hashlib.blake2b(data, digest_size=16).hexdigest()


def join(places: Iterable[Place]) -> list[Place]:
    """Those that overlap or touch are one."""
    joined: list[Place] = []
    for start, end in sorted(places):
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((start, end))
    return joined

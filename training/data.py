"""The data step: pinned packages made into pieces that examples are cut from.

    python -m training.data

Writes <cache>/training/{train,validation,held_out}.jsonl, and beside this file data.json: what
each package is licensed under, what was taken of it, and what was left out and why.
"""

from __future__ import annotations

import hashlib
import json
import logging
import platform
import random
import sys
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from model.loading.cache import user_cache_folder
from training.licences import LicenceError, read_licence
from training.masking import mask
from training.pieces import Piece, cut_into_pieces
from training.sources import Pin, read_package, read_pins

logger = logging.getLogger(__name__)

REPORT_FILE = Path(__file__).parent / "data.json"
SEED = 4
PARTS = ("held_out", "validation", "train")  # in this order: what is held out is not learned
# No package may drown the others.
MAX_FUNCTIONS = 700
MAX_CHUNKS = 250
# But for two, which are closest to what people type into a playground.
LARGER_SHARES = {"python": 2500, "algorithms": 2500}


@dataclass
class Collection:
    """Pieces of one part of the data, and the report on it."""

    pieces: list[Piece] = field(default_factory=list)
    taken: list[dict[str, Any]] = field(default_factory=list)
    left_out: list[dict[str, str]] = field(default_factory=list)


def data_folder() -> Path:
    return user_cache_folder() / "training"


def collect(pins: Iterable[Pin], wheels: Path, seen: set[str]) -> Collection:
    """The pieces of `pins`, without those whose fingerprint is in `seen`, which grows."""
    collection = Collection()
    for pin in pins:
        package = read_package(pin, wheels)
        row = {"package": pin.name, "version": pin.version}
        try:
            licence = read_licence(package.metadata)
        except LicenceError as error:
            collection.left_out.append({**row, "reason": str(error)})
            continue
        pieces = list(_take(pin, package.files, seen))
        collection.pieces += pieces
        counts = {
            f"{kind}s": sum(piece.kind == kind for piece in pieces)
            for kind in ("function", "chunk")
        }
        collection.taken.append({**row, "licence": licence, **counts})
        logger.info("%s %s: %s, %s", pin.name, pin.version, licence, counts)
    return collection


def _take(pin: Pin, files: tuple[tuple[str, str], ...], seen: set[str]) -> Iterator[Piece]:
    """Pieces of files in an order that depends on the seed only, up to the package's share."""
    shuffled = list(files)
    random.Random(f"{SEED}/{pin.name}").shuffle(shuffled)
    functions = LARGER_SHARES.get(pin.name, MAX_FUNCTIONS)
    room = {"function": functions, "chunk": MAX_CHUNKS}
    for path, text in shuffled:
        if not any(room.values()):
            return
        for piece in cut_into_pieces(pin.name, path, mask(text)):
            if room[piece.kind] and piece.fingerprint not in seen:
                seen.add(piece.fingerprint)
                room[piece.kind] -= 1
                yield piece


def write_pieces(pieces: Iterable[Piece], path: Path) -> str:
    """Write one piece a line; gives the SHA-256 of what was written."""
    text = "".join(json.dumps(asdict(piece), ensure_ascii=False) + "\n" for piece in pieces)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf-8")
    return hashlib.sha256(text.encode()).hexdigest()


def read_pieces(path: Path) -> list[Piece]:
    """What `write_pieces` wrote.

    Raises:
        FileNotFoundError: the data step has not been run.
    """
    with path.open(encoding="utf-8") as lines:
        return [Piece(**json.loads(line)) for line in lines]


def main() -> None:
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stdout)
    pins = read_pins()
    report: dict[str, Any] = {"python": platform.python_version(), "seed": SEED}
    seen: set[str] = set()
    for part in PARTS:
        collection = collect(getattr(pins, part), data_folder() / "wheels", seen)
        digest = write_pieces(collection.pieces, data_folder() / f"{part}.jsonl")
        report[part] = {
            "sha256": digest,
            "packages": collection.taken,
            "left_out": collection.left_out,
        }
    REPORT_FILE.write_text(json.dumps(report, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()

"""Counts what `safety.gibberish` knows: `python -m safety.gibberish_training`.

It reads the modules of this interpreter's standard library, without its tests, and writes
`gibberish.json` anew. The same library gives the same file; that in the repository is of Python
3.11. Words count once each, so that `self` does not drown the rest.
"""

from __future__ import annotations

import json
import re
import sysconfig
from collections.abc import Iterator
from pathlib import Path

from safety.gibberish import MODEL, train

WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{2,39}")


def library_words(folder: Path) -> list[str]:
    """Every word of the modules below `folder`, once, in order."""
    words = {word for path in _modules(folder) for word in _words(path)}
    return sorted(words)


def write(figures: list[list[int]], path: Path) -> None:
    """As JSON, with a line for each first symbol."""
    rows = ",\n".join(json.dumps(row, separators=(",", ":")) for row in figures)
    path.write_text(f"[{rows}]\n", encoding="utf-8")


def _modules(folder: Path) -> list[Path]:
    left_out = {"test", "tests", "site-packages", "idlelib", "lib2to3", "encodings", "__pycache__"}
    return sorted(
        path
        for path in folder.rglob("*.py")
        if not left_out & set(path.relative_to(folder).parts) and not path.name.startswith("_sysc")
    )


def _words(path: Path) -> Iterator[str]:
    yield from WORD.findall(path.read_text(encoding="utf-8", errors="replace"))


if __name__ == "__main__":
    write(train(library_words(Path(sysconfig.get_path("stdlib")))), MODEL)

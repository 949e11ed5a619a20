"""What a finished folder holds: lets a later start see, cheaply, whether it still does."""

from __future__ import annotations

import json
from pathlib import Path

MANIFEST = "manifest.json"


def write_manifest(folder: Path) -> None:
    """Record every file below `folder` with its size in bytes. Call it last."""
    sizes = {
        path.relative_to(folder).as_posix(): path.stat().st_size
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
    (folder / MANIFEST).write_text(json.dumps(sizes, indent=1), encoding="utf-8")


def is_intact(folder: Path) -> bool:
    """Whether `folder` has a manifest and every file in it, at its recorded size.

    Sizes find what happens to caches (cut short, removed in part); contents are not read.
    """
    try:
        sizes = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        return bool(sizes) and all(
            (folder / name).stat().st_size == size for name, size in sizes.items()
        )
    except (OSError, ValueError, AttributeError):
        return False

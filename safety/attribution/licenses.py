"""The licence that a file of a corpus says it stands under, by SPDX's names (spdx.org/licenses)."""

from __future__ import annotations

import re
from functools import lru_cache
from pathlib import Path

from identify import identify

HEAD_CHARS = 4096
MAX_LICENSE_BYTES = 100_000  # a longer file is no licence alone

_TAG = re.compile(r"SPDX-License-Identifier:[ \t]*([\w.+()/-]+(?: (?:AND|OR|WITH) [\w.+()-]+)*)")
_NAME = re.compile(r"(?:un)?licen[cs]e|copying", re.IGNORECASE)


def find_license(path: Path, head: str, root: Path) -> str:
    """The SPDX expression in the file's own head; else what the licence file nearest to it is, from
    its folder up to `root`; "" where there is neither, or none that is known.

    Args:
        head: the file's first characters.
    """
    if tag := _TAG.search(head[:HEAD_CHARS]):
        return tag[1]
    folder = path.parent
    while True:
        if license_ := _license_of(folder):
            return license_
        if folder in (root, folder.parent):
            return ""
        folder = folder.parent


@lru_cache(maxsize=4096)
def _license_of(folder: Path) -> str:
    """Of the licence files there, several joined as SPDX joins a choice."""
    try:
        paths = sorted(path for path in folder.iterdir() if _NAME.match(path.name))
    except OSError:
        return ""
    found = dict.fromkeys(license_ for path in paths if (license_ := _recognise(path)))
    return " OR ".join(found)


def _recognise(path: Path) -> str:
    try:
        if not path.is_file() or path.stat().st_size > MAX_LICENSE_BYTES:
            return ""
        if tag := _TAG.search(path.read_text(encoding="utf-8")[:HEAD_CHARS]):
            return tag[1]
        return identify.license_id(str(path)) or ""
    except (OSError, UnicodeDecodeError):
        return ""

"""What a person sees while an index is built."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TextIO

from safety.attribution.index import Facts

TELL_SECONDS = 1.0


class Progress:
    """A line that says how far it is, where a person looks on, and what is left out."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self.total_bytes = 0
        self._began_at = 0
        self._began = self._told = time.monotonic()

    def begin(self, facts: Facts) -> None:
        self._began_at = facts.num_bytes
        if facts.num_seen:
            self._stream.write(f"Goes on after {facts.num_seen:,} files.\n")

    def tell(self, facts: Facts) -> None:
        now = time.monotonic()
        if now - self._told < TELL_SECONDS:
            return
        self._told = now
        speed = (facts.num_bytes - self._began_at) / (now - self._began) / 1e6
        share = 100 * facts.num_bytes / max(self.total_bytes, 1)
        self._write(f"{share:.0f} % · {facts.num_bytes / 1e6:,.1f} MB · {speed:.1f} MB/s")

    def skip(self, path: Path, why: str) -> None:
        self._write("")
        self._stream.write(f"left out: {path}: {why}\n")

    def end(self) -> None:
        self._write("")

    def _write(self, text: str) -> None:
        if self._stream.isatty():
            self._stream.write(f"\r\x1b[K{text}")
            self._stream.flush()

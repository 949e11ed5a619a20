"""Stop strings, matched on text as it streams."""

from __future__ import annotations

from collections.abc import Sequence


class StopMatcher:
    """Passes text through until one of `stop` appears, which it withholds with all after it.

    Text that may turn out to be the start of a stop string is held back, so half a stop string
    never reaches a reader. For any way of cutting a text into pieces, the concatenation of all
    `feed` results and `flush` is the text up to the stop string that is complete first (of those
    complete at the same character, the longest).
    """

    def __init__(self, stop: Sequence[str] = ()) -> None:
        self._stop = tuple(stop)
        self._held = ""
        self.matched: str | None = None

    def feed(self, text: str) -> str:
        """The text that is now certain to be shown."""
        if self.matched is not None:
            return ""
        if not self._stop:
            return text
        buffer = self._held + text
        match = self._first_match(buffer)
        if match is not None:
            start, self.matched = match
            self._held = ""
            return buffer[:start]
        certain = len(buffer) - self._num_held(buffer)
        self._held = buffer[certain:]
        return buffer[:certain]

    def flush(self) -> str:
        """What was held back, once no more text comes."""
        held, self._held = self._held, ""
        return held

    def _first_match(self, buffer: str) -> tuple[int, str] | None:
        found = [
            (start + len(stop), start, stop)
            for stop in self._stop
            if (start := buffer.find(stop)) >= 0
        ]
        if not found:
            return None
        _, start, stop = min(found)
        return start, stop

    def _num_held(self, buffer: str) -> int:
        """Length of the longest end of `buffer` that begins a stop string."""
        return max(
            (
                length
                for stop in self._stop
                for length in range(1, min(len(stop), len(buffer) + 1))
                if buffer.endswith(stop[:length])
            ),
            default=0,
        )

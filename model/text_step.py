"""The text side of a stream: what of decoded text is certain to be shown."""

from __future__ import annotations

from collections.abc import Sequence

from model.stopping import StopMatcher


class TextStep:
    """Takes decoded text piece by piece and gives back what a reader may see of it.

    Args:
        stop: stop strings; half of one is held back.
        num_hidden: leave out this many characters at the start.
        is_start_stripped: leave out newlines before the first other character.
    """

    def __init__(
        self, stop: Sequence[str] = (), *, num_hidden: int = 0, is_start_stripped: bool = False
    ) -> None:
        self._matcher = StopMatcher(stop)
        self._num_hidden = num_hidden
        self._is_at_start = is_start_stripped

    @property
    def is_stopped(self) -> bool:
        """Whether a stop string was met: nothing that follows will be shown."""
        return self._matcher.matched is not None

    def feed(self, text: str) -> str:
        """The text that is now certain to be shown."""
        if self._num_hidden:
            hidden = min(self._num_hidden, len(text))
            self._num_hidden -= hidden
            text = text[hidden:]
        if self._is_at_start:
            text = text.lstrip("\r\n")
            self._is_at_start = not text
        return self._matcher.feed(text)

    def flush(self) -> str:
        """What was held back, once no more text comes."""
        return self._matcher.flush()

"""Where a completion for an editor ends early: at a line that leaves the block, or out of time.

Source: ggml-org/llama.cpp, tools/server/server-context.cpp (`process_token`) and its README,
`n_indent` and `t_max_predict_ms`.
"""

from __future__ import annotations

import time
from collections.abc import Callable


class LineLimits:
    """Passes a completion's text through up to the line that goes too far.

    For any way of cutting a text into pieces, the concatenation of all `feed` results and `flush`
    is the same. Unlike in llama.cpp, a blank line ends nothing by itself, and of the line that
    goes too far nothing is left, not even its newline.

    Args:
        min_indent: white space that each line after the first begins with; 0 asks for none.
        seconds: after the first text, time is up at the first piece once a line is complete;
            None is never.
    """

    def __init__(
        self,
        min_indent: int = 0,
        seconds: float | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._min_indent = min_indent
        self._seconds = seconds
        self._clock = clock
        self._started_at: float | None = None
        # Line ends and indentation that are shown once what follows them may be.
        self._held = ""
        self.has_new_line = False
        self.is_over = False

    def feed(self, text: str) -> str:
        """The text that may be shown now."""
        if self.is_over:
            return ""
        if self._started_at is None:
            self._started_at = self._clock()
        shown = self._within_block(text) if self._min_indent else text
        self.has_new_line = self.has_new_line or "\n" in text
        if self._is_out_of_time():
            self.is_over = True
        return shown

    def flush(self) -> str:
        """What was held back, once no more text comes."""
        held, self._held = self._held, ""
        return "" if self.is_over else held

    def _within_block(self, text: str) -> str:
        shown = ""
        for char in text:
            if char == "\n" or (self._held and char in " \t\r"):
                self._held += char
                continue
            if self._held:
                indent = len(self._held) - self._held.rindex("\n") - 1
                if indent < self._min_indent:
                    self.is_over = True
                    break
                shown += self._held
                self._held = ""
            shown += char
        return shown

    def _is_out_of_time(self) -> bool:
        if self._seconds is None or self._started_at is None or not self.has_new_line:
            return False
        return self._clock() - self._started_at > self._seconds

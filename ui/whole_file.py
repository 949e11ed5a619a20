"""The file that prefix, middle and suffix make, and what keeps it from being Python."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import gradio as gr

from ui.actions import INSTANT, Updates, build_html
from ui.gap import Gap, Middle
from ui.languages import language_of
from ui.result import infill_pane
from ui.syntax import describe, find_fault

# A browser sends the next text when the last is drawn: this is how often while one types.
PAUSE_SECONDS = 0.15


class WholeFile:
    """Builds the fault's line where it is called. It keeps components, never what they hold."""

    def __init__(self, tab: str) -> None:
        self._tab = tab
        self._syntax = build_html("", f"{tab}-syntax")
        self._is_shown = gr.State(False)

    def build_pane(self) -> None:
        self._pane = build_html("", f"{self._tab}-result", "pg-pane", max_height="60vh")

    @property
    def outputs(self) -> list[Any]:
        """The components that `show` changes."""
        return [self._syntax, self._pane, self._is_shown]

    async def show(self, gap: Gap, language: str, *, is_complete: bool = False) -> Updates:
        """The file, once there is something in its gap.

        Args:
            is_complete: what was in the gap belongs to the prefix now.
        """
        is_shown = is_complete or bool(gap.middle.text)
        return {self._is_shown: is_shown} | await self._draw(gap, language, is_shown)

    def follow(
        self, typing: Sequence[Any], prefix: Any, suffix: Any, middle: Any, language: Any
    ) -> None:
        """Have what is shown follow the boxes, at the events `typing`."""

        async def draw(
            before: str | None, after: str | None, text: Middle, title: str, is_shown: bool
        ) -> Updates:
            await asyncio.sleep(PAUSE_SECONDS)
            if not is_shown:
                return {self._pane: gr.skip()}
            return await self._draw(Gap(before or "", after or "", text), title, is_shown)

        inputs = [prefix, suffix, middle, language, self._is_shown]
        outputs = [self._syntax, self._pane]
        gr.on(typing, draw, inputs, outputs, trigger_mode="always_last", **INSTANT)

    async def _draw(self, gap: Gap, language: str, is_shown: bool) -> Updates:
        if not is_shown:
            return {self._syntax: "", self._pane: ""}
        lexer = language_of(language).lexer
        fault = await find_fault(gap) if lexer == "python" and not gap.num_markers else None
        line = fault.line if fault else None
        pane = await infill_pane(gap.prefix, gap.middle.text, gap.suffix, lexer, line)
        return {self._syntax: describe(fault), self._pane: pane}

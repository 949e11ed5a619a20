"""The middle between its boxes: as it streams, what was trimmed of it, and what to do with it."""

from __future__ import annotations

from typing import Any

import gradio as gr

from ui.actions import Updates, build_button, build_html
from ui.gap import Change, Middle, keep_cut, take_all, take_line, take_word
from ui.result import CUT_NAME, middle_pane, streaming_pane

NOTE = f"<span>Trimmed · {CUT_NAME}</span>"


class MiddlePane:
    """Builds it where it is called. Its buttons are there while they have something to do."""

    def __init__(self, elem_id: str, buttons_id: str) -> None:
        self._pane = build_html("", elem_id, "pg-pane", autoscroll=True, max_height="40vh")
        with gr.Row(visible=False, elem_classes="pg-trimmed") as self._trimmed:
            self._note = build_html("", f"{elem_id}-trimmed")
            keep = build_button("Keep it", f"{buttons_id}-keep")
        with gr.Row(visible=False, elem_classes="pg-take") as self._taking:
            everything = build_button("Accept", f"{buttons_id}-take")
            line = build_button("Accept a line", f"{buttons_id}-take-line")
            word = build_button("Accept a word", f"{buttons_id}-take-word")
        # What each button makes of the gap.
        self.changes: tuple[tuple[Any, Change], ...] = (
            (keep, keep_cut),
            (everything, take_all),
            (line, take_line),
            (word, take_word),
        )

    @property
    def outputs(self) -> list[Any]:
        """The components that the updates below change."""
        return [self._pane, self._trimmed, self._note, self._taking]

    @property
    def buttons(self) -> tuple[Any, ...]:
        """Those that change the gap."""
        return tuple(button for button, _ in self.changes)

    def stream(self, text: str) -> Updates:
        return {self._pane: streaming_pane("", text, "Middle")}

    def show(self, middle: Middle) -> Updates:
        return {
            self._pane: middle_pane(middle.text, middle.cut),
            self._trimmed: gr.update(visible=bool(middle.cut)),
            self._note: NOTE if middle.cut else "",
            self._taking: gr.update(visible=bool(middle.text)),
        }

"""Code out of a reply, on its way to another tab."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr

from model.prompts.infill import FILL_MARKER, split_fill_marker
from ui.file_language import language_named

SCRIPT = Path(__file__).with_name("send_code.js")


@dataclass(frozen=True, slots=True)
class SentCode:
    """
    Attributes:
        text: exactly as it stands in the reply.
        language: a title; None where its fence does not say one.
    """

    text: str
    language: str | None

    @property
    def gap(self) -> tuple[str, str]:
        """Prefix and suffix. Several markers stay in the prefix, to be filled one by one."""
        if self.text.count(FILL_MARKER) == 1:
            return split_fill_marker(self.text)
        return self.text, ""


class SendCode:
    """Adds to each code block of the replies the buttons that send it.

    Builds a part that is not seen, which is to stand in the conversation's tab. `to_continue` and
    `to_infill` are its events, for `read_sent`.
    """

    def __init__(self) -> None:
        part = gr.HTML(
            "",
            elem_id="chat-send-code",
            elem_classes="pg-html",
            js_on_load=SCRIPT.read_text(encoding="utf-8"),
            apply_default_css=False,
        )
        # Of the names that a gr.HTML knows, one for each.
        self.to_continue = part.select
        self.to_infill = part.submit


def read_sent(event: gr.EventData) -> SentCode:
    data: Any = event
    return SentCode(str(data.text), language_named(str(data.language)))

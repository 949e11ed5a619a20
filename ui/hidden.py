"""Places on the page that only its scripts read."""

from __future__ import annotations

from typing import Any

import gradio as gr

from ui.passthrough import OwnComponentMeta

UNSEEN: dict[str, Any] = {
    "html_template": "",
    "js_on_load": None,
    "apply_default_css": False,
    "elem_classes": "pg-html",
}


class _HiddenSeed(gr.HTML, metaclass=OwnComponentMeta):
    """In handlers an int or None, on the page digits: JavaScript's numbers do not hold 64 bits."""

    def preprocess(self, payload: str | None) -> int | None:
        return int(payload) if payload else None

    def postprocess(self, value: int | None) -> str:
        return "" if value is None else str(value)


def build_hidden(value: str, elem_id: str) -> Any:
    """Holds a string that the page's scripts read, and shows nothing."""
    return gr.HTML(value, elem_id=elem_id, **UNSEEN)


def build_hidden_seed(elem_id: str) -> Any:
    """Holds the seed that something was drawn with, for the page's scripts too."""
    return _HiddenSeed(None, elem_id=elem_id, **UNSEEN)

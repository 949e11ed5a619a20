"""A place on the page that only its scripts read."""

from __future__ import annotations

from typing import Any

import gradio as gr


def build_hidden(value: str, elem_id: str) -> Any:
    """Holds a string that the page's scripts read, and shows nothing."""
    return gr.HTML(
        value,
        html_template="",
        js_on_load=None,
        apply_default_css=False,
        elem_id=elem_id,
        elem_classes="pg-html",
    )

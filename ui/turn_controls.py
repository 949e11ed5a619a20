"""What stands at each turn of the conversation: which version it is, and what can be done to it."""

from __future__ import annotations

import json
from html import escape
from pathlib import Path
from typing import Any

import gradio as gr

from ui.branches import Branches

SCRIPT = Path(__file__).with_name("turns.js")


def build_turn_controls(elem_id: str) -> Any:
    """Tells the page's script what to add to each turn, and says what was pressed there.

    Its events hold `{"index": …}`, a place on the path that is shown, and for `select` the
    `"version"`, from 0 on.
    """
    return gr.HTML(
        render_turns(Branches()),
        elem_id=elem_id,
        elem_classes="pg-html",
        js_on_load=SCRIPT.read_text(encoding="utf-8"),
        apply_default_css=False,
    )


def render_turns(branches: Branches) -> str:
    """Role, version, number of versions of each turn, and whether it was cut, for the script."""
    marks = [
        (turn.role, *branches.versions(index), turn.is_cut)
        for index, turn in enumerate(branches.path)
    ]
    return f'<div data-turns="{escape(json.dumps(marks))}"></div>'


# While a reply comes, no turn can be changed.
NO_CONTROLS = render_turns(Branches())

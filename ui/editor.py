"""The code editor, behind one function: what is inside may change, and no tab will notice."""

from __future__ import annotations

from typing import Any

import gradio as gr

from ui.actions import INSTANT
from ui.languages import DEFAULT_LANGUAGE, LANGUAGES, language_of
from ui.passthrough import CodeEditor


def build_editor(label: str, elem_id: str, *, lines: int, max_lines: int) -> CodeEditor:
    """An editable box for code, whose text arrives as it was typed."""
    return CodeEditor(
        language=language_of(DEFAULT_LANGUAGE).editor,
        label=label,
        lines=lines,
        max_lines=max_lines,
        interactive=True,
        wrap_lines=False,
        buttons=["copy"],
        elem_id=elem_id,
        elem_classes="pg-editor",
    )


def build_language_choice(elem_id: str) -> Any:
    """A drop-down of the languages' names."""
    return gr.Dropdown(
        [language.title for language in LANGUAGES],
        value=DEFAULT_LANGUAGE,
        label="Language",
        show_label=False,
        container=False,
        elem_id=elem_id,
        elem_classes="pg-language",
        min_width=140,
        scale=0,
    )


def follow_language(choice: Any, *editors: CodeEditor) -> None:
    """Have `editors` colour what they hold as `choice` says."""

    def set_language(title: str) -> Any:
        updates = [gr.update(language=language_of(title).editor) for _ in editors]
        return updates if len(updates) > 1 else updates[0]

    choice.change(set_language, choice, list(editors), **INSTANT)

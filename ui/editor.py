"""The code editor, behind one function: what is inside may change, and no tab will notice."""

from __future__ import annotations

from typing import Any

import gradio as gr

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


def build_language_choice(elem_id: str, *editors: CodeEditor) -> gr.Dropdown:
    """A drop-down that sets the language of `editors`."""
    choice = gr.Dropdown(
        [language.title for language in LANGUAGES],
        value=DEFAULT_LANGUAGE,
        label="Language",
        filterable=True,
        elem_id=elem_id,
        elem_classes="pg-language",
        min_width=120,
        scale=0,
    )

    def set_language(title: str) -> list[Any]:
        return [gr.update(language=language_of(title).editor) for _ in editors]

    choice.change(
        set_language,
        choice,
        list(editors),
        queue=False,
        show_progress="hidden",
        api_visibility="private",
    )
    return choice

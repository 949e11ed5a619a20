"""Gradio components whose values pass through as they are.

Gradio's own `Code` strips what it shows (indentation and the last newline are code), and its
`Slider` refuses a number with a message that names no field.
"""

from __future__ import annotations

from abc import ABCMeta
from typing import Any

import gradio as gr


class _PassthroughMeta(type(gr.Code)):  # type: ignore[misc]
    """Skips Gradio's own step at class creation, which writes a .pyi beside this file."""

    def __new__(cls, name: str, bases: tuple[type, ...], attrs: dict[str, Any]) -> Any:
        return ABCMeta.__new__(cls, name, bases, attrs)


class CodeEditor(gr.Code, metaclass=_PassthroughMeta):
    is_template = True  # the browser's side is that of gr.Code

    def postprocess(self, value: str | None) -> str | None:
        return value


class FreeSlider(gr.Slider, metaclass=_PassthroughMeta):
    is_template = True

    def preprocess(self, payload: float) -> float:
        return payload

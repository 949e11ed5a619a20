"""Gradio components of our own, whose values pass through as they are."""

from __future__ import annotations

from abc import ABCMeta
from typing import Any

import gradio as gr


class OwnComponentMeta(type(gr.Code)):  # type: ignore[misc]
    """Skips Gradio's own step at class creation, which writes a .pyi beside this file."""

    def __new__(cls, name: str, bases: tuple[type, ...], attrs: dict[str, Any]) -> Any:
        return ABCMeta.__new__(cls, name, bases, attrs)


class FreeDropdown(gr.Dropdown, metaclass=OwnComponentMeta):
    """Takes values that only the browser knows: what reads them checks them."""

    is_template = True

    def preprocess(self, payload: str) -> str:
        return payload


class FreeSlider(gr.Slider, metaclass=OwnComponentMeta):
    """Leaves the check of its interval to `SamplingParams`, whose message names the field."""

    is_template = True

    def preprocess(self, payload: float) -> float:
        return payload

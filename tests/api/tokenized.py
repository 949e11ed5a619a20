"""A scripted engine whose model passes for another: its preset, and a real tokenizer's prompts."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from model.engine.base import ResidentModel
from model.engine.scripted import ScriptedEngine
from model.presets import ModelPreset, find_hub_preset
from model.prompts.infill import detect_infill
from model.tokenization import load_tokenizer


class TokenizedEngine(ScriptedEngine):
    """Types the script, whatever it is asked, for a model with the tokenizer of `folder`."""

    def __init__(self, folder: Path, preset: ModelPreset, **options: Any) -> None:
        super().__init__(**options)
        self._folder = folder
        self._preset = preset

    def load(self, *args: Any, **options: Any) -> ResidentModel:
        resident = super().load(*args, **options)
        tokenizer = load_tokenizer(self._folder)
        return replace(
            resident,
            tokenizer=tokenizer,
            preset=self._preset,
            infill=detect_infill(tokenizer.special_id),
        )


class ContinuingEngine(ScriptedEngine):
    """A model without infill tokens."""

    def load(self, *args: Any, **options: Any) -> ResidentModel:
        return replace(super().load(*args, **options), infill=None)


def hub_preset(name: str) -> ModelPreset:
    found = find_hub_preset(name)
    assert found is not None
    return found

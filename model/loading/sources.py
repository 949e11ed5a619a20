"""What an operator names, as the place a slot's model comes from."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from model.engine.base import ReportProgress
from model.engine.generation import Slot
from model.loading.residency import ModelSource
from model.presets import EMBEDDED_BASE, EMBEDDED_CHAT, ModelPreset, find_hub_preset

EMBEDDED = "embedded"


def resolve_source(slot: Slot, name: str) -> ModelSource:
    """The source for `name`: "embedded", a local folder, a preset's name or a hub repository."""
    if name == EMBEDDED:
        from model.loading.embedded import prepare_embedded

        preset = EMBEDDED_BASE if slot == "base" else EMBEDDED_CHAT
        return ModelSource(preset, partial(prepare_embedded, slot))
    folder = Path(name).expanduser()
    if folder.is_dir():
        return ModelSource(ModelPreset(name, folder.resolve().name), lambda report: folder)
    preset = find_hub_preset(name) or ModelPreset(name, name.rpartition("/")[2], repo_id=name)
    return ModelSource(preset, partial(_fetch, preset.repo_id or name))


def _fetch(repo_id: str, report: ReportProgress) -> Path:
    from model.loading.hub import fetch_checkpoint

    return fetch_checkpoint(repo_id, report)

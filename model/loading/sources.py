"""What an operator or the page names, as the place a slot's model comes from."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from model.engine.generation import Slot
from model.loading.job import LoadJob
from model.loading.memory_plan import QuantizationWish
from model.loading.slot import Description, ModelSource
from model.presets import EMBEDDED_BASE, EMBEDDED_CHAT, ModelPreset, find_hub_preset

EMBEDDED = "embedded"


def resolve_source(slot: Slot, name: str, quantization: QuantizationWish = "auto") -> ModelSource:
    """The source for `name`: "embedded", a local folder, a preset's name or a hub repository.

    Nothing is looked up: a name that nothing answers to shows when it is loaded.
    """
    if name == EMBEDDED:
        return _embedded_source(slot, quantization)
    folder = Path(name).expanduser()
    if folder.is_dir():
        return folder_source(folder, quantization)
    preset = find_hub_preset(name) or ModelPreset(name, name.rpartition("/")[2], repo_id=name)
    return hub_source(preset, quantization)


def folder_source(folder: Path, quantization: QuantizationWish = "auto") -> ModelSource:
    """A checkpoint that lies on this machine."""
    preset = ModelPreset(str(folder), folder.resolve().name)
    return ModelSource(
        preset,
        lambda job: folder,
        describe=lambda job: Description(preset, folder),
        quantization=quantization,
    )


def hub_source(preset: ModelPreset, quantization: QuantizationWish = "auto") -> ModelSource:
    """A checkpoint in the hub's repository `preset.repo_id`."""
    return ModelSource(
        preset,
        partial(_fetch, preset),
        describe=partial(_describe, preset),
        quantization=quantization,
    )


def _embedded_source(slot: Slot, quantization: QuantizationWish) -> ModelSource:
    preset = EMBEDDED_BASE if slot == "base" else EMBEDDED_CHAT
    return ModelSource(preset, partial(_make_embedded, slot), quantization=quantization)


def _make_embedded(slot: Slot, job: LoadJob) -> Path:
    from model.loading.embedded import prepare_embedded

    return prepare_embedded(slot, job.report)


def _describe(preset: ModelPreset, job: LoadJob) -> Description:
    from model.loading.hub import HubCheckpoint

    return HubCheckpoint(preset).describe(job)


def _fetch(preset: ModelPreset, job: LoadJob) -> Path:
    from model.loading.hub import HubCheckpoint

    return HubCheckpoint(preset).fetch(job)

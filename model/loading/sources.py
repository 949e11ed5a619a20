"""What an operator or the page names, as the place a slot's model comes from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING

from model.engine.base import Engine
from model.engine.generation import SLOTS, Slot
from model.loading.choice import AUTO, AutomaticChoice
from model.loading.job import LoadJob
from model.loading.memory_plan import MemoryPlan, QuantizationWish
from model.loading.slot import Description, ModelSource
from model.presets import EMBEDDED_BASE, EMBEDDED_CHAT, ModelPreset, find_hub_preset

if TYPE_CHECKING:
    from model.loading.hub import HubCheckpoint

EMBEDDED = "embedded"


class HubAccess:
    """What the automatic choice asks of the hub."""

    def is_cached(self, preset: ModelPreset) -> bool:
        from model.loading.hub import is_cached

        return is_cached(_repo_id(preset), preset.revision)

    def check(self, preset: ModelPreset) -> None:
        from model.loading.hub import access_to

        access_to(_repo_id(preset), preset.revision)


def build_sources(
    names: Mapping[Slot, str], quantization: QuantizationWish, engine: Engine, *, may_swap: bool
) -> dict[Slot, ModelSource]:
    """The source of each slot; those that are named "auto" are chosen together."""
    fixed = {
        slot: resolve_source(slot, name, quantization)
        for slot, name in names.items()
        if name != AUTO
    }
    free = tuple(slot for slot in SLOTS if slot not in fixed)

    def plan(preset: ModelPreset) -> MemoryPlan:
        found = engine.plan("base", preset, None, without=SLOTS)
        assert found is not None  # every preset on a ladder has a shape
        return found

    automatic = AutomaticChoice(
        free,
        fixed=next((source.preset for source in fixed.values() if source.preset.shape), None),
        plan=plan,
        access=HubAccess(),
        build_source=lambda slot, preset: resolve_source(slot, preset.name, quantization),
        wish=quantization,
        may_swap=may_swap,
    )
    return {slot: fixed.get(slot) or automatic.source(slot) for slot in SLOTS}


def _repo_id(preset: ModelPreset) -> str:
    return preset.repo_id or preset.name


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
        config_folder=folder,
        quantization=quantization,
    )


def hub_source(preset: ModelPreset, quantization: QuantizationWish = "auto") -> ModelSource:
    """A checkpoint in the hub's repository `preset.repo_id`."""
    repository = _HubRepository(preset)
    return ModelSource(
        preset, repository.fetch, describe=repository.describe, quantization=quantization
    )


def _embedded_source(slot: Slot, quantization: QuantizationWish) -> ModelSource:
    preset = EMBEDDED_BASE if slot == "base" else EMBEDDED_CHAT
    return ModelSource(preset, partial(_make_embedded, slot), quantization=quantization)


def _make_embedded(slot: Slot, job: LoadJob) -> Path:
    from model.loading.embedded import prepare_embedded

    return prepare_embedded(slot, job.report)


class _HubRepository:
    """A preset's repository; the hub's library is imported when it is first needed."""

    def __init__(self, preset: ModelPreset) -> None:
        self._preset = preset

    def describe(self, job: LoadJob) -> Description:
        known = self._checkpoint.describe(job)
        # A row of ours was checked by hand; a repository's card says what it likes.
        preset = replace(self._preset, license=self._preset.license or known.license)
        return Description(preset, known.config_folder)

    def fetch(self, job: LoadJob) -> Path:
        return self._checkpoint.fetch(job)

    @cached_property
    def _checkpoint(self) -> HubCheckpoint:
        from model.loading.hub import HubCheckpoint

        return HubCheckpoint(_repo_id(self._preset), self._preset.revision)

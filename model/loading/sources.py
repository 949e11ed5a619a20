"""What an operator or the page names, as the place a slot's model comes from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING

from model.engine.base import Engine
from model.engine.generation import SLOTS, Slot
from model.errors import ModelLoadError
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

    def check(self, preset: ModelPreset, job: LoadJob) -> None:
        """All that can be known before the weights: the account, the files, the disk."""
        _HubRepository(preset).describe(job)


def build_sources(
    names: Mapping[Slot, str], quantization: QuantizationWish, engine: Engine, *, may_swap: bool
) -> dict[Slot, ModelSource]:
    """The source of each slot: both are planned together, and chosen where a name is "auto"."""

    def plan(source: ModelSource) -> MemoryPlan | None:
        try:
            return engine.plan("base", source.preset, source.config_folder, without=SLOTS)
        except ModelLoadError:
            return None  # its own slot will say so when it is loaded

    automatic = AutomaticChoice(
        {
            slot: resolve_source(slot, name, quantization)
            for slot, name in names.items()
            if name != AUTO
        },
        plan=plan,
        access=HubAccess(),
        build_source=lambda slot, preset: resolve_source(slot, preset.name, quantization),
        wish=quantization,
        may_swap=may_swap,
    )
    return {slot: automatic.source(slot) for slot in SLOTS}


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

    def describe(job: LoadJob) -> Description:
        from model.loading.card import read_license

        return Description(replace(preset, license=read_license(folder)), folder)

    return ModelSource(
        preset,
        lambda job: folder,
        describe=describe,
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

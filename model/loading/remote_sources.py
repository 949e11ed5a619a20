"""Where the tokenizer files of a model come from that runs on another machine."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from model.engine.generation import SLOTS, Slot
from model.loading.choice import AUTO
from model.loading.job import LoadJob
from model.loading.slot import ModelSource
from model.loading.sources import EMBEDDED, resolve_source
from model.presets import ModelPreset, find_hub_preset

NONE = "none"
# A repository's name on the hub; servers call most models so.
_REPOSITORY = re.compile(r"[\w.-]+/[\w.-]+")


def build_remote_sources(
    names: Mapping[Slot, str], served: Mapping[Slot, str]
) -> dict[Slot, ModelSource]:
    """
    Args:
        names: of the models whose tokenizer files are used, as `resolve_source` takes them;
            "none" for no files, "auto" for those that go by the name on the server, if any do.
        served: what the server calls each slot's model.
    """
    return {slot: _source(slot, names[slot], served[slot]) for slot in SLOTS}


def _source(slot: Slot, name: str, served: str) -> ModelSource:
    if name == AUTO:
        name = _named_by(served)
    if name == EMBEDDED:
        return resolve_source(slot, name)
    folder = Path(name).expanduser()
    if name == NONE or folder.is_dir():
        # The model is the server's, and goes by its name there.
        own = ModelPreset(served, served.rpartition("/")[2])
        return ModelSource(own, lambda job: None if name == NONE else folder)
    preset = find_hub_preset(name) or ModelPreset(name, name.rpartition("/")[2], repo_id=name)
    return ModelSource(preset, lambda job: _fetch_texts(preset, job))


def _named_by(served: str) -> str:
    if served in (f"{EMBEDDED}-{slot}" for slot in SLOTS):  # as this app calls them
        return EMBEDDED
    is_known = find_hub_preset(served) is not None or _REPOSITORY.fullmatch(served)
    return served if is_known else NONE


def _fetch_texts(preset: ModelPreset, job: LoadJob) -> Path:
    from model.loading.hub import HubCheckpoint

    return HubCheckpoint(preset.repo_id or preset.name, preset.revision).fetch_texts(job)

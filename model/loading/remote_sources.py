"""Where the tokenizer files of a model come from that runs on another machine."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path

from model.engine.generation import SLOTS, Slot
from model.loading.choice import AUTO
from model.loading.job import LoadJob
from model.loading.slot import Description, ModelSource
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
    # Without a repository the model goes by its name on the server.
    own = ModelPreset(served, served.rpartition("/")[2])
    if name == NONE:
        return ModelSource(own, lambda job: None)
    if folder.is_dir():
        return _texts_source(own, lambda job: folder)
    preset = find_hub_preset(name) or ModelPreset(name, name.rpartition("/")[2], repo_id=name)
    return _texts_source(preset, partial(_fetch_texts, preset))


def _texts_source(preset: ModelPreset, fetch: Callable[[LoadJob], Path]) -> ModelSource:
    """A source of which everything is known once its few files are here."""
    fetched: list[Path] = []

    def describe(job: LoadJob) -> Description:
        from model.loading.card import read_license

        fetched[:] = [fetch(job)]
        # A row of ours was checked by hand; a repository's card says what it likes.
        license = preset.license or read_license(fetched[0])
        return Description(replace(preset, license=license), fetched[0])

    def take(job: LoadJob) -> Path:
        return fetched.pop() if fetched else fetch(job)

    return ModelSource(preset, take, describe=describe)


def _named_by(served: str) -> str:
    if served in (f"{EMBEDDED}-{slot}" for slot in SLOTS):  # as this app calls them
        return EMBEDDED
    is_known = find_hub_preset(served) is not None or _REPOSITORY.fullmatch(served)
    return served if is_known else NONE


def _fetch_texts(preset: ModelPreset, job: LoadJob) -> Path:
    from model.loading.hub import HubCheckpoint

    return HubCheckpoint(preset.repo_id or preset.name, preset.revision).fetch_texts(job)

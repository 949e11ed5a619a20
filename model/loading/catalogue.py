"""The models that the page offers: presets, and local folders that the operator allows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from model.engine.generation import Slot
from model.errors import SwitchingError
from model.loading.memory_plan import QuantizationWish
from model.loading.slot import ModelSource
from model.loading.sources import EMBEDDED, hub_source, resolve_source
from model.presets import EMBEDDED_BASE, EMBEDDED_CHAT, HUB_PRESETS, ModelPreset, find_hub_preset


@dataclass(frozen=True, slots=True)
class Entry:
    """One model on offer. `name` is what the source is found by, `label` what people read."""

    name: str
    label: str


class Catalogue:
    """
    Args:
        folders: each a checkpoint, or a folder of checkpoints; looked into anew each time.
    """

    def __init__(self, folders: Sequence[Path] = ()) -> None:
        self._folders = tuple(folders)

    def entries(self, slot: Slot) -> list[Entry]:
        """What `slot` can be given. Chat gets what was tuned on dialogues, and every folder."""
        stand_in = EMBEDDED_BASE if slot == "base" else EMBEDDED_CHAT
        presets = [row for row in HUB_PRESETS if slot == "base" or row.dialogue is not None]
        return [
            Entry(EMBEDDED, _label(stand_in)),
            *(Entry(row.name, _label(row)) for row in presets),
            *(
                Entry(str(folder), f"{folder.name} · local folder")
                for folder in self._checkpoints()
            ),
        ]

    def source(self, slot: Slot, name: str, quantization: QuantizationWish) -> ModelSource:
        """The source of the entry `name`.

        Raises:
            SwitchingError: there is no such entry: a browser may send any text.
        """
        if all(entry.name != name for entry in self.entries(slot)):
            raise SwitchingError(
                "This model is not on offer here.",
                "Choose one from the list; the operator adds folders with --model-folders.",
            )
        preset = find_hub_preset(name)
        if preset is not None and preset.name == name:
            return hub_source(preset, quantization)  # not a folder that happens to be called so
        return resolve_source(slot, name, quantization)

    def _checkpoints(self) -> Iterator[Path]:
        for folder in self._folders:
            if (folder / "config.json").is_file():
                yield folder
            elif folder.is_dir():
                yield from sorted(file.parent for file in folder.glob("*/config.json"))


def _label(preset: ModelPreset) -> str:
    parts = [preset.title, preset.parameters, "asks for its licence" if preset.is_gated else ""]
    return " · ".join(filter(None, parts))

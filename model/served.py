"""The models that clients can ask, under the names that they ask them by."""

from __future__ import annotations

from dataclasses import dataclass

from model.engine.base import ResidentModel
from model.engine.generation import SLOTS, Slot
from model.loading.residency import Residency
from model.loading.slot import Parked, Ready
from model.presets import ModelPreset
from model.prompts.dialogue import DIALOGUES, Dialogue
from model.prompts.infill import INFILL_FORMATS, InfillFormat
from model.sampling import SamplingParams


@dataclass(frozen=True, slots=True)
class ServedModel:
    """A model that is in memory, or comes back there when it is asked.

    Attributes:
        id: what clients call it, see `served_id`.
        slots: that it serves.
        resident: None while the other slot's model has the memory.
    """

    id: str
    preset: ModelPreset
    slots: tuple[Slot, ...]
    resident: ResidentModel | None

    @property
    def names(self) -> frozenset[str]:
        """Its id, the preset's name, and the repository without its owner, in lower case."""
        repo_id = self.preset.repo_id or ""
        names = (self.id, self.preset.name, repo_id.rpartition("/")[2])
        return frozenset(name.casefold() for name in names if name)

    @property
    def sampling(self) -> SamplingParams:
        """The settings that its card recommends, or else ours."""
        return self.preset.sampling or SamplingParams()

    @property
    def context_length(self) -> int | None:
        """None where only the config of a model that is not in memory could tell."""
        known = self.resident or self.preset.shape
        return known.context_length if known else None

    @property
    def infill(self) -> InfillFormat | None:
        """Its dialect, if it is asked to infill: only the base slot's model is."""
        if "base" not in self.slots:
            return None
        return (
            self.resident.infill if self.resident else INFILL_FORMATS.get(self.preset.infill or "")
        )

    @property
    def dialogue(self) -> Dialogue | None:
        """Its format, if it is asked to chat: only the chat slot's model is."""
        if "chat" not in self.slots:
            return None
        return (
            self.resident.dialogue if self.resident else DIALOGUES.get(self.preset.dialogue or "")
        )


def served_id(preset: ModelPreset, slot: Slot) -> str:
    """The repository's name, or else the preset's with the slot's."""
    return preset.repo_id or f"{preset.name}-{slot}"


def served_models(residency: Residency) -> tuple[ServedModel, ...]:
    """Of each slot whose model is there; one for both slots where both have the same."""
    models: dict[str, ServedModel] = {}
    for slot in SLOTS:
        status = residency.status(slot)
        if not isinstance(status, Ready | Parked):
            continue
        preset = residency.preset(slot)
        resident = status.resident if isinstance(status, Ready) else None
        id_ = served_id(preset, slot)
        slots = (*models[id_].slots, slot) if id_ in models else (slot,)
        models[id_] = ServedModel(id_, preset, slots, resident)
    return tuple(models.values())


def plain_name(name: str) -> str:
    """`name` as `ServedModel.names` has it: Ollama's tags are part of our names
    ("starcoder2:3b"), and "latest" is none."""
    return name.strip().casefold().removesuffix(":latest").replace(":", "-")

"""Precisions and places, on a card whose books are kept: models of 15.5B come and go."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace

from model.engine.generation import SLOTS, Slot
from model.engine.scripted import ScriptedEngine
from model.errors import ModelLoadError
from model.loading.memory_plan import MemoryBudget, MemoryPlan, PrecisionPlan, Quantization
from model.loading.residency import Residency
from model.loading.slot import Checkpoint, LoadFailed, ModelSource, Parked, Ready
from model.presets import ModelPreset

GB = 10**9
WEIGHTS: dict[Quantization, int] = {"none": 31, "8bit": 16, "4bit": 9}
PRECISIONS: dict[Quantization, str] = {"none": "bfloat16", "8bit": "8-bit", "4bit": "4-bit"}


class Card(ScriptedEngine):
    """A GPU of so many gigabytes, with main memory beside it. Notes each load.

    Attributes:
        held: quantisation of each slot's model.
        loads: (model, quantisation, whether it went to the card as a whole).
    """

    def __init__(self, size: float, main_memory: float = 100) -> None:
        super().__init__()
        self._size = size
        self._main_memory = main_memory
        self.held: dict[Slot, Quantization] = {}
        self.loads: list[tuple[str, Quantization, bool]] = []

    def plan(self, slot, preset, folder, wish="auto", *, without=()):  # type: ignore[no-untyped-def]
        taken = sum(WEIGHTS[held] for name, held in self.held.items() if name not in without)
        free = int((self._size - taken) * GB)
        rows = tuple(
            PrecisionPlan(PRECISIONS[name], weights * GB, GB // 4, GB // 4, GB // 2)
            for name, weights in WEIGHTS.items()
        )
        budget = MemoryBudget("cuda:0", free, (free,), int(self._main_memory * GB))
        return MemoryPlan(preset.title, rows, budget, 48, 1, 0, 8192)

    def load(self, slot, preset, folder, report, quantization=None):  # type: ignore[no-untyped-def]
        if preset.name == "broken":
            raise ModelLoadError("It broke.", "Mend it.")
        free = self._size - sum(WEIGHTS[held] for held in self.held.values())
        resident = super().load(slot, preset, folder, report, quantization)
        self.loads.append((preset.name, quantization, WEIGHTS[quantization] <= free))
        self.held[slot] = quantization
        return replace(resident, precision=PRECISIONS[quantization])

    def unload(self, slot: Slot) -> None:
        super().unload(slot)
        self.held.pop(slot, None)


def source(name: str, quantization: str = "auto") -> ModelSource:
    preset = ModelPreset(name, name)
    return ModelSource(preset, lambda job: None, quantization=quantization)  # type: ignore[arg-type]


@asynccontextmanager
async def on_card(
    card: Card, sources: Mapping[Slot, ModelSource], **options: bool
) -> AsyncIterator[Residency]:
    residency = Residency(card, sources, **options)
    residency.start()
    for slot in sources:
        await settle(residency, slot)
    yield residency
    await residency.close()
    await asyncio.to_thread(card.close)


async def settle(residency: Residency, slot: Slot) -> None:
    async with asyncio.timeout(10):
        while residency.is_busy(slot):
            await residency.wait_for_change(slot)


async def switch(residency: Residency, slot: Slot, to: ModelSource) -> None:
    residency.switch(slot, to)
    await settle(residency, slot)


async def test_unquantised_weights_go_to_the_card_once_the_old_ones_have_left() -> None:
    card = Card(40)
    async with on_card(card, {"base": source("old", "none")}) as residency:
        await switch(residency, "base", source("new", "none"))
        assert card.loads[-1] == ("new", "none", True)


async def test_unquantised_models_take_turns_rather_than_lie_in_main_memory() -> None:
    card = Card(40)
    sources = {slot: source(slot, "none") for slot in SLOTS}
    async with on_card(card, sources) as residency:
        assert all(is_whole for _, _, is_whole in card.loads)
        assert isinstance(residency.status("base"), Parked)


async def test_what_no_card_holds_may_lie_in_main_memory_for_who_asks_for_it() -> None:
    card = Card(24)
    async with on_card(card, {"base": source("large", "none")}):
        assert card.loads == [("large", "none", False)]
    card = Card(24, main_memory=0)
    async with on_card(card, {"base": source("large", "none")}) as residency:
        assert isinstance(residency.status("base"), LoadFailed)
    card = Card(24)
    async with on_card(card, {"base": source("large")}):
        assert card.loads == [("large", "8bit", True)]


async def test_a_switch_takes_the_best_precision_that_fits_without_the_old_model() -> None:
    card = Card(48)
    async with on_card(card, {"base": source("old")}) as residency:
        plan = await residency.preview("base", source("new"))
        assert plan is not None
        assert plan.best is not None
        await switch(residency, "base", source("new"))
        assert card.loads[-1] == ("new", plan.best.quantization, True) == ("new", "none", True)


async def test_a_switch_that_costs_no_precision_lets_the_old_model_stay_until_it_is_over() -> None:
    card = Card(80)
    async with on_card(card, {"base": source("old")}) as residency:
        held: list[dict[Slot, Quantization]] = []
        load = card.load
        card.load = lambda *a: held.append(dict(card.held)) or load(*a)  # type: ignore[method-assign]
        await switch(residency, "base", source("new"))
        assert held == [{"base": "none"}]


async def test_what_had_to_leave_comes_back_exactly_as_it_was_held() -> None:
    card = Card(40, main_memory=0)
    sources = {"base": source("base", "4bit"), "chat": source("chat", "8bit")}
    async with on_card(card, sources) as residency:  # type: ignore[arg-type]
        # Left to choose anew, it would take the whole card.
        residency._slots["base"].checkpoint = checkpoint_of("base", "auto")
        await switch(residency, "chat", source("broken", "none"))
        assert card.held == {"base": "4bit", "chat": "8bit"}
        assert all(is_whole for _, _, is_whole in card.loads)
        for slot in SLOTS:
            assert isinstance(residency.status(slot), Ready)


def checkpoint_of(name: str, quantization: str) -> Checkpoint:
    wanted = source(name, quantization)
    return Checkpoint(wanted, wanted.preset, None)

"""A slot's card over the scripted engine: what it says, and what its buttons do."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import gradio as gr
import pytest

from model.engine.base import LoadProgress
from model.engine.scripted import ScriptedEngine
from model.errors import DoesNotFitError, ModelLoadError
from model.loading.catalogue import Catalogue
from model.loading.job import LoadJob
from model.loading.residency import Residency
from model.loading.slot import ModelSource
from model.presets import ModelPreset, find_hub_preset
from ui.slot_panel import SlotPanel


def source(name: str, **options: str) -> ModelSource:
    return ModelSource(ModelPreset(name, name.title()), lambda job: None, **options)


@asynccontextmanager
async def panel_over(
    *,
    room: int | None = None,
    catalogue: Catalogue | None = None,
    base: ModelSource | None = None,
    is_public: bool = False,
) -> AsyncIterator[tuple[SlotPanel, Residency]]:
    engine = ScriptedEngine(room=room)
    residency = Residency(engine, {"base": base or source("base"), "chat": source("chat")})
    residency.start()
    for slot in ("base", "chat"):
        await settle(residency, slot)
    with gr.Blocks(analytics_enabled=False):
        panel = SlotPanel(residency, "base", catalogue, is_public=is_public)
    yield panel, residency
    await residency.close()
    await asyncio.to_thread(engine.close)


async def settle(residency: Residency, slot: str) -> None:
    async with asyncio.timeout(10):
        while residency.is_busy(slot):  # type: ignore[arg-type]
            await residency.wait_for_change(slot)  # type: ignore[arg-type]


async def test_the_card_says_what_is_resident_and_why() -> None:
    chosen = source("base", reason="Chosen for cuda:0.", next_better="More memory would help.")
    async with panel_over(base=chosen) as (panel, _):
        info = panel.updates()[panel._info]
        assert "8,192 tokens" in info
        assert "Chosen for cuda:0. More memory would help." in info


async def test_strangers_are_not_told_how_the_owner_gets_a_better_model() -> None:
    chosen = source("base", reason="Chosen for cuda:0.", next_better="alice has not been let in.")
    async with panel_over(base=chosen, is_public=True) as (panel, _):
        info = panel.updates()[panel._info]
        assert "Chosen for cuda:0." in info
        assert "alice" not in info


async def test_a_planned_models_table_stands_on_its_card() -> None:
    async with panel_over(room=2) as (panel, _):
        assert "Memory for Base" in panel.updates()[panel._info]


async def test_a_parked_model_says_what_it_waits_for() -> None:
    async with panel_over(room=1) as (panel, _):
        assert "takes its turn when it is asked" in panel.updates()[panel._info]


async def test_a_change_under_way_shows_its_stage_and_can_be_cancelled() -> None:
    def fetch(job: LoadJob) -> None:
        while True:
            job.report(LoadProgress("downloading", 0.25, "1 of 4 GB"))

    async with panel_over(catalogue=Catalogue()) as (panel, residency):
        residency.switch("base", ModelSource(ModelPreset("new", "New"), fetch))
        async with asyncio.timeout(10):
            while "downloading, 25% (1 of 4 GB)" not in (shown := panel.updates())[panel._change]:
                await residency.wait_for_change("base")
        assert shown[panel._cancel]["visible"]
        await panel._acting(residency.cancel)()
        await settle(residency, "base")
        shown = panel.updates()
        assert "Loading New was cancelled; the model from before serves." in shown[panel._change]
        assert not shown[panel._cancel]["visible"]
        assert shown[panel._dismiss]["visible"]


async def test_a_change_that_failed_says_why_and_that_the_former_model_serves() -> None:
    def fetch(job: LoadJob) -> None:
        raise ModelLoadError("It is gated.", "Accept it at https://example.com/x.")

    async with panel_over(catalogue=Catalogue()) as (panel, residency):
        residency.switch("base", ModelSource(ModelPreset("new", "New"), fetch))
        await settle(residency, "base")
        change = panel.updates()[panel._change]
        assert "New could not be loaded; the model from before serves." in change
        assert '<a href="https://example.com/x"' in change


async def test_what_does_not_fit_is_shown_with_the_table() -> None:
    async with panel_over(room=2, catalogue=Catalogue()) as (panel, residency):
        plan = residency.plan("base")
        assert plan is not None

        def fetch(job: LoadJob) -> None:
            raise DoesNotFitError("It does not fit.", "Choose a smaller one.", plan)

        residency.switch("base", ModelSource(ModelPreset("new", "New"), fetch))
        await settle(residency, "base")
        assert '<table class="pg-memory">' in panel.updates()[panel._change]


async def test_a_model_is_loaded_by_its_name_in_the_list() -> None:
    async with panel_over(catalogue=Catalogue()) as (panel, residency):
        assert await panel._switch("embedded", "4bit", False) == ""
        assert residency._slots["base"].wanted.quantization == "4bit"
        residency.cancel("base")
        await settle(residency, "base")


@pytest.mark.parametrize(
    ("name", "says"), [(None, "Choose a model first"), ("/etc", "not on offer")]
)
async def test_what_is_not_in_the_list_is_refused(name: str | None, says: str) -> None:
    async with panel_over(catalogue=Catalogue()) as (panel, residency):
        assert says in await panel._switch(name, "auto", False)
        assert not residency.is_busy("base")


async def test_a_model_is_planned_before_anything_of_it_is_fetched() -> None:
    async with panel_over(room=2, catalogue=Catalogue()) as (panel, residency):
        shown = await panel._preview("starcoder", "auto")
        preset = find_hub_preset("starcoder")
        assert preset is not None
        assert f"Memory for {preset.title}" in shown
        assert "BigCode OpenRAIL-M" in shown
        assert not residency.is_busy("base")


async def test_without_a_catalogue_there_is_nothing_to_press() -> None:
    async with panel_over() as (panel, _):
        shown = panel.updates()
        buttons = (panel._cancel, panel._retry, panel._dismiss)
        assert [shown[button]["visible"] for button in buttons] == [False, False, False]
        assert not hasattr(panel, "_load")

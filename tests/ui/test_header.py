from __future__ import annotations

from dataclasses import replace

from model.engine.base import LoadProgress
from model.engine.generation import Slot
from model.errors import ModelLoadError
from model.loading.slot import LoadFailed, Loading, ModelSource, Parked, Ready, SlotStatus
from model.presets import EMBEDDED_BASE, EMBEDDED_CHAT, ModelPreset
from model.service import GenerationService
from tests.ui.conftest import SCRIPT
from ui.header import render_failures, render_header, render_note

PRESETS: dict[Slot, ModelPreset] = {"base": EMBEDDED_BASE, "chat": EMBEDDED_CHAT}


async def test_a_resident_model_is_named_with_device_and_precision(
    service: GenerationService,
) -> None:
    status = service.residency.status("base")
    assert isinstance(status, Ready)
    html = render_header({"base": SCRIPT}, {"base": status})
    assert SCRIPT.title in html
    assert " · cpu · scripted" in html
    assert "pg-ready" in html


async def test_a_model_elsewhere_is_named_with_its_server_alone(
    service: GenerationService,
) -> None:
    status = service.residency.status("base")
    assert isinstance(status, Ready)
    remote = Ready(replace(status.resident, device="remote:box:8000", precision=""))
    assert "</b> · remote:box:8000</span>" in render_header({"base": SCRIPT}, {"base": remote})


async def test_a_model_that_lies_partly_in_main_memory_is_called_slow(
    service: GenerationService,
) -> None:
    status = service.residency.status("base")
    assert isinstance(status, Ready)
    offloaded = Ready(replace(status.resident, is_offloaded=True))
    assert "slow" in render_header({"base": SCRIPT}, {"base": offloaded})
    assert "slow" not in render_header({"base": SCRIPT}, {"base": status})


def test_a_licence_has_its_link() -> None:
    html = render_header(PRESETS, {"base": Loading(LoadProgress("convert", 0.5))})
    assert 'href="https://www.apache.org/licenses/LICENSE-2.0"' in html
    assert "convert, 50%" in html


def test_a_parked_model_says_that_it_loads_when_it_is_asked() -> None:
    html = render_header(PRESETS, {"base": Parked()})
    assert "pg-parked" in html
    assert "loads when it is asked" in html


def test_one_failure_of_both_slots_is_said_once() -> None:
    failed = LoadFailed(ModelLoadError("The model is gated.", "Accept its licence."))
    statuses: dict[Slot, SlotStatus] = {"base": failed, "chat": failed}
    assert render_failures(statuses).count("Accept its licence.") == 1
    assert "could not be loaded" in render_header(PRESETS, statuses)


def sources(reason: str = "", next_better: str = "") -> dict[Slot, ModelSource]:
    chosen = ModelSource(SCRIPT, lambda job: None, reason=reason, next_better=next_better)
    return {"base": chosen, "chat": chosen}


def test_a_stand_in_says_what_it_stands_for_and_how_to_load_that() -> None:
    note = render_note(PRESETS, sources(), is_public=False)
    assert "stand-in (135M)" in note
    assert "<code>python app.py --base-model starcoder</code>" in note


def test_a_choice_is_told_once_with_its_reason_and_the_way_to_a_better_one() -> None:
    chosen = sources("Chosen for cuda:0.", "Accept it at https://example.com/starcoder, then go.")
    note = render_note({"base": SCRIPT, "chat": SCRIPT}, chosen, is_public=False)
    assert note.count("Chosen for cuda:0.") == 1
    assert '<a href="https://example.com/starcoder" target="_blank"' in note


def test_a_visitor_is_not_told_what_only_the_owner_can_do() -> None:
    chosen = sources("Chosen for cuda:0.", "python app.py --base-model starcoder")
    note = render_note(PRESETS, chosen, is_public=True)
    assert "Chosen for cuda:0." in note
    assert "app.py" not in note


def test_without_anything_to_say_there_is_no_note() -> None:
    assert render_note({"base": SCRIPT}, sources(), is_public=False) == ""

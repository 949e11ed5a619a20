from __future__ import annotations

from model.engine.base import LoadProgress
from model.engine.generation import Slot
from model.errors import ModelLoadError
from model.loading.slot import LoadFailed, Loading, Ready, SlotStatus
from model.presets import EMBEDDED_BASE, EMBEDDED_CHAT, ModelPreset
from model.service import GenerationService
from tests.ui.conftest import SCRIPT
from ui.header import render_failures, render_header, render_stand_in

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


def test_a_licence_has_its_link() -> None:
    html = render_header(PRESETS, {"base": Loading(LoadProgress("convert", 0.5))})
    assert 'href="https://www.apache.org/licenses/LICENSE-2.0"' in html
    assert "convert, 50%" in html


def test_one_failure_of_both_slots_is_said_once() -> None:
    failed = LoadFailed(ModelLoadError("The model is gated.", "Accept its licence."))
    statuses: dict[Slot, SlotStatus] = {"base": failed, "chat": failed}
    assert render_failures(statuses).count("Accept its licence.") == 1
    assert "could not be loaded" in render_header(PRESETS, statuses)


def test_a_stand_in_says_what_it_stands_for_and_how_to_load_that() -> None:
    note = render_stand_in(PRESETS, is_public=False)
    assert "stand-in (135M)" in note
    assert "python app.py --base-model bigcode/starcoder" in note


def test_a_visitor_is_not_told_what_only_the_owner_can_do() -> None:
    assert "app.py" not in render_stand_in(PRESETS, is_public=True)
    assert render_stand_in({"base": SCRIPT}, is_public=False) == ""

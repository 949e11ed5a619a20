from __future__ import annotations

from pathlib import Path

import pytest

import ui
from model.loading.assistant_prompt import AssistantPromptSource
from model.loading.catalogue import Catalogue
from model.requests import CompletionRequest
from model.sampling import SamplingParams
from model.service import GenerationService
from ui.gap_request import continuation_to_suffix
from ui.page import build_page
from ui.passthrough import FreeSlider


async def test_only_the_five_end_points_are_public(service: GenerationService) -> None:
    page = build_page(service, AssistantPromptSource(), is_public=False, deadline=None)
    events = page.blocks.config["dependencies"]
    public = {event["api_name"] for event in events if event["api_visibility"] != "private"}
    assert public == {"continue", "edit", "notebook", "infill", "chat"}


async def test_the_page_names_nothing_outside(service: GenerationService) -> None:
    page = build_page(service, AssistantPromptSource(), is_public=False, deadline=None)
    assert "://" not in page.css + page.head
    assert "googleapis" not in page.theme._get_theme_css()


def test_a_slider_leaves_its_interval_to_the_sampling_params() -> None:
    assert FreeSlider(0, 2).preprocess(7) == 7


def test_own_components_leave_no_files_beside_the_source() -> None:
    assert not list(Path(ui.__path__[0]).glob("*.pyi"))


def test_without_infill_the_prefix_is_continued_to_the_suffix() -> None:
    request = continuation_to_suffix("a\n", "\n  \n    return b  \nc", SamplingParams(stop=("x",)))
    assert request == CompletionRequest("a\n", SamplingParams(stop=("x", "    return b")))


def test_without_a_suffix_the_prefix_is_just_continued() -> None:
    assert continuation_to_suffix("a", " \n", SamplingParams()).params.stop == ()


async def test_every_element_has_a_name_of_its_own(service: GenerationService) -> None:
    page = build_page(service, AssistantPromptSource(), is_public=False, deadline=None)
    components = page.blocks.config["components"]
    names = [name for each in components if (name := each["props"].get("elem_id"))]
    assert sorted(names) == sorted(set(names))


async def test_no_two_listeners_put_the_same_event_off(service: GenerationService) -> None:
    # They would call each other again without end.
    page = build_page(service, AssistantPromptSource(), is_public=False, deadline=None)
    events = page.blocks.config["dependencies"]
    put_off = [
        (component, name)
        for event in events
        for component, name in event["targets"]
        if event["trigger_mode"] == "always_last" and name != "then"
    ]
    assert len(put_off) == len(set(put_off))


@pytest.mark.parametrize("is_public", [True, False])
async def test_strangers_cannot_press_the_buttons_that_act_on_a_model(
    service: GenerationService, is_public: bool
) -> None:
    catalogue = None if is_public else Catalogue()
    page = build_page(
        service, AssistantPromptSource(), is_public=is_public, deadline=None, catalogue=catalogue
    )
    config = page.blocks.config
    names = {each["id"]: each["props"].get("elem_id") or "" for each in config["components"]}
    targets = [target for each in config["dependencies"] for target in each["targets"]]
    pressed = {names.get(component, "") for component, _ in targets}
    acting = {name for name in pressed if name.startswith(("retry-loading", "models-"))}
    # What is hidden can be pressed all the same, by who knows its number.
    assert (acting - {"models-version"} == set()) is is_public


@pytest.mark.parametrize(
    ("space_id", "address"),
    [("", ""), ("me/my-space", "https://huggingface.co/spaces/me/my-space")],
)
async def test_on_a_space_links_lead_to_the_page_around_the_frame(
    service: GenerationService, space_id: str, address: str
) -> None:
    page = build_page(
        service, AssistantPromptSource(), is_public=True, deadline=None, space_id=space_id
    )
    components = page.blocks.config["components"]
    [share] = [each for each in components if each["props"].get("elem_id") == "share"]
    assert f'data-address="{address}"' in share["props"]["value"]


async def test_no_event_shows_progress_on_a_component(service: GenerationService) -> None:
    # Each step of a stream would look all of them up in the whole page.
    page = build_page(service, AssistantPromptSource(), is_public=False, deadline=None)
    events = page.blocks.config["dependencies"]
    shown = [event["id"] for event in events if event["targets"] and event["show_progress_on"]]
    unset = [event["targets"] for event in events if event["show_progress_on"] is None]
    assert not shown
    assert all(not targets or targets[0][1] == "unload" for targets in unset)

from __future__ import annotations

import json
from typing import Any

import gradio as gr
import pytest

from model.requests import CompletionRequest
from model.sampling import SamplingParams
from model.service import GenerationService
from ui.actions import Updates, build_html
from ui.comparison import NOTHING
from ui.keeper import Keeper
from ui.marked_text import MarkedText
from ui.runs import Runs
from ui.samples import Samples
from ui.side_by_side import SideBySide, read_takes
from ui.work import ContinueContent, default_settings, read_work

SETTINGS = default_settings("continue")
PROMPT = MarkedText("a\n# SAY: <b>", [(0, 1)])


@pytest.fixture
async def parts(service: GenerationService) -> tuple[SideBySide, Keeper, Any]:
    with gr.Blocks():
        status = build_html("", "status")
        return SideBySide("continue", Runs(service, None), status), Keeper("continue"), status


async def run(parts: tuple[SideBySide, Keeper, Any], prompt: str, num: int) -> list[Updates]:
    side_by_side, keeper, _ = parts
    params = SamplingParams(seed=3)
    takes = read_takes(CompletionRequest(prompt, params), SETTINGS, num, NOTHING)
    steps = side_by_side.run(takes, "s", None, keeper, "Rust", "Model")
    return [updates async for updates in steps]


def last(updates: list[Updates], component: Any) -> Any:
    return [each[component] for each in updates if component in each][-1]


def shown(updates: list[Updates], component: Any) -> str:
    return str(last(updates, component))


async def test_every_text_is_held_with_its_seed_and_how_it_ended(
    parts: tuple[SideBySide, Keeper, Any],
) -> None:
    updates = await run(parts, PROMPT, 2)
    cards = parts[0].cards
    samples = last(updates, cards.held)
    assert samples.prompt is PROMPT
    assert [(each.title, each.text, each.seed) for each in samples.texts] == [
        ("Sample 1", "<b>", 3),
        ("Sample 2", "<b>", 4),
    ]
    assert all("ended by itself" in each.note for each in samples.texts)
    assert json.loads(last(updates, cards.written)) == samples.to_json()
    assert "2 texts to choose from" in shown(updates, parts[2])


async def test_all_cards_stand_there_from_the_beginning_and_hold_text_not_markup(
    parts: tuple[SideBySide, Keeper, Any],
) -> None:
    updates = await run(parts, PROMPT, 3)
    panes = [card.pane for card in parts[0].cards._cards]
    assert ["Sample" in updates[0][pane] for pane in panes] == [True, True, True, False]
    for pane in panes[:3]:
        assert "# SAY: &lt;b&gt;</span>" in shown(updates, pane)
        assert '<span class="pg-new">&lt;b&gt;</span>' in shown(updates, pane)


async def test_each_text_gets_an_entry_in_the_history_though_one_before_it_was_told(
    parts: tuple[SideBySide, Keeper, Any],
) -> None:
    updates = await run(parts, PROMPT, 2)
    entries = json.loads(last(updates, parts[1]._entry))
    works = [read_work(entry["work"]) for entry in entries]
    assert [work.seed for work in works] == [3, 4]
    for work in works:
        assert work.language == "Rust"
        assert isinstance(work.content, ContinueContent)
        assert work.content.text == PROMPT + "<b>"
        assert isinstance(work.content.text, MarkedText)
        assert work.content.text.marks == ((0, 1), (len(PROMPT), len(PROMPT) + 3))


async def test_cards_whose_turn_never_came_are_gone_and_the_failed_one_says_why(
    parts: tuple[SideBySide, Keeper, Any],
) -> None:
    updates = await run(parts, "FAIL", 3)
    cards = parts[0].cards
    first, second, third, _ = cards._cards
    assert "The script failed" in shown(updates, first._status)
    assert [shown(updates, card.pane) for card in (second, third)] == ["", ""]
    samples: Samples = last(updates, cards.held)
    assert "The script failed" in samples.texts[0].note
    assert "1 of 3 texts" in shown(updates, parts[2])

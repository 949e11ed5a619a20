"""Each tab's work, read from its components and shown in them."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import gradio as gr
import pytest

from model.loading.assistant_prompt import AssistantPromptSource
from model.prompts.infill import RepositoryFile
from model.prompts.metadata import Header
from model.service import GenerationService
from ui.actions import Updates
from ui.branches import Branches
from ui.chat_tab import ChatTab
from ui.context_files import Repository
from ui.continue_tab import ContinueTab
from ui.conversation import show_chatbot
from ui.edit_diff import Proposal
from ui.edit_form import Edit
from ui.editor import CodeEditor
from ui.gap import Gap, Middle
from ui.infill_tab import InfillTab
from ui.marked_text import MarkedText
from ui.runs import Runs
from ui.samples import Sample, Samples
from ui.work import ChatContent, ContinueContent, InfillContent, Tab, Work

CANDIDATES = Samples("a = ", (Sample("Sample 1", "1", "ended", 7), Sample("Sample 2", "2")))
HEADER = Header("src/a.rs", "me/it", "0", is_exercise=True)
EDIT = Edit("edit", "Use two", Proposal("x = 1\n", "x = 2\n", is_whole=True))
REPOSITORY = Repository("a.go", "me/it", (RepositoryFile("b.go", "package b\n"),))
SETTINGS = (0.7, None, 0.9, 40, 0.1, 1.1, "11", "\\n\\n")
TALK = Branches().add("user", "q").add("assistant", "    <a>\n", author="M").branch(0, "q2")
WORKS: dict[Tab, Work] = {
    "continue": Work(
        ContinueContent(MarkedText("a = 1", [(4, 5)]), 3, CANDIDATES, HEADER, EDIT, "output"),
        SETTINGS,
        "Rust",
    ),
    "infill": Work(
        InfillContent(Gap("a", "c", Middle("b", "c")), "spm", 3, REPOSITORY), SETTINGS, "Go"
    ),
    "chat": Work(ChatContent(TALK, "Be brief.", "Use", "both", "not sent"), SETTINGS),
}


@pytest.fixture
async def tabs(service: GenerationService) -> dict[Tab, Any]:
    runs, prompts = Runs(service, None), AssistantPromptSource()
    with gr.Blocks():
        return {
            "continue": ContinueTab(service.residency, runs),
            "infill": InfillTab(service, runs),
            "chat": ChatTab(service, runs, prompts),
        }


def values_of(tab: Any, updates: Updates | None = None) -> list[Any]:
    """What the components hold at first, or after `updates`."""
    updates = updates or {}

    def at_first(component: Any) -> Any:
        return "" if isinstance(component, CodeEditor) else component.value

    return [
        updates[component] if component in updates else at_first(component)
        for component in tab.work_inputs
    ]


@pytest.mark.parametrize("name", WORKS)
async def test_work_that_is_shown_is_read_back(tabs: dict[Tab, Any], name: Tab) -> None:
    tab, work = tabs[name], WORKS[name]
    shown = await tab.show_work(work, *values_of(tab))
    assert set(shown) <= set(tab.work_outputs)
    read = tab.read_work(*values_of(tab, shown))
    assert read == work
    if isinstance(read.content, ContinueContent):
        assert isinstance(read.content.text, MarkedText)
        assert read.content.text.marks == ((4, 5),)


@pytest.mark.parametrize("name", WORKS)
async def test_an_empty_tab_has_no_work_and_nothing_to_go_back_to(
    tabs: dict[Tab, Any], name: Tab
) -> None:
    tab = tabs[name]
    empty = tab.read_work(*values_of(tab))
    assert not empty
    shown = await tab.show_work(empty, *values_of(tab))
    assert not any("what stood before" in str(value) for value in shown.values())


@pytest.mark.parametrize(
    ("name", "undo"),
    [
        ("continue", lambda shown, tab: shown[tab._history].past),
        ("infill", lambda shown, tab: shown[tab._history].past),
        ("chat", lambda shown, tab: [shown[tab._view.cleared]]),
    ],
)
async def test_what_stood_before_can_be_had_back(
    tabs: dict[Tab, Any], name: Tab, undo: Callable[[Updates, Any], Any]
) -> None:
    tab, work = tabs[name], WORKS[name]
    first = values_of(tab, await tab.show_work(work, *values_of(tab)))
    empty = tab.read_work(*values_of(tab))
    [kept] = undo(await tab.show_work(empty, *first), tab)
    if name == "chat":
        assert kept.branches == TALK
        assert kept.asked_with == ("both", "Be brief.", "Use", *SETTINGS)
    else:
        assert kept == (work.content.gap if name == "infill" else work.content.text)


async def test_an_entry_that_is_brought_back_leaves_the_texts_to_choose_from(
    tabs: dict[Tab, Any],
) -> None:
    tab = tabs["continue"]
    first = values_of(tab, await tab.show_work(WORKS["continue"], *values_of(tab)))
    entry = Work(ContinueContent("b"), SETTINGS, "Rust")
    assert tab._several.cards.held not in await tab.show_work(entry, *first)
    nothing = Work(ContinueContent(), SETTINGS, "Rust")
    shown = await tab.show_work(nothing, *first)
    assert shown[tab._several.cards.held] == Samples()


async def test_a_message_that_was_not_sent_stays_below_what_is_shown(tabs: dict[Tab, Any]) -> None:
    tab = tabs["chat"]
    values = values_of(tab)
    values[0] = "mine"
    shown = await tab.show_work(WORKS["chat"], *values)
    assert shown[tab._view.box] == "not sent\nmine"


async def test_of_two_answers_on_show_each_becomes_a_version(tabs: dict[Tab, Any]) -> None:
    tab = tabs["chat"]
    asked = Branches().add("user", "q")
    values = dict(zip(tab.work_inputs, values_of(tab), strict=True))
    question, chat, assistant = tab._view.pair.inputs
    values |= {tab._view.branches: asked, tab._view.chatbot: show_chatbot(asked.messages)}
    values |= {question: asked.messages, chat: [{"role": "assistant", "content": "one"}]}
    values |= {assistant: [{"role": "assistant", "content": "two"}]}
    talk = tab.read_work(*values.values()).content.conversation
    assert [turn.text for turn in talk.path] == ["q", "one"]
    assert talk.versions(1) == (0, 2)
    assert talk.select(1, 1).path[1].text == "two"


def chat_with(tab: ChatTab, updates: Updates) -> dict[Any, Any]:
    return dict(zip(tab.work_inputs, values_of(tab, updates), strict=True))


async def test_another_conversation_takes_the_place_of_one_that_is_listed_without_a_trace(
    tabs: dict[Tab, Any],
) -> None:
    tab, view = tabs["chat"], tabs["chat"]._view
    held = chat_with(tab, await tab.show_work(WORKS["chat"], *values_of(tab)))
    other = Work(ChatContent(Branches().add("user", "other"), draft="its own"), SETTINGS, seed=7)
    shown = tab.show_talk("other", other, *held.values(), is_listed=True)
    assert (shown[view.talk], shown[view.seed], shown[view.box]) == ("other", 7, "its own")
    assert view.cleared not in shown
    assert tab.read_work(*values_of(tab, shown)).content == other.content


async def test_one_that_is_not_listed_is_left_to_restore_under_its_own_name(
    tabs: dict[Tab, Any],
) -> None:
    tab, view = tabs["chat"], tabs["chat"]._view
    held = chat_with(tab, await tab.show_work(WORKS["chat"], *values_of(tab)))
    shown = tab.begin_talk("new", *held.values(), is_listed=False)
    assert not tab.read_work(*values_of(tab, shown)).content.conversation.turns
    assert shown[view.box] == "not sent"
    restored = tab._steps.restore(
        shown[view.cleared], "new", *[(held | shown).get(item) for item in view.given]
    )
    assert restored[view.talk] == held[view.talk] != "new"
    assert restored[view.branches] == TALK
    assert [restored[item] for item in view.asked_with] == ["both", "Be brief.", "Use", *SETTINGS]


async def test_a_new_conversation_has_the_models_own_system_prompt_and_the_settings_that_stood(
    tabs: dict[Tab, Any],
) -> None:
    tab, view = tabs["chat"], tabs["chat"]._view
    held = chat_with(tab, await tab.show_work(WORKS["chat"], *values_of(tab)))
    held[tab._advice.filled] = ("model", "Its own.")
    shown = tab.begin_talk("new", *held.values(), is_listed=True)
    assert [shown[item] for item in view.asked_with] == ["both", "Its own.", "", *SETTINGS]
    assert shown[view.box] == ""


async def test_what_was_cleared_leaves_the_settings_alone_in_its_own_conversation_only(
    tabs: dict[Tab, Any],
) -> None:
    tab, view = tabs["chat"], tabs["chat"]._view
    held = chat_with(tab, await tab.show_work(WORKS["chat"], *values_of(tab)))
    cleared = tab._steps.clear("mine", *[held[item] for item in view.given])[view.cleared]
    given = [held[item] for item in view.given]
    assert view.system not in tab._steps.restore(cleared, "mine", *given)
    elsewhere = tab._steps.restore(cleared, "another", *given)
    assert (elsewhere[view.talk], elsewhere[view.system]) == ("mine", "Be brief.")


async def test_work_that_is_shown_is_a_conversation_of_its_own(tabs: dict[Tab, Any]) -> None:
    tab, view = tabs["chat"], tabs["chat"]._view
    first = await tab.show_work(WORKS["chat"], *values_of(tab))
    second = await tab.show_work(WORKS["chat"], *values_of(tab, first))
    assert first[view.talk] != second[view.talk] != ""
    assert second[view.cleared].talk == first[view.talk]


async def test_stop_does_not_offer_a_proposal_that_is_still_on_its_way(
    tabs: dict[Tab, Any],
) -> None:
    tab = tabs["continue"]
    freed = tab._stop(SimpleNamespace(session_hash="s"))
    assert freed[tab._undo]["interactive"]
    assert tab._edit.take not in freed
    assert tab._edit.discard not in freed

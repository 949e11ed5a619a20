from __future__ import annotations

from collections.abc import AsyncGenerator
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import gradio as gr
import pytest

from model.engine.events import Finished, FinishReason, Timings, Usage
from model.loading.assistant_prompt import AssistantPromptSource
from model.service import GenerationService
from ui.actions import Updates
from ui.answerers import Answerers, Choice
from ui.asking import Asked, Asking
from ui.branches import Branches
from ui.chat_view import ChatView, Given
from ui.controls import CHAT_DEFAULTS, show_params
from ui.progress import Progress
from ui.told_tokens import NUM_ALTERNATIVES, Option, Told, ToldToken

QUESTION = Branches().add("user", "q")


def progress(text: str, reason: FinishReason | None = None) -> Progress:
    outcome = None if reason is None else Finished(reason, Usage(1, 0, 1), Timings(0, 0, 1), 7)
    return Progress(text=text, outcome=outcome, is_over=reason is not None)


def test_an_answer_is_a_turn_of_its_author() -> None:
    [_, turn] = Asked(QUESTION).answered(progress("a", FinishReason.EOS_TOKEN), "Model").path
    assert (turn.text, turn.author, turn.is_cut) == ("a", "Model", False)


def test_what_is_cut_off_or_stopped_can_be_gone_on_with() -> None:
    for reason in (FinishReason.LENGTH, FinishReason.CANCELLED, FinishReason.DEADLINE, None):
        assert Asked(QUESTION).answered(progress("a", reason), "").path[1].is_cut


def test_an_answer_that_was_begun_has_its_beginning() -> None:
    asked = Asked(QUESTION, "Use ")
    assert (asked.messages, asked.reply) == (QUESTION.messages, "Use ")
    assert asked.answered(progress("a list"), "").messages[1].text == "Use a list"


def test_a_reply_that_is_gone_on_with_stays_the_same_version() -> None:
    asked = Asked(QUESTION.add("assistant", "Use", author="Model", is_cut=True), "ignored")
    assert (asked.messages, asked.reply) == (QUESTION.messages, "Use")
    longer = asked.answered(progress(" a list", FinishReason.EOS_TOKEN), "Other")
    assert longer.versions(1) == (0, 1)
    turn = longer.path[1]
    assert (turn.text, turn.author, turn.is_cut) == ("Use a list", "Model", False)


class Asks:
    """Runs that keep what they are asked, and bring no text."""

    def __init__(self) -> None:
        self.num_alternatives: list[int | None] = []

    async def start(self, wanted: Any, session: str, place: str) -> AsyncGenerator[Progress, None]:
        request = await wanted() if callable(wanted) else wanted
        self.num_alternatives.append(request.params.logprobs)
        yield Progress(is_over=True)

    def stop(self, session: str, *places: str) -> None:
        pass


@pytest.fixture
async def view(service: GenerationService) -> ChatView:
    with gr.Blocks(analytics_enabled=False):
        return ChatView(service.residency, answerers(service))


def answerers(service: GenerationService) -> Answerers:
    return Answerers(service.residency, AssistantPromptSource())


def given(choice: Choice = "chat", *, wants_tokens: bool = False) -> Given:
    return Given(QUESTION, choice, "", "", show_params(CHAT_DEFAULTS), wants_tokens)


async def reply(
    service: GenerationService, view: ChatView, asks: Asks, given: Given, asked: Asked
) -> list[Updates]:
    asking = Asking(view, answerers(service), asks)  # type: ignore[arg-type]
    request: Any = SimpleNamespace(session_hash="session")
    return [updates async for updates in asking.reply(request, given, asked)]


@pytest.mark.parametrize(
    ("choice", "wants_tokens", "told"),
    [
        ("chat", False, [None]),
        ("chat", True, [NUM_ALTERNATIVES]),
        ("assistant", True, [NUM_ALTERNATIVES]),
        ("both", True, [None, None]),
    ],
)
async def test_tokens_are_told_where_they_are_wanted_and_of_one_answer_only(
    service: GenerationService,
    view: ChatView,
    choice: Choice,
    wants_tokens: bool,
    told: list[int | None],
) -> None:
    asks = Asks()
    await reply(service, view, asks, given(choice, wants_tokens=wants_tokens), Asked(QUESTION))
    assert asks.num_alternatives == told


TAKEN = Told("", "", "Use", (ToldToken("Use", 0, 0, Option("Use", 0.5, "text"), (), 0),))
BEGUN = QUESTION.add("assistant", "Use", author="Model", is_cut=True)


async def test_a_token_that_was_chosen_stands_where_nothing_comes_after_it(
    service: GenerationService, view: ChatView
) -> None:
    *_, last = await reply(service, view, Asks(), given(), Asked(BEGUN, taken=TAKEN))
    assert last[view.branches] == BEGUN
    assert last[view.tokens.panel.told].tokens == TAKEN.tokens
    assert last[view.tokens.place] == BEGUN.messages


async def test_without_one_the_page_goes_back_to_what_was_said(
    service: GenerationService, view: ChatView
) -> None:
    *_, last = await reply(service, view, Asks(), given(), Asked(BEGUN))
    assert last[view.branches] == QUESTION
    assert last[view.tokens.panel.told].tokens == ()


async def test_a_setting_that_cannot_be_used_leaves_the_conversation_that_is_branched(
    service: GenerationService, view: ChatView
) -> None:
    wrong = replace(given(), settings=("hot", *given().settings[1:]))
    [updates] = await reply(service, view, Asks(), wrong, Asked(BEGUN, taken=TAKEN))
    assert list(updates) == [view.status]

"""The panel of a chat's tokens, and the versions that branch from it."""

from __future__ import annotations

from typing import Any

import gradio as gr
import pytest

from model.engine.events import Alternative, Token
from tests.ui.runs import fitted
from ui.branches import Branches
from ui.chat_told import ChatTokens, branch_reply
from ui.progress import Progress
from ui.token_view import NOTHING
from ui.told_tokens import Option, Told, ToldToken

QUESTION = Branches().add("user", "q")
TALK = QUESTION.add("assistant", "Use a", author="Model")


class Click:
    """As Gradio makes it of what the script says."""

    def __init__(self, **data: Any) -> None:
        self.__dict__.update(data)


@pytest.fixture
async def tokens() -> ChatTokens:
    with gr.Blocks(analytics_enabled=False):
        return ChatTokens("test")


def end(tokens: ChatTokens, begun: str = "", spelt: str = "a") -> dict[Any, Any]:
    """The updates at the end of a reply that is begun so, and goes on with `spelt`."""
    alternative = (Alternative(ord("b"), "b", -0.9),)
    run = tuple(Token(ord(char), char, -0.5, alternative) for char in spelt)
    feed = tokens.follow(begun)
    feed.stream(Progress(tokens=run, fitted=fitted()))
    return feed.end(QUESTION.add("assistant", begun + spelt, author="Model"))


def take(tokens: ChatTokens, updates: dict[Any, Any], shown: Branches, run: str = "") -> Any:
    told, place = (updates[component] for component in tokens.clicked)
    click = Click(run=run or told.run, index=0, option=0)
    return tokens.take(click, told, place, shown)  # type: ignore[arg-type]


def test_what_the_reply_began_with_is_shown_before_its_tokens(tokens: ChatTokens) -> None:
    assert end(tokens, "Use ")[tokens.panel.list]["told"]["given"] == "Use "


def test_a_click_takes_the_reply_from_its_beginning(tokens: ChatTokens) -> None:
    taken = take(tokens, end(tokens, "Use "), TALK)
    assert (taken.text, taken.given) == ("Use b", "Use ")


@pytest.mark.parametrize(
    "shown",
    [
        TALK.revise(1, "edited"),
        TALK.add("user", "more"),
        TALK.end_at(1),
        Branches().add("user", "other").add("assistant", "Use a"),
        Branches(),
    ],
)
def test_a_click_means_nothing_where_the_conversation_is_another(
    tokens: ChatTokens, shown: Branches
) -> None:
    assert take(tokens, end(tokens, "Use "), shown) is None


def test_a_click_means_nothing_in_a_panel_that_has_changed(tokens: ChatTokens) -> None:
    updates = end(tokens, "Use ")
    assert take(tokens, updates, TALK, run="other") is None
    assert take(tokens, updates | tokens.hide(), TALK, run=updates[tokens.panel.told].run) is None


def test_two_answers_are_told_in_words_to_have_no_panel(tokens: ChatTokens) -> None:
    updates = tokens.refuse_pair()
    assert updates[tokens.panel.list]["told"] == NOTHING
    assert "one answer at a time" in updates[tokens._note]
    assert tokens.follow("").start()[tokens._note] == ""


def told(text: str, *, is_ended: bool = False) -> Told:
    kind = "end" if is_ended else "text"
    token = ToldToken("", 0, 0, Option("", 0.5, kind), (), 0, is_taken=True)
    return Told("", "", text, (token,))


def test_a_branch_is_a_version_that_is_to_be_gone_on_with_and_the_former_one_stays() -> None:
    branched = branch_reply(TALK, told("Use b"), "Other")
    turn = branched.path[1]
    assert (turn.text, turn.author, turn.is_cut) == ("Use b", "Other", True)
    assert branched.versions(1) == (1, 2)
    assert branched.select(1, 0).messages == TALK.messages


def test_a_reply_that_was_ended_by_choice_is_whole() -> None:
    branched = branch_reply(TALK, told("Use", is_ended=True), "Model")
    assert (branched.path[1].text, branched.path[1].is_cut) == ("Use", False)
    assert branched.versions(1) == (1, 2)


def test_another_end_in_the_same_place_is_no_other_version() -> None:
    assert branch_reply(TALK, told("Use a", is_ended=True), "Model") == TALK

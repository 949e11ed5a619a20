"""The panel of generated tokens, from a run's progress to what the page's script reads."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import gradio as gr
import pytest

from model.engine.events import Alternative, Token
from tests.ui.runs import fitted
from ui.progress import Progress
from ui.token_view import NOTHING, NUM_ALTERNATIVES, TokenFeed, TokenPanel, num_alternatives


@pytest.fixture
async def panel() -> TokenPanel:
    with gr.Blocks(analytics_enabled=False):
        return TokenPanel("test")


def tokens(text: str) -> tuple[Token, ...]:
    return tuple(
        Token(ord(char), char, -0.5, (Alternative(ord(char), char, -0.5),)) for char in text
    )


def sent(panel: TokenPanel, updates: dict[Any, Any]) -> Any:
    return updates[panel.list]["told"]


def lines(panel: TokenPanel, updates: dict[Any, Any]) -> list[Any]:
    return [json.loads(line) for line in sent(panel, updates)["lines"].splitlines()]


def stream(feed: TokenFeed, text: str) -> dict[Any, Any]:
    return feed.stream(Progress(tokens=tokens(text), fitted=fitted()))


def test_a_line_holds_a_token_and_what_else_could_stand_there(panel: TokenPanel) -> None:
    updates = stream(panel.feed("x"), "a")
    assert lines(panel, updates) == [[0, "a", 0.607, 0, False, 0, [[0, "a", 0.607]]]]


def test_each_update_continues_the_one_before(panel: TokenPanel) -> None:
    feed = panel.feed("x")
    first, second = sent(panel, stream(feed, "ab")), sent(panel, stream(feed, "abc"))
    assert second["lines"].startswith(first["lines"])
    assert second["run"] == first["run"]
    assert stream(feed, "abc") == {}


def test_line_separators_of_all_kinds_do_not_divide_a_line(panel: TokenPanel) -> None:
    updates = stream(panel.feed("x"), "\n\r\t")
    assert sent(panel, updates)["lines"].count("\n") == 3
    assert [line[1] for line in lines(panel, updates)] == ["\n", "\r", "\t"]


def test_where_no_tokens_are_told_the_panel_stays_away(panel: TokenPanel) -> None:
    feed = panel.feed("x")
    assert sent(panel, feed.start()) == NOTHING
    assert feed.stream(Progress(text="abc", num_tokens=3)) == {}
    ended = feed.end(4)
    assert sent(panel, ended) == NOTHING
    assert ended[panel.told].tokens == ()


def test_what_the_text_does_not_show_is_marked_as_cut(panel: TokenPanel) -> None:
    feed = panel.feed("x")
    stream(feed, "abcd")
    assert sent(panel, feed.end(5))["cut"] is None
    assert sent(panel, feed.end(3))["cut"] == (2, 0)


def test_what_was_kept_of_another_run_is_shown_from_the_start(panel: TokenPanel) -> None:
    feed = panel.feed("x")
    stream(feed, "ab")
    told = feed.end(3)[panel.told]
    again = panel.feed(told)
    started = again.start()
    assert [line[1] for line in lines(panel, started)] == ["a", "b"]
    assert sent(panel, started)["run"] != told.run
    assert [line[1] for line in lines(panel, stream(again, "c"))] == ["a", "b", "c"]


class Click:
    """As Gradio makes it of what the script says."""

    def __init__(self, **data: Any) -> None:
        self.__dict__.update(data)


def test_a_click_in_a_panel_that_has_changed_means_nothing(panel: TokenPanel) -> None:
    feed = panel.feed("x")
    feed.stream(
        Progress(
            tokens=(Token(97, "a", -0.5, (Alternative(98, "b", -0.9),)),),
            fitted=fitted(),
        )
    )
    told = feed.end(2)[panel.told]
    taken = panel.take(told, Click(run=told.run, index=0, option=0))  # type: ignore[arg-type]
    assert taken is not None
    assert taken.text == "xb"
    assert panel.take(told, Click(run="other", index=0, option=0)) is None  # type: ignore[arg-type]


def test_nothing_is_asked_of_the_engine_unless_it_is_wanted() -> None:
    assert num_alternatives(True) == NUM_ALTERNATIVES == 5
    assert num_alternatives(False) is None
    assert num_alternatives(None) is None


def test_what_stood_before_is_told_where_it_is_wanted_but_for_what_is_spelt_again(
    panel: TokenPanel,
) -> None:
    run = fitted()
    healed = replace(run, generation=replace(run.generation, healed=" "))
    for is_wanted, given in ((True, "x ="), (False, "")):
        feed = panel.feed("x = ", is_given_shown=is_wanted)
        updates = feed.stream(Progress(tokens=tokens(" a"), fitted=healed))
        assert sent(panel, updates)["given"] == given
        again = panel.feed(feed.end(5)[panel.told], is_given_shown=is_wanted)
        assert sent(panel, again.start())["given"] == given

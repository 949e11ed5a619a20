from __future__ import annotations

import json
from html.parser import HTMLParser
from typing import Any

from ui.branches import Branches
from ui.turn_controls import NO_CONTROLS, render_turns


def marks(html: str) -> Any:
    found: list[str | None] = []

    class Reader(HTMLParser):
        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            found.append(dict(attrs)["data-turns"])

    Reader().feed(html)
    [value] = found
    assert value is not None
    return json.loads(value)


def test_each_turn_has_its_role_its_version_and_their_number() -> None:
    talk = Branches().add("user", "q").add("assistant", "a").end_at(1).add("assistant", "b")
    assert marks(render_turns(talk)) == [["user", 0, 1, False], ["assistant", 1, 2, False]]


def test_a_reply_that_was_cut_is_told() -> None:
    talk = Branches().add("user", "q").add("assistant", "a", is_cut=True)
    assert marks(render_turns(talk))[1] == ["assistant", 0, 1, True]


def test_nothing_that_was_said_is_in_it() -> None:
    assert "secret" not in render_turns(Branches().add("user", "secret"))


def test_while_a_reply_comes_there_is_nothing_to_press() -> None:
    assert marks(NO_CONTROLS) == []

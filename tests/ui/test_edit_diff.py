from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ui.edit_diff import Proposal, render_edit

CODE = "def f(a):\n    return a\n\n\ndef g():\n    pass\n"

lines = st.lists(st.sampled_from(["a\n", "b\n", "c\n", "\n", "a"]), max_size=8).map("".join)


def shown(proposal: Proposal) -> list[str]:
    """The diff as it reads."""
    return re.sub("<[^>]+>", "", render_edit(proposal)).split("\n")


def test_what_goes_and_what_comes_stand_between_what_stays() -> None:
    after = CODE.replace("return a", "return a + 1")
    assert shown(Proposal(CODE, after, is_whole=True)) == [
        *("  def f(a):", "-     return a", "+     return a + 1", "  ", "  ", "  def g():"),
        "  ⋯ 1 line",
    ]


@given(before=lines, after=lines)
def test_a_whole_answer_is_taken_over_to_the_letter(before: str, after: str) -> None:
    assert Proposal(before, after, is_whole=True).text == after


@given(before=lines, after=lines, at=st.integers(0, 20))
def test_a_broken_off_answer_leaves_the_code_that_it_has_not_come_to(
    before: str, after: str, at: int
) -> None:
    assert Proposal(before, "", is_whole=False).text == before
    text = Proposal(before, before[: min(at, len(before))], is_whole=False).text
    assert text == before, "what is copied so far changes nothing"
    assert Proposal(before, after, is_whole=False).text.startswith(after[: after.rfind("\n") + 1])


def test_while_it_comes_what_lies_ahead_is_not_shown_as_gone() -> None:
    proposal = Proposal(CODE, "def f(b):\n    ret", is_whole=False)
    assert not [line for line in shown(proposal) if line.startswith("-")]
    assert proposal.text == f"def f(b):\n    ret\n{CODE}"
    further = Proposal(CODE, "def f(b):\n    return b\n\n\ndef", is_whole=False)
    assert further.text == "def f(b):\n    return b\n\n\ndef g():\n    pass\n"


def test_the_lines_that_came_are_marked_as_the_models() -> None:
    text = Proposal("a\nb\nc\n", "a\nx\ny\nc\n", is_whole=True).text
    assert text.marks == ((2, 6),)


def test_a_lost_line_break_at_the_end_is_said() -> None:
    assert shown(Proposal("a\n", "a", is_whole=True)) == [*("- a", "+ a no line break at the end")]


@pytest.mark.parametrize("text", ["<b>&", "${x}"])
def test_code_is_escaped(text: str) -> None:
    assert "<b>" not in render_edit(Proposal(text, f"{text}!", is_whole=True))

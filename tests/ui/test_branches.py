from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model.prompts.dialogue import Message
from ui.branches import Branches, linear, read_branches

TALK = (
    Branches()
    .add("user", "q1")
    .add("assistant", "a1", author="Model")
    .add("user", "q2")
    .add("assistant", "a2", is_cut=True)
)


def texts(branches: Branches) -> list[str]:
    return [turn.text for turn in branches.path]


def test_a_conversation_begins_empty() -> None:
    assert Branches().path == ()
    assert Branches().messages == ()


def test_turns_follow_one_another() -> None:
    assert texts(TALK) == ["q1", "a1", "q2", "a2"]
    assert TALK.messages[1] == Message("assistant", "a1")
    assert TALK.path[1].author == "Model"
    assert TALK.path[3].is_cut


def test_a_retried_reply_is_one_more_version() -> None:
    retried = TALK.end_at(3).add("assistant", "a2 again")
    assert texts(retried) == ["q1", "a1", "q2", "a2 again"]
    assert retried.versions(3) == (1, 2)
    assert retried.versions(1) == (0, 1)
    assert texts(retried.select(3, 0)) == texts(TALK)


def test_an_edited_question_leaves_the_branch_before_the_edit() -> None:
    edited = TALK.branch(0, "q1 better").add("assistant", "b1")
    assert texts(edited) == ["q1 better", "b1"]
    assert edited.versions(0) == (1, 2)
    assert texts(edited.select(0, 0)) == ["q1", "a1", "q2", "a2"]


def test_a_version_comes_back_with_what_was_last_shown_after_it() -> None:
    retried = TALK.end_at(3).add("assistant", "a2 again").select(3, 0)
    edited = retried.branch(0, "other")
    assert texts(edited.select(0, 0)) == ["q1", "a1", "q2", "a2"]


def test_an_edited_answer_keeps_what_followed_and_the_former_one() -> None:
    revised = TALK.revise(1, "a1 better")
    assert texts(revised) == ["q1", "a1 better", "q2", "a2"]
    assert revised.path[1].author == ""
    assert revised.path[3].is_cut
    assert revised.versions(1) == (1, 2)
    assert texts(revised.select(1, 0)) == texts(TALK)


def test_a_continued_reply_is_the_same_version_with_more_text() -> None:
    longer = TALK.edit(3, "a2 and more", is_cut=False)
    assert longer.versions(3) == (0, 1)
    assert longer.path[3].text == "a2 and more"
    assert not longer.path[3].is_cut


def test_what_is_taken_back_stays_as_a_branch() -> None:
    back = TALK.end_at(2)
    assert texts(back) == ["q1", "a1"]
    assert texts(back.add("user", "q3").select(2, 0)) == ["q1", "a1", "q2", "a2"]
    assert TALK.end_at(4) == TALK


@pytest.mark.parametrize("version", [-1, 1])
def test_a_version_that_is_not_there_is_refused(version: int) -> None:
    with pytest.raises(IndexError):
        TALK.select(0, version)


def test_a_deleted_question_goes_with_its_answer_and_what_followed_moves_up() -> None:
    assert texts(TALK.delete(0)) == ["q2", "a2"]
    assert texts(TALK.delete(2)) == ["q1", "a1"]


def test_a_deleted_question_keeps_what_followed_each_of_its_answers() -> None:
    talk = TALK.end_at(1).add("assistant", "b1").add("user", "q3").add("assistant", "b3")
    deleted = talk.delete(0)
    assert texts(deleted) == ["q3", "b3"]
    assert texts(deleted.select(0, 0)) == ["q2", "a2"]


def test_in_the_place_of_a_deleted_question_another_version_is_shown() -> None:
    deleted = TALK.branch(2, "q2 better").delete(2)
    assert texts(deleted) == ["q1", "a1", "q2", "a2"]


def test_a_deleted_answer_goes_with_what_followed_it() -> None:
    deleted = TALK.delete(1)
    assert texts(deleted) == ["q1"]
    assert len(deleted.turns) == 1


def test_in_the_place_of_a_deleted_answer_its_neighbour_is_shown() -> None:
    retried = TALK.end_at(3).add("assistant", "b2").end_at(3).add("assistant", "c2")
    assert texts(retried.delete(3))[-1] == "b2"
    assert texts(retried.select(3, 0).delete(3))[-1] == "b2"


def test_a_page_that_says_more_than_was_kept_is_believed() -> None:
    said = (*TALK.messages, Message("user", "q3"))
    assert TALK.graft(said).messages == said
    assert TALK.graft(TALK.messages) == TALK
    other = (Message("user", "q1"), Message("assistant", "else"))
    grafted = TALK.graft(other)
    assert grafted.messages == other
    assert texts(grafted.select(1, 0)) == texts(TALK)
    assert linear(other).messages == other


def test_retry_goes_back_to_the_last_question() -> None:
    assert texts(TALK.up_to_last_user()) == ["q1", "a1", "q2"]
    assert texts(TALK.end_at(3).up_to_last_user()) == ["q1", "a1", "q2"]
    assert Branches().add("assistant", "hi").up_to_last_user().path == ()


def test_of_two_answers_the_first_with_text_stands() -> None:
    asked = TALK.end_at(3)
    assert texts(asked.settle(asked.messages, {"A": "yes", "B": "no"}))[-1] == "yes"
    settled = asked.settle(asked.messages, {"A": "", "B": "no"})
    assert settled.path[-1].author == "B"
    assert settled.versions(3) == (1, 2)
    assert asked.settle(asked.messages, {"A": "", "B": ""}) == asked


def test_answers_to_another_question_stand_for_nothing() -> None:
    assert TALK.settle(TALK.messages[:1], {"A": "yes"}) == TALK
    assert TALK.settle((), {"A": "yes"}) == TALK
    assert Branches().settle((), {"A": "yes"}) == Branches()


def test_it_is_read_back_from_its_json() -> None:
    talk = TALK.branch(0, "x").add("assistant", "</script> 😀")
    assert read_branches(json.loads(json.dumps(talk.to_json()))) == talk


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"version": 2}, "version"),
        ({"turns": None}, "turns"),
        ({"shown": {}}, "shown"),
        ({"turns": ["x"]}, "not an object"),
        ({"turns": [{"id": 1, "parent": 0, "role": "user"}]}, "'text'"),
        ({"turns": [{"id": True, "parent": 0, "role": "user", "text": ""}]}, "'id'"),
        ({"turns": [{"id": 1, "parent": 0, "role": "system", "text": ""}]}, "role"),
        ({"turns": [{"id": 1, "parent": 2, "role": "user", "text": ""}]}, "does not follow"),
        ({"turns": [{"id": 1, "parent": 1, "role": "user", "text": ""}]}, "does not follow"),
        ({"shown": [[0, 4]]}, "cannot be shown"),
        ({"shown": [[0, 0]]}, "cannot be shown"),
        ({"shown": [[0, "1"]]}, "pair of ids"),
    ],
)
def test_data_that_is_no_conversation_is_refused(change: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        read_branches(TALK.to_json() | change)


def test_something_else_altogether_is_refused() -> None:
    for data in (None, [], "x", {}):
        with pytest.raises(ValueError, match="conversation"):
            read_branches(data)


STEPS = st.sampled_from(["ask", "retry", "branch", "revise", "edit", "back", "select", "delete"])


def after_step(branches: Branches, step: str, number: int) -> Branches:
    path = branches.path
    if step == "ask" or not path:
        role = "user" if len(path) % 2 == 0 else "assistant"
        return branches.add(role, f"{role}{number}")
    index = number % len(path)
    match step:
        case "retry":
            return branches.end_at(index).add(path[index].role, "again")
        case "branch":
            return branches.branch(index, "branched")
        case "revise":
            return branches.revise(index, "revised")
        case "edit":
            return branches.edit(index, "edited")
        case "back":
            return branches.end_at(index)
        case "select":
            return branches.select(index, number % branches.versions(index)[1])
        case _:
            return branches.delete(index)


@given(st.lists(st.tuples(STEPS, st.integers(0, 99)), max_size=25))
def test_whatever_is_done_it_stays_a_conversation(steps: list[tuple[str, int]]) -> None:
    branches = Branches()
    for step, number in steps:
        before = branches
        branches = after_step(branches, step, number)
        roles = [turn.role for turn in branches.path]
        assert roles == ["user", "assistant"] * (len(roles) // 2) + ["user"] * (len(roles) % 2)
        assert read_branches(branches.to_json()) == branches
        if step not in ("delete", "edit"):
            assert {turn.id for turn in before.turns} <= {turn.id for turn in branches.turns}


def test_answers_that_are_offered_become_versions_and_the_first_one_is_shown() -> None:
    asked = TALK.end_at(3)
    offered = asked.offer({"One": "b1", "Two": "b2"})
    assert [turn.text for turn in offered.path] == ["q1", "a1", "q2", "b1"]
    assert offered.versions(3) == (1, 3)
    assert offered.select(3, 2).path[3].author == "Two"
    assert asked.offer({}) == asked

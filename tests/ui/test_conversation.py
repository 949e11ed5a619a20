from __future__ import annotations

from model.prompts.dialogue import Message
from ui.conversation import (
    edit,
    read_chatbot,
    read_messages,
    say,
    settle,
    show_chatbot,
    up_to_last_user,
)

TURNS = (
    Message("user", "    def f():\n        return 1\n"),
    Message("assistant", "List<int> & `<b>`\n\n"),
    Message("user", "again"),
    Message("assistant", "no"),
)


def test_what_is_shown_is_read_back_exactly() -> None:
    assert read_chatbot(show_chatbot(TURNS)) == TURNS


def test_contents_are_dictionaries_which_gradio_leaves_as_they_are() -> None:
    content = show_chatbot(TURNS)[0]["content"]
    assert content == {"type": "text", "text": "    def f():\n        return 1\n"}


def test_contents_come_back_in_blocks() -> None:
    blocks = [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]
    assert read_chatbot([{"role": "user", "content": blocks}]) == (Message("user", "ab"),)
    assert read_chatbot(None) == ()


def test_other_roles_are_left_out() -> None:
    turns = [{"role": "system", "content": "x"}, {"role": "user", "content": "&lt;"}]
    assert read_messages(turns) == (Message("user", "&lt;"),)


def test_retry_goes_back_to_the_last_question() -> None:
    assert up_to_last_user(TURNS) == TURNS[:3]
    assert up_to_last_user(say((), "assistant", "hi")) == ()


def test_an_edited_question_drops_what_followed() -> None:
    assert edit(TURNS, 0, "new") == (Message("user", "new"),)


def test_an_edited_answer_keeps_what_followed() -> None:
    edited = edit(TURNS, 1, "better")
    assert edited == (TURNS[0], Message("assistant", "better"), *TURNS[2:])


def test_of_two_answers_the_first_with_text_stands() -> None:
    question = TURNS[:3]
    assert settle(question, question, ["yes", "no"]) == say(question, "assistant", "yes")
    assert settle(question, question, ["", "no"]) == say(question, "assistant", "no")
    assert settle(question, question, ["", ""]) == question


def test_answers_to_another_question_stand_for_nothing() -> None:
    assert settle(TURNS[:3], TURNS[:1], ["yes"]) == TURNS[:3]
    assert settle(TURNS[:3], (), ["yes"]) == TURNS[:3]
    assert settle((), (), ["yes"]) == ()

from __future__ import annotations

from model.prompts.dialogue import Message
from ui.conversation import (
    read_chatbot,
    read_messages,
    show_chatbot,
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

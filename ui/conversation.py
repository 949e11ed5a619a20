"""A conversation: messages here, `gr.Chatbot`'s dictionaries there. Pure functions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from model.prompts.dialogue import Message, Role
from ui.markdown import escape_prose, unescape_prose
from ui.reply_pieces import join_reply, split_reply

Messages = tuple[Message, ...]


def read_messages(value: Sequence[dict[str, Any]] | None) -> Messages:
    """The turns in dictionaries as everybody writes them, without those of another role."""
    return tuple(
        Message(item["role"], "".join(_texts_of(item["content"])))
        for item in value or ()
        if item["role"] in ("user", "assistant")
    )


def read_chatbot(value: Sequence[dict[str, Any]] | None) -> Messages:
    """The conversation that the Chatbot shows: the inverse of `show_chatbot`."""
    return tuple(
        Message(
            item["role"], join_reply([unescape_prose(text) for text in _texts_of(item["content"])])
        )
        for item in value or ()
        if item["role"] in ("user", "assistant")
    )


def show_chatbot(messages: Messages) -> list[dict[str, Any]]:
    """What the Chatbot takes. A content that is a plain string would lose its indentation."""
    return [
        {"role": message.role, "content": {"type": "text", "text": escape_prose(message.text)}}
        for message in messages
    ]


def show_growing(messages: Messages) -> list[dict[str, Any]]:
    """The same while the last message is being written: in pieces, each drawn by itself."""
    *former, last = messages
    pieces = [{"type": "text", "text": escape_prose(piece)} for piece in split_reply(last.text)]
    return [*show_chatbot(tuple(former)), {"role": last.role, "content": pieces}]


def say(messages: Messages, role: Role, text: str) -> Messages:
    return (*messages, Message(role, text))


def _texts_of(content: Any) -> list[str]:
    if isinstance(content, str):
        return [content]
    blocks = [content] if isinstance(content, dict) else content
    return [block.get("text") or "" for block in blocks]

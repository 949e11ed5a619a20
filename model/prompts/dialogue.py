"""Dialogue markup: messages to a prompt whose continuation is the assistant's next turn.

Stub of the interface; see the docstrings for what it must do.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from model.prompts.segments import Prompt

Role = Literal["user", "assistant"]


@dataclass(frozen=True, slots=True)
class Message:
    role: Role
    text: str


@dataclass(frozen=True, slots=True)
class DialogueFormat:
    """A family's dialogue markup.

    Attributes:
        name: "StarChat", "ChatML".
        default_system: the system prompt of the model card.
        stop_tokens: special tokens that end a turn.
        is_reply_stripped: the model opens its reply with a newline that belongs to the markup.
    """

    name: str
    default_system: str
    stop_tokens: tuple[str, ...]
    is_reply_stripped: bool


def detect_dialogue(special_id: Callable[[str], int | None]) -> DialogueFormat | None: ...


def build_dialogue(dialect: DialogueFormat, system: str, messages: Sequence[Message]) -> Prompt: ...

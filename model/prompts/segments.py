"""A prompt is a sequence of segments, never a string: text that a person wrote can hold the
spelling of a special token without becoming one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

Part = Literal[
    "prompt",
    "prefix",
    "suffix",
    "middle",
    "context",
    "cells",
    "cell",
    "system",
    "user",
    "assistant",
    "markup",
]

# A special token's id by its spelling; None where the vocabulary lacks it.
FindSpecial = Callable[[str], int | None]


@dataclass(frozen=True, slots=True)
class Special:
    """A special token, by its spelling in the vocabulary."""

    token: str


@dataclass(frozen=True, slots=True)
class Text:
    """Ordinary text. `part` says whose it is; "markup" is the format's own."""

    text: str
    part: Part


Segment = Special | Text
Prompt = tuple[Segment, ...]

END_OF_TEXT = "<|endoftext|>"


def render(prompt: Prompt) -> str:
    """The prompt as one string, for people to read. Never encode it."""
    return "".join(item.token if isinstance(item, Special) else item.text for item in prompt)

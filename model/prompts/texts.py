"""What typed text must satisfy before any tokenizer sees it."""

from __future__ import annotations

import re
from collections.abc import Sequence

from model.errors import PromptError

# About fifty times the largest window; encoding more would only keep the others waiting.
MAX_PROMPT_CHARS = 2_000_000

_UNUSABLE = re.compile("[\x00\ud800-\udfff]")


def check_texts(boxes: Sequence[tuple[str, str]]) -> None:
    """Check `boxes`, pairs of a name that a person knows and its text.

    Raises:
        PromptError: together they are too long, or one holds a NUL or a lone surrogate.
    """
    num_chars = sum(len(text) for _, text in boxes)
    if num_chars > MAX_PROMPT_CHARS:
        raise PromptError(
            f"The text is {num_chars:,} characters long; "
            f"at most {MAX_PROMPT_CHARS:,} can be taken.",
            "Keep the part that matters.",
        )
    for name, text in boxes:
        match = _UNUSABLE.search(text)
        if match is not None:
            raise PromptError(
                f"The {name} holds {_describe(match[0])} at {_place(text, match.start())}.",
                "Delete it: it cannot be given to a model.",
            )


def _describe(char: str) -> str:
    if char == "\x00":
        return "a NUL character (U+0000)"
    return f"a lone surrogate (U+{ord(char):04X}), half of a character,"


def _place(text: str, index: int) -> str:
    line = text.count("\n", 0, index) + 1
    column = index - text.rfind("\n", 0, index)
    return f"line {line}, column {column}"

"""Stopping at the end of the block or function that is being written."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass, replace
from typing import Any, Literal

import gradio as gr

from model.errors import InvalidInputError
from ui.brace_blocks import BRACE_LEXERS, find_brace_end
from ui.languages import LANGUAGES, language_of
from ui.progress import Progress
from ui.python_blocks import find_python_end

Scope = Literal["block", "function"]
SCOPES: dict[str, Scope | None] = {
    "The model's own end": None,
    "End of block": "block",
    "End of function": "function",
}


@dataclass(frozen=True, slots=True)
class Ending:
    """Where a run is to stop.

    Attributes:
        find: of what was written so far, how much belongs to the block; None while it is not over.
        name: the place, for people.
    """

    find: Callable[[str], int | None]
    name: str


class BlockLanguageError(InvalidInputError):
    """Where a block ends in that language cannot be told."""


def build_stop_at(elem_id: str) -> Any:
    return gr.Radio(
        list(SCOPES),
        value=next(iter(SCOPES)),
        label="Stop at",
        info="by indentation in Python, by braces in C-like languages",
        elem_id=elem_id,
    )


def read_ending(choice: object, prompt: str, language: str) -> Ending | None:
    """The end that was chosen; None for the model's own.

    Raises:
        BlockLanguageError: it is not known for that language.
    """
    scope = SCOPES.get(str(choice))
    if scope is None:
        return None
    lexer = language_of(language).lexer
    if lexer != "python" and lexer not in BRACE_LEXERS:
        known = [one.title for one in LANGUAGES if one.lexer in BRACE_LEXERS]
        raise BlockLanguageError(
            f"Where a {scope} ends in {language} cannot be told here.",
            "Set Stop at to the model's own end, or give a stop string. It is known for Python, "
            f"{', '.join(known[:-1])} and {known[-1]}.",
        )
    is_function = scope == "function"

    def find_end(text: str) -> int | None:
        whole, at = prompt + text, len(prompt)
        if lexer == "python":
            end = find_python_end(whole, at, is_function=is_function)
        else:
            end = find_brace_end(whole, at, lexer, is_function=is_function)
        return None if end is None else max(0, end - at)

    return Ending(find_end, f"the end of the {scope}")


async def stop_at_end(
    steps: AsyncGenerator[Progress, None],
    ending: Ending | None,
    cancel: Callable[[], None],
) -> AsyncGenerator[Progress, None]:
    """`steps` up to that end: what was written past it is left out, and the run cancelled."""
    end: int | None = None
    async for progress in steps:
        if ending is not None:
            if end is None and progress.text:
                end = ending.find(progress.text)
                if end is not None:
                    cancel()
            if end is not None:
                progress = replace(progress, text=progress.text[:end], ended_at=ending.name)
        yield progress

"""The error tree, as the page words it. Everything here is escaped."""

from __future__ import annotations

import re
from html import escape
from typing import Literal

from model.errors import GenerationError, PlaygroundError, SamplingParamsError
from model.trimming import Dropped
from ui.controls import TITLES

Kind = Literal["error", "warning", "info"]

_PARTS = {
    "prompt": "the prompt",
    "prefix": "the prefix",
    "suffix": "the suffix",
    "middle": "the middle",
    "context": "the context files",
    "cells": "the notebook",
    "cell": "the last cell",
    "system": "the system prompt",
    "user": "the conversation",
    "assistant": "the conversation",
}


# What is made to stand out in a message: addresses, and commands, in backquotes or this program's.
_STANDING_OUT = re.compile(
    r"https?://[^\s<>\"'`]*[^\s<>\"'`.,;:)]"
    r"|python app\.py(?: -[-\w]+(?: [\w][\w./-]*[\w-])?)+"
    r"|`([^`\n]+)`"
)


def notice(kind: Kind, text: str, advice: str = "") -> str:
    """A box that holds a message and, where there is one, what to do about it."""
    role = "alert" if kind == "error" else "note"
    more = f' <span class="pg-advice">{linked(advice)}</span>' if advice else ""
    return f'<div class="pg-notice pg-{kind}" role="{role}"><span>{linked(text)}</span>{more}</div>'


def linked(text: str) -> str:
    """`text` as HTML: escaped, its addresses as links and its commands as code."""
    html, end = "", 0
    for match in _STANDING_OUT.finditer(text):
        html += escape(text[end : match.start()], quote=False)
        found, end = match[1] or match[0], match.end()
        is_address = match[1] is None and found.startswith("http")
        html += linked_name(found, found) if is_address else f"<code>{escape(found)}</code>"
    return html + escape(text[end:], quote=False)


def linked_name(name: str, url: str) -> str:
    """`name` as a link, where there is somewhere to go."""
    if not url.startswith(("https://", "http://")):
        return escape(name)
    return f'<a href="{escape(url)}" target="_blank" rel="noopener noreferrer">{escape(name)}</a>'


def error_notice(error: PlaygroundError) -> str:
    """What happened and what to do; a sampling setting goes by the name that it has on the page."""
    message = error.message
    if isinstance(error, SamplingParamsError):
        message = f"{TITLES.get(error.field, error.field)}: {message}"
    return notice("error", message, error.advice)


def unexpected_error(request_id: str) -> GenerationError:
    """What a visitor learns of a fault that has no type of its own: where to look for it."""
    return GenerationError(
        "Something went wrong on the server.",
        f"Your text is kept; the log has the details under {request_id}.",
    )


def dropped_notice(dropped: Dropped, num_prompt_tokens: int) -> str:
    """What was left out so that the prompt fits. `num_prompt_tokens` are those that were sent."""
    whole = num_prompt_tokens + dropped.num_tokens
    amount, place = amount_and_place(dropped)
    return notice(
        "warning",
        f"{amount} left out from {place}: "
        f"the whole is {whole:,} tokens long, {num_prompt_tokens:,} fit.",
    )


def amount_and_place(dropped: Dropped) -> tuple[str, str]:
    """Such as "1,204 tokens (2 turns)" and "the start of the conversation"."""
    part = _PARTS.get(dropped.part, "the prompt")
    noun = "turn" if dropped.num_turns == 1 else "turns"
    turns = f" ({dropped.num_turns} {noun})" if dropped.num_turns else ""
    return f"{dropped.num_tokens:,} tokens{turns}", f"the {dropped.side} of {part}"

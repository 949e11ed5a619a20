"""Fields of OpenAI's requests that this server does not serve, and what it says to each.

A field is refused by its name unless its value asks for nothing. Sources: OpenAI's API reference
(completions, chat completions), and for what clients send: continuedev/continue:core/llm/llms/
OpenAI.ts, zed-industries/zed:crates/open_ai and crates/edit_prediction, open-webui/open-webui:
backend/open_webui/routers/openai.py, huggingface/llm-ls:crates/llm-ls/src/backend.rs.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from api.refusals import unserved
from api.strict_body import shown_name


@dataclass(frozen=True, slots=True)
class Unserved:
    """A field that is refused.

    Attributes:
        neutral: values that ask for nothing, and are let through; null always is.
        message: why it is refused, and what does it instead.
    """

    neutral: tuple[object, ...]
    message: str


_PENALTY = Unserved(
    (0,), "{name} is served as 0 only. Use repetition_penalty, which 1 switches off."
)
_TOOLS = Unserved(([],), "{name} is not served: these models were not tuned to call tools.")
_TOOL_CHOICE = Unserved(("none", "auto"), _TOOLS.message)

UNSERVED: Mapping[str, Unserved] = {
    "presence_penalty": _PENALTY,
    "frequency_penalty": _PENALTY,
    "logit_bias": Unserved(({},), "logit_bias is not served."),
}

UNSERVED_IN_CHAT: Mapping[str, Unserved] = {
    **UNSERVED,
    "tools": _TOOLS,
    "tool_choice": _TOOL_CHOICE,
    "functions": _TOOLS,
    "function_call": _TOOL_CHOICE,
    "response_format": Unserved(
        ({"type": "text"},), "response_format is served as text only: output is not constrained."
    ),
    "modalities": Unserved((["text"],), "modalities other than text are not served."),
    "reasoning_effort": Unserved(("none",), "reasoning_effort is not served."),
}

# Fields that change nothing here. By whom they are sent:
TOLERATED: frozenset[str] = frozenset(
    {
        # OpenAI's own, for its accounts and caches. Every SDK can send them; Zed sends
        # `prompt_cache_key`, Open WebUI `user` and `metadata`.
        *("user", "metadata", "store", "service_tier", "safety_identifier"),
        *("prompt_cache_key", "prompt_cache_retention"),
        # Meaningless without tools, and sent without any by Zed and the Vercel SDK.
        "parallel_tool_calls",
        # Zed's edit prediction, for its own servers.
        "environment",
        # llama.cpp's clients: the cache of the last prompt is always used.
        "cache_prompt",
        # llama.vim's edits by instruction: llama.cpp's slot, and the order of its samplers.
        *("id_slot", "samplers"),
    }
)


def check_fields(given: Mapping[str, Any], unserved_fields: Mapping[str, Unserved]) -> None:
    """Go through the fields that a body does not declare.

    Raises:
        RefusedError: one of them asks for what is not served.
    """
    for name, value in given.items():
        if value is None or name in TOLERATED:
            continue
        field = unserved_fields.get(name)
        shown = shown_name(name)
        if field is None:
            raise unserved(shown, f"{shown} is not served here. Leave it out.")
        if not _is_one_of(value, field.neutral):
            raise unserved(shown, field.message.format(name=shown))


def _is_one_of(value: object, neutral: Collection[object]) -> bool:
    # True and 1 are equal in Python, and not in JSON.
    return not isinstance(value, bool) and value in neutral

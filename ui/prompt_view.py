"""A prompt as the model gets it, as HTML: special tokens as chips, white space marked, its ids.

It is drawn from the pieces that a run is made of, with their ids: nothing is encoded for the view.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from html import escape
from typing import Any

from model.engine.base import ResidentModel
from model.fitting import FittedRequest
from model.prompts.segments import Part, Special, Text
from model.tokenization import PromptTokenizer
from model.trimming import EncodedPrompt, Piece
from ui.notices import dropped_notice, notice
from ui.prompt_folding import Hidden, fold
from ui.visible_text import visible

# More than this would make the page slow; copying and downloading have all of it.
MAX_TOKENS = 4_000
MAX_TOKENS_WITH_IDS = 1_200

SPECIAL_TITLE = "special tokens"
_TITLES: dict[Part, str] = {
    "prompt": "prompt",
    "prefix": "prefix",
    "suffix": "suffix",
    "middle": "start of the middle",
    "context": "names and other files",
    "cells": "earlier cells",
    "cell": "last cell",
    "system": "system prompt",
    "user": "your messages",
    "assistant": "answers",
    "markup": "text of the format’s own",
}
_INTRODUCTION = "the Tech Assistant’s introduction"
_WHITE_SPACE = {" ": "space", "\t": "tab", "\n": "line break", "\r": "carriage return"}


@dataclass(frozen=True, slots=True)
class Look:
    """What is shown on request: each token with its id, and every space."""

    has_ids: bool = False
    has_all_spaces: bool = False


def render_prompt(fitted: FittedRequest, resident: ResidentModel, look: Look, title: str) -> str:
    """The prompt, its counts, what was left out of it, and what ends the text.

    Args:
        title: stands above it.
    """
    tokenizer = resident.tokenizer
    limit = MAX_TOKENS_WITH_IDS if look.has_ids else MAX_TOKENS
    pieces = fold(fitted.encoded, tokenizer, limit)
    code = "".join(_render_piece(piece, fitted, tokenizer, look) for piece in pieces)
    num_hidden = sum(piece.num_tokens for piece in pieces if isinstance(piece, Hidden))
    return (
        _notes(fitted, tokenizer, num_hidden)
        + f'<section class="pg-result pg-exact" aria-label="{escape(title)}">'
        f"<header><span>{escape(title)}</span>{_BUTTONS}</header>"
        f'<pre tabindex="0" aria-label="{escape(title)}"><code>{code}{_healed(fitted)}</code></pre>'
        f'<pre hidden class="pg-whole-prompt">{escape(_whole(fitted, resident))}</pre></section>'
        f"{_counts(fitted)}{_ends(fitted, tokenizer)}"
    )


_BUTTONS = (
    '<button type="button" data-prompt="text">Copy text</button>'
    '<button type="button" data-prompt="ids">Copy ids</button>'
    '<button type="button" data-prompt="file">Download</button>'
)


def count_parts(fitted: FittedRequest) -> dict[str, int]:
    """The tokens of each part that has any, under the name that a person knows, in the prompt's
    order; special tokens apart, and last."""
    counts: dict[str, int] = {}
    num_special = 0
    for piece in fitted.encoded:
        if isinstance(piece.segment, Special):
            num_special += len(piece.ids)
        elif piece.ids:
            title = _title(piece.segment, fitted)
            counts[title] = counts.get(title, 0) + len(piece.ids)
    return counts | ({SPECIAL_TITLE: num_special} if num_special else {})


def _title(segment: Text, fitted: FittedRequest) -> str:
    if segment.part == "system" and fitted.generation.num_pinned:
        return _INTRODUCTION
    return _TITLES[segment.part]


def _render_piece(
    piece: Piece | Hidden, fitted: FittedRequest, tokenizer: PromptTokenizer, look: Look
) -> str:
    if isinstance(piece, Hidden):
        return f'<span class="pg-fold">{_tokens(piece.num_tokens)} not shown</span>'
    segment = piece.segment
    if isinstance(segment, Special):
        return _chip(segment.token, piece.ids[0], look)
    if look.has_ids:
        html = "".join(_render_tokens(piece, tokenizer))
    else:
        html = visible(segment.text, has_all_spaces=look.has_all_spaces)
    css = "pg-markup" if segment.part == "markup" else "pg-typed"
    return f'<span class="{css}" title="{_title(segment, fitted)}">{html}</span>' if html else ""


def _chip(token: str, token_id: int, look: Look | None = None) -> str:
    shown = f' data-id="{token_id}"' if look and look.has_ids else ""
    title = f"special token, id {token_id}"
    return f'<b translate="no" class="pg-token" title="{title}"{shown}>{visible(token)}</b>'


def _render_tokens(piece: Piece, tokenizer: PromptTokenizer) -> Iterator[str]:
    """Each token with its id. The text of a character whose bytes are several tokens stands with
    the last of them."""
    decoder = tokenizer.decoder()
    last = len(piece.ids) - 1
    for index, token_id in enumerate(piece.ids):
        text = decoder.step(token_id) + (decoder.flush() if index == last else "")
        html = visible(text, has_all_spaces=True)
        yield f'<span class="pg-id" data-id="{token_id}">{html}</span>'


def _healed(fitted: FittedRequest) -> str:
    healed = fitted.generation.healed
    if not healed:
        return ""
    title = "not in the prompt: the first new tokens have to spell it"
    return f'<span class="pg-healed" title="{title}">{visible(healed)}</span>'


def _notes(fitted: FittedRequest, tokenizer: PromptTokenizer, num_hidden: int) -> str:
    num_tokens = len(fitted.generation.prompt_ids)
    html = "".join(dropped_notice(dropped, num_tokens) for dropped in fitted.dropped)
    if _is_altered(fitted.encoded, tokenizer):
        text = "This model’s tokenizer alters the text: its tokens, read back, spell another one."
        html += notice("warning", text, "The ids show what the model reads.")
    if num_hidden:
        text = f"{_tokens(num_hidden)} of {num_tokens:,} are folded away here."
        html += notice("info", text, "Copy and Download have all of them.")
    if healed := fitted.generation.healed:
        html += notice("info", _healing(healed, fitted.generation.num_pinned > 0))
    return html


def _healing(healed: str, is_reply: bool) -> str:
    what = " and ".join(
        f"{number} {name}{'' if number == 1 else 's'}"
        for character, name in _WHITE_SPACE.items()
        if (number := healed.count(character))
    )
    whose = "that opens the reply" if is_reply else "at the text’s end"
    return (
        f"The white space {whose} ({what}, in the dashed box) is not in the prompt: the first new "
        "tokens are made to spell it, so that they are the ones that the model learned."
    )


def _is_altered(encoded: EncodedPrompt, tokenizer: PromptTokenizer) -> bool:
    return any(
        tokenizer.decode(piece.ids) != piece.segment.text
        for piece in encoded
        if isinstance(piece.segment, Text)
    )


def _counts(fitted: FittedRequest) -> str:
    num_tokens = len(fitted.generation.prompt_ids)
    rows = [(title, f"{number:,}") for title, number in count_parts(fitted).items()]
    rows.append(("whole prompt", f"{num_tokens:,} of {fitted.context_length:,} tokens"))
    rows.append(("new tokens, at most", f"{fitted.generation.params.max_new_tokens:,}"))
    facts = "".join(f"<div><dt>{title}</dt><dd>{number}</dd></div>" for title, number in rows)
    return f'<dl class="pg-facts pg-counts" aria-label="Tokens of each part">{facts}</dl>'


def _ends(fitted: FittedRequest, tokenizer: PromptTokenizer) -> str:
    generation = fitted.generation
    chips = [_chip(tokenizer.token_text(id_), id_) for id_ in generation.stop_token_ids]
    chips += [
        f'<code class="pg-stop-text">{visible(stop)}</code>' for stop in generation.params.stop
    ]
    return f'<p class="pg-ends">The text ends at {" ".join(chips)}</p>' if chips else ""


def _whole(fitted: FittedRequest, resident: ResidentModel) -> str:
    """All of it as JSON, in which a special token and a text that spells one are not the same."""
    segments: list[dict[str, Any]] = []
    for piece in fitted.encoded:
        segment = piece.segment
        named = (
            {"special": segment.token}
            if isinstance(segment, Special)
            else {"part": segment.part, "text": segment.text}
        )
        segments.append({**named, "ids": piece.ids})
    whole: dict[str, Any] = {"model": resident.preset.title, "segments": segments}
    if fitted.generation.healed:
        whole["spelt_by_the_first_new_tokens"] = fitted.generation.healed
    return json.dumps(whole, ensure_ascii=False)


def _tokens(number: int) -> str:
    return f"{number:,} token" if number == 1 else f"{number:,} tokens"

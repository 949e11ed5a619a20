"""Prompts as token ids, and what is left out of them to fit a window.

Knows segments and counts; knows no request, no sampling and no model.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from model.errors import CapabilityError, ContextLengthError, PromptError
from model.prompts.segments import Part, Prompt, Segment, Special, Text
from model.tokenization import PromptTokenizer, is_special

Side = Literal["start", "end"]

# Where prefix and suffix are both long: what stands before the gap tells more.
SUFFIX_SHARE = 4

# Larger ids do not fit into a tokenizer's own type.
MAX_TOKEN_ID = 2**31

# A character has at most four bytes, hence at most four tokens.
_MAX_CHAR_TOKENS = 4


@dataclass(frozen=True, slots=True)
class Dropped:
    """What was left out to fit: `num_tokens` tokens of `part`, from its "start" or "end".

    For a dialogue, `num_turns` whole turns were left out from its start.
    """

    part: Part
    side: Side
    num_tokens: int
    num_turns: int = 0


@dataclass(frozen=True, slots=True)
class Piece:
    """A segment and its token ids."""

    segment: Segment
    ids: tuple[int, ...]


EncodedPrompt = tuple[Piece, ...]


@dataclass(frozen=True, slots=True)
class Shortenable:
    """A prompt that can be built shorter, without its first units.

    Attributes:
        build: the prompt without its first n units.
        num_units: how many can be left out at most.
        units: what they are: turns of a dialogue, files of a repository, cells of a notebook.
        advice: what to do where even the shortest form does not fit.
    """

    build: Callable[[int], Prompt]
    num_units: int
    units: Literal["turns", "files", "cells"]
    advice: str


class PromptEncoder:
    """Encodes prompts, and each text only once, however many prompts hold it."""

    def __init__(self, tokenizer: PromptTokenizer) -> None:
        self._tokenizer = tokenizer
        self._ids_by_segment: dict[Segment, tuple[int, ...]] = {}

    def encode(self, prompt: Prompt) -> EncodedPrompt:
        """
        Raises:
            CapabilityError: the vocabulary lacks one of the prompt's special tokens.
        """
        return tuple(Piece(segment, self._encode(segment)) for segment in prompt)

    def _encode(self, segment: Segment) -> tuple[int, ...]:
        ids = self._ids_by_segment.get(segment)
        if ids is None:
            ids = self._encode_afresh(segment)
            self._ids_by_segment[segment] = ids
        return ids

    def _encode_afresh(self, segment: Segment) -> tuple[int, ...]:
        if isinstance(segment, Text):
            return tuple(self._tokenizer.encode_text(segment.text))
        id_ = self._tokenizer.special_id(segment.token)
        if id_ is None:
            raise CapabilityError(
                f"The model's vocabulary has no {segment.token}.",
                "Use the prompt format of its family.",
            )
        return (id_,)

    def keep(self, piece: Piece, num_tokens: int, side: Side) -> Piece:
        """At most `num_tokens` tokens of a text from its `side`, and no torn character."""
        if num_tokens >= len(piece.ids) or not isinstance(piece.segment, Text):
            return piece
        whole = piece.segment.text
        shorter = range(num_tokens, max(num_tokens - _MAX_CHAR_TOKENS, -1), -1)
        for num in shorter:
            ids, text = self._cut(piece.ids, num, side)
            if whole.endswith(text) if side == "end" else whole.startswith(text):
                return Piece(Text(text, piece.segment.part), ids)
        # A tokenizer that does not give a text back as it was.
        ids, text = self._cut(piece.ids, num_tokens, side)
        return Piece(Text(text, piece.segment.part), ids)

    def _cut(
        self, ids: tuple[int, ...], num_tokens: int, side: Side
    ) -> tuple[tuple[int, ...], str]:
        kept = ids[len(ids) - num_tokens :] if side == "end" else ids[:num_tokens]
        return kept, self._tokenizer.decode(kept)


def read_ids(ids: Sequence[int], tokenizer: PromptTokenizer) -> EncodedPrompt:
    """`ids` as the prompt that they make: each special token apart, and the texts between them.

    Raises:
        PromptError: the vocabulary lacks one of them.
    """
    for id_ in frozenset(ids):
        if not 0 <= id_ < MAX_TOKEN_ID or not tokenizer.token_text(id_):
            raise PromptError(
                f"The model's vocabulary lacks the token {id_}.",
                "Encode texts with this model's own tokenizer.",
            )
    pieces: list[Piece] = []
    run: list[int] = []

    def end_run() -> None:
        if run:
            pieces.append(Piece(Text(tokenizer.decode(run), "prompt"), tuple(run)))
            run.clear()

    for id_ in ids:
        if is_special(id_, tokenizer):
            end_run()
            pieces.append(Piece(Special(tokenizer.token_text(id_)), (id_,)))
        else:
            run.append(id_)
    end_run()
    return tuple(pieces)


def count_tokens(encoded: EncodedPrompt) -> int:
    return sum(len(piece.ids) for piece in encoded)


def trim(
    prompt: Shortenable, encoder: PromptEncoder, *, target: int, limit: int
) -> tuple[EncodedPrompt, tuple[Dropped, ...]]:
    """The prompt, short enough, and what that left out.

    Whole units go first, oldest first; then texts are cut where they are farthest from what the
    model writes: a prompt, a prefix and a last cell at their start, a suffix at its end. The rest
    stays: the system prompt, the last message, the markup.

    Args:
        target: the tokens to come down to.
        limit: the most tokens that are accepted where `target` cannot be reached.

    Raises:
        ContextLengthError: the shortest form is over `limit` still.
    """
    full = encoder.encode(prompt.build(0))

    def is_short_enough(num_left_out: int) -> bool:
        return count_tokens(encoder.encode(prompt.build(num_left_out))) <= target

    num_left_out = bisect_left(range(prompt.num_units), True, key=is_short_enough)
    encoded = encoder.encode(prompt.build(num_left_out))
    dropped: tuple[Dropped, ...] = ()
    if num_left_out:
        num_tokens = count_tokens(full) - count_tokens(encoded)
        if prompt.units == "turns":
            dropped = (Dropped("user", "start", num_tokens, num_left_out),)
        else:
            part: Part = "cells" if prompt.units == "cells" else "context"
            dropped = (Dropped(part, "start", num_tokens),)
    encoded, cut = _cut_texts(encoded, encoder, target)
    if count_tokens(encoded) > limit:
        raise ContextLengthError(count_tokens(encoded), limit, prompt.advice)
    return encoded, dropped + cut


def _cut_texts(
    encoded: EncodedPrompt, encoder: PromptEncoder, target: int
) -> tuple[EncodedPrompt, tuple[Dropped, ...]]:
    head = sum(len(piece.ids) for piece in encoded if _kept_side(piece) == "end")
    tail = sum(len(piece.ids) for piece in encoded if _kept_side(piece) == "start")
    available = target - (count_tokens(encoded) - head - tail)
    if available < 1:
        return encoded, ()
    tail_room = min(tail, max(available // SUFFIX_SHARE, available - head))
    rooms: dict[Side, int] = {"end": available - tail_room, "start": tail_room}
    pieces: list[Piece] = []
    dropped: list[Dropped] = []
    for piece in encoded:
        side = _kept_side(piece)
        kept = piece if side is None else encoder.keep(piece, rooms[side], side)
        pieces.append(kept)
        num_tokens = len(piece.ids) - len(kept.ids)
        if num_tokens and side is not None and isinstance(piece.segment, Text):
            dropped_side: Side = "start" if side == "end" else "end"
            dropped.append(Dropped(piece.segment.part, dropped_side, num_tokens))
    return tuple(pieces), tuple(dropped)


def _kept_side(piece: Piece) -> Side | None:
    """Which end of a text lies next to what the model writes; None for what is never cut."""
    match piece.segment:
        case Text(part="prompt" | "prefix" | "cell"):
            return "end"
        case Text(part="suffix"):
            return "start"
        case _:
            return None

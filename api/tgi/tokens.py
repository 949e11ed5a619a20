"""Tokens as TGI tells them: those of an answer, and those of a text with their places in it.

Sources: text-generation-inference, router/src/lib.rs (`Token`, `SimpleToken`) and
router/src/server.rs (`encoding_to_tokens`).
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from model.engine.events import Alternative, Finished, Token
from model.prompts.segments import Prompt, Special
from model.tokenization import PromptTokenizer, is_special
from model.trimming import PromptEncoder

# JSON has no infinity, and clients insist on a number.
MIN_LOGPROB = -9999.0


@dataclass(frozen=True, slots=True)
class TokenStep:
    """One token of an answer, with the text that it is told with.

    The texts of those that are not special, put together, are the answer's text.
    """

    id: int
    text: str
    logprob: float | None
    is_special: bool
    alternatives: tuple[Alternative, ...] = ()

    @property
    def body(self) -> dict[str, Any]:
        return _token_body(self.id, self.text, self.logprob, self.is_special)

    def alternative_bodies(self, tokenizer: PromptTokenizer) -> list[dict[str, Any]]:
        """`top_tokens` of this place, the likeliest first."""
        return [
            _token_body(each.id, each.text, each.logprob, is_special(each.id, tokenizer))
            for each in self.alternatives
        ]


@dataclass(frozen=True, slots=True)
class LastSteps:
    """The tokens that were held back, the last one among them, and how the answer ended."""

    steps: tuple[TokenStep, ...]
    finished: Finished


async def token_steps(
    events: AsyncIterable[Token | Finished], tokenizer: PromptTokenizer
) -> AsyncGenerator[TokenStep | LastSteps, None]:
    """An answer's tokens, and at last its end.

    TGI tells the end with the last token, and each text with its token; ours may set text free
    after its token (half a stop string that became none). So a token is held back until the next
    one with a text is there.

    Raises:
        PlaygroundError: the generation failed.
    """
    held: list[TokenStep] = []  # one with a text, then special ones
    async for event in events:
        if isinstance(event, Finished):
            yield LastSteps(tuple(held), event)
            return
        if event.id is None or is_special(event.id, tokenizer):
            _add_text(held, event.text)
        if event.id is None:
            continue
        step = _step(event.id, event, tokenizer)
        if not step.is_special:
            for earlier in held:
                yield earlier
            held.clear()
        held.append(step)


def text_of(steps: list[TokenStep]) -> str:
    return "".join(step.text for step in steps if not step.is_special)


def _step(token_id: int, token: Token, tokenizer: PromptTokenizer) -> TokenStep:
    is_silent = is_special(token_id, tokenizer)
    text = tokenizer.token_text(token_id) if is_silent else token.text
    return TokenStep(token_id, text, token.logprob, is_silent, token.alternatives)


def _add_text(held: list[TokenStep], text: str) -> None:
    """Give `text` to the token that is held back and has a text of its own."""
    if held and not held[0].is_special:
        held[0] = replace(held[0], text=held[0].text + text)


def _token_body(id_: int, text: str, logprob: float | None, is_special: bool) -> dict[str, Any]:
    told = None if logprob is None else max(logprob, MIN_LOGPROB)
    return {"id": id_, "text": text, "logprob": told, "special": is_special}


@dataclass(frozen=True, slots=True)
class _Place:
    """A token's text and the bytes that it takes, from where its segment begins."""

    text: str
    start: int
    stop: int


def place_tokens(prompt: Prompt, tokenizer: PromptTokenizer) -> list[dict[str, Any]]:
    """The tokens of `prompt`, each with its text and where that lies in the rendered prompt.

    `start` and `stop` count bytes of UTF-8, as TGI does; a token that is a part of a character
    has the whole character's place and text. Where a tokenizer does not give a text back as it
    was, its tokens have no place: 0 and 0. Costs a decoder's step per token, so call it on a
    thread.

    Raises:
        CapabilityError: the vocabulary lacks one of the prompt's special tokens.
    """
    placed: list[dict[str, Any]] = []
    origin = 0
    for piece in PromptEncoder(tokenizer).encode(prompt):
        if isinstance(piece.segment, Special):
            text = piece.segment.token
            places = [_Place(text, 0, _size(text))]
        else:
            text = piece.segment.text
            places = _places(piece.ids, text, tokenizer)
        for id_, place in zip(piece.ids, places, strict=True):
            shift = origin if place.stop else 0
            start, stop = place.start + shift, place.stop + shift
            placed.append({"id": id_, "text": place.text, "start": start, "stop": stop})
        origin += _size(text)
    return placed


def _places(ids: Sequence[int], text: str, tokenizer: PromptTokenizer) -> list[_Place]:
    decoder = tokenizer.decoder()
    places: list[_Place] = []
    done: list[str] = []
    start = num_pending = 0
    for id_ in ids:
        shown = decoder.step(id_)
        if not shown:
            num_pending += 1  # a character whose last byte is still to come
            continue
        begun = _Place(shown[0], start, start + _size(shown[0]))
        stop = start + _size(shown)
        places += [*[begun] * num_pending, _Place(shown, start, stop)]
        done.append(shown)
        start, num_pending = stop, 0
    if num_pending or "".join(done) != text:
        return [_Place(tokenizer.token_text(id_), 0, 0) for id_ in ids]
    return places


def _size(text: str) -> int:
    return len(text.encode())

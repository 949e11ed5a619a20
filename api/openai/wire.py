"""Answers in OpenAI's form: whole objects and the chunks of a stream.

Source: OpenAI's API reference, "The completion object", "The chat completion object" and "The chat
completion chunk object". A completion's chunks have the form of the whole object.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from api.errors import OPENAI, Problem
from api.live import sse
from api.openai.choices import REPLACEMENT, Ending, Piece, ScoredToken, Spent
from model.engine.events import Alternative

# What OpenAI writes for tokens that cannot come.
MIN_LOGPROB = -9999.0


def usage_of(spent: Spent) -> dict[str, Any]:
    return {
        "prompt_tokens": spent.prompt_tokens,
        "completion_tokens": spent.completion_tokens,
        "total_tokens": spent.prompt_tokens + spent.completion_tokens,
        "prompt_tokens_details": {"cached_tokens": spent.cached_tokens},
    }


def error_frame(problem: Problem) -> bytes:
    """OpenAI's SDKs raise an `APIError` for an event with an `error` in it."""
    return sse(OPENAI.body(problem, OPENAI.status(problem.kind)))


@dataclass(frozen=True, slots=True)
class Envelope:
    """What every object of one answer has in common.

    Attributes:
        kind: "cmpl" or "chatcmpl", with which ids begin.
        model: the one that writes.
    """

    kind: str
    model: str
    id: str = field(default="", init=False)
    created: int = field(default_factory=lambda: int(time.time()), init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "id", f"{self.kind}-{uuid.uuid4().hex}")

    def wrap(self, object_type: str, choices: list[dict[str, Any]], **more: Any) -> dict[str, Any]:
        return {
            "id": self.id,
            "object": object_type,
            "created": self.created,
            "model": self.model,
            "choices": choices,
            **more,
        }


@dataclass(frozen=True, slots=True)
class CompletionForm:
    """`/v1/completions`.

    Attributes:
        num_logprobs: of alternatives that each token is told with; None tells no scores.
        starts: characters of the prompt that stand before each choice: offsets count from there.
        echoes: the text that each choice begins with.
        names_ids: tokens are told as vLLM's "token_id:42".
    """

    num_logprobs: int | None
    starts: dict[int, int] = field(default_factory=dict)
    echoes: dict[int, str] = field(default_factory=dict)
    names_ids: bool = False

    whole_type = chunk_type = "text_completion"

    def opening(self, index: int) -> dict[str, Any] | None:
        echo = self.echoes.get(index)
        return self._choice(index, echo, (), None) if echo else None

    def chunk(self, piece: Piece) -> dict[str, Any]:
        choice = self._choice(piece.index, piece.text, piece.scored, piece.ending)
        return choice if piece.token_ids is None else choice | {"token_ids": [*piece.token_ids]}

    def whole(self, index: int, pieces: Sequence[Piece]) -> dict[str, Any]:
        text, scored, ending = _together(pieces)
        choice = self._choice(index, self.echoes.get(index, "") + text, scored, ending)
        told = [piece.token_ids for piece in pieces if piece.token_ids is not None]
        return choice | {"token_ids": [id_ for ids in told for id_ in ids]} if told else choice

    def _choice(
        self, index: int, text: str, scored: Sequence[ScoredToken], ending: Ending | None
    ) -> dict[str, Any]:
        logprobs = self._logprobs(index, scored) if scored else None
        return {"index": index, "text": text, "logprobs": logprobs, "finish_reason": ending}

    def _logprobs(self, index: int, scored: Sequence[ScoredToken]) -> dict[str, Any]:
        start = self.starts.get(index, 0)
        return {
            "tokens": [self._name(token) for token in scored],
            "token_logprobs": [_floored(token.logprob) for token in scored],
            "top_logprobs": [self._best(token) for token in scored] if self.num_logprobs else None,
            "text_offset": [start + token.offset for token in scored],
        }

    def _name(self, token: ScoredToken | Alternative) -> str:
        return f"token_id:{token.id}" if self.names_ids else token.text

    def _best(self, token: ScoredToken) -> dict[str, float]:
        """The likeliest tokens, and the one that was taken. Of several with one text the
        likeliest."""
        names: dict[str, float] = {}
        for alternative in token.alternatives:
            names.setdefault(self._name(alternative), _floored(alternative.logprob))
        names.setdefault(self._name(token), _floored(token.logprob))
        return names


@dataclass(frozen=True, slots=True)
class ChatForm:
    """`/v1/chat/completions`."""

    whole_type = "chat.completion"
    chunk_type = "chat.completion.chunk"

    def opening(self, index: int) -> dict[str, Any] | None:
        return self._delta(index, {"role": "assistant", "content": ""})

    def chunk(self, piece: Piece) -> dict[str, Any] | None:
        if piece.ending is not None:
            return self._delta(piece.index, {}, (), piece.ending)
        scored = _of_the_text(piece.scored)
        if not (piece.text or scored):
            return None
        return self._delta(piece.index, {"content": piece.text}, scored)

    def whole(self, index: int, pieces: Sequence[Piece]) -> dict[str, Any]:
        text, scored, ending = _together(pieces)
        return {
            "index": index,
            "message": {"role": "assistant", "content": text, "refusal": None},
            "logprobs": _chat_logprobs(_of_the_text(scored)),
            "finish_reason": ending,
        }

    def _delta(
        self,
        index: int,
        delta: dict[str, str],
        scored: Sequence[ScoredToken] = (),
        ending: Ending | None = None,
    ) -> dict[str, Any]:
        return {
            "index": index,
            "delta": delta,
            "logprobs": _chat_logprobs(scored),
            "finish_reason": ending,
        }


Form = CompletionForm | ChatForm


def _together(
    pieces: Sequence[Piece],
) -> tuple[str, tuple[ScoredToken, ...], Ending | None]:
    text = "".join(piece.text for piece in pieces)
    scored = tuple(token for piece in pieces for token in piece.scored)
    return text, scored, pieces[-1].ending if pieces else None


def _of_the_text(scored: Sequence[ScoredToken]) -> tuple[ScoredToken, ...]:
    """A chat's message has no token for its end."""
    return tuple(token for token in scored if not token.is_end)


def _chat_logprobs(scored: Sequence[ScoredToken]) -> dict[str, Any] | None:
    if not scored:
        return None
    content = [
        _chat_token(token.text, token.logprob)
        | {"top_logprobs": [_chat_token(each.text, each.logprob) for each in token.alternatives]}
        for token in scored
    ]
    return {"content": content, "refusal": None}


def _chat_token(text: str, logprob: float) -> dict[str, Any]:
    # A token that is part of a character has bytes that nobody can tell from its text.
    is_whole = REPLACEMENT not in text
    return {
        "token": text,
        "logprob": _floored(logprob),
        "bytes": list(text.encode()) if is_whole else None,
    }


def _floored(logprob: float) -> float:
    return max(logprob, MIN_LOGPROB)

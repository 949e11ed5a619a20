"""Token ids and log-probabilities in a chunk, as the servers that tell them do.

vLLM and this app: `logprobs: {tokens: ["token_id:42"], token_logprobs, top_logprobs: [{…}]}` with
`return_tokens_as_token_ids`, and `token_ids` with `return_token_ids`. llama.cpp: `logprobs:
{content: [{id, logprob, top_logprobs: [{id, logprob}]}]}`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from model.engine.events import Alternative
from model.tokenization import PromptTokenizer

_NAME = "token_id:"


@dataclass(frozen=True, slots=True)
class Score:
    """A token and its log-probability in nats; None where it was not asked for."""

    id: int
    logprob: float | None = None
    alternatives: tuple[Alternative, ...] = ()


def read_scores(
    choice: Mapping[str, Any], tokenizer: PromptTokenizer, num_alternatives: int
) -> list[Score]:
    """The chunk's tokens; none where the server tells no ids, or not in a form that is known."""
    try:
        told = choice.get("logprobs")
        if not told:
            return [Score(int(id_)) for id_ in choice.get("token_ids") or ()]
        if "content" in told:
            return [_read_llamacpp(each, tokenizer, num_alternatives) for each in told["content"]]
        tops = told.get("top_logprobs") or [{}] * len(told["tokens"])
        rows = zip(told["tokens"], told["token_logprobs"], tops, strict=True)
        return [
            Score(_id_of(name), float(own), _ranked(top or {}, tokenizer, num_alternatives))
            for name, own, top in rows
        ]
    except (ValueError, TypeError, KeyError, AttributeError):
        return []


def _read_llamacpp(each: Mapping[str, Any], tokenizer: PromptTokenizer, num: int) -> Score:
    tops = {f"{_NAME}{top['id']}": top["logprob"] for top in each.get("top_logprobs") or ()}
    return Score(int(each["id"]), float(each["logprob"]), _ranked(tops, tokenizer, num))


def _ranked(
    tops: Mapping[str, float], tokenizer: PromptTokenizer, num: int
) -> tuple[Alternative, ...]:
    # Servers tell the token that was taken beside the likeliest.
    best = sorted(tops.items(), key=lambda top: -top[1])[:num]
    return tuple(
        Alternative(id_, tokenizer.token_text(id_), float(logprob))
        for id_, logprob in ((_id_of(name), logprob) for name, logprob in best)
    )


def _id_of(name: str) -> int:
    if not name.startswith(_NAME):
        raise ValueError(name)
    return int(name.removeprefix(_NAME))

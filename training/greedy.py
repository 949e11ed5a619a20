"""Greedy continuations of many prompts at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from transformers import LogitsProcessor, LogitsProcessorList

from model.healing import HealingProcessor


@dataclass(frozen=True, slots=True)
class Continuation:
    """The new tokens without the one that ended them; `ended` where one did."""

    ids: list[int]
    ended: bool


class RowHealing(LogitsProcessor):  # type: ignore[misc]
    """A healing processor for each row of a batch."""

    def __init__(self, processors: Sequence[HealingProcessor]) -> None:
        self._processors = processors

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        rows = [
            processor(input_ids[row : row + 1], scores[row : row + 1])
            for row, processor in enumerate(self._processors)
        ]
        return torch.cat(rows)


def continue_greedily(
    model: Any,
    prompts: Sequence[list[int]],
    ends: Sequence[int],
    max_new_tokens: int,
    healing: RowHealing | None = None,
) -> list[Continuation]:
    """Each prompt's continuation up to one of the tokens `ends`.

    Prompts are filled up on the left to one length and the filling is masked, so that a row's
    result is its own.
    """
    longest = max(map(len, prompts))
    ids = torch.tensor([[0] * (longest - len(prompt)) + prompt for prompt in prompts])
    mask = torch.tensor([[0] * (longest - len(p)) + [1] * len(p) for p in prompts])
    with torch.inference_mode():
        output = model.generate(
            input_ids=ids,
            attention_mask=mask,
            do_sample=False,
            max_new_tokens=max_new_tokens,
            eos_token_id=list(ends),
            pad_token_id=ends[0],
            logits_processor=LogitsProcessorList([healing] if healing else []),
        )
    return [_cut(row, ends) for row in output[:, longest:].tolist()]


def _cut(ids: list[int], ends: Sequence[int]) -> Continuation:
    for place, token_id in enumerate(ids):
        if token_id in ends:
            return Continuation(ids[:place], True)
    return Continuation(ids, False)

"""Loss of batches, computed only where something is learned."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch.nn import functional

from training.fim import IGNORED, Example

END = "end"


@dataclass(frozen=True, slots=True)
class ExampleLoss:
    """The sum of one example's losses, in nats, over how many tokens."""

    kind: str
    total: torch.Tensor
    num_tokens: int


def split_batch(examples: Sequence[Example], max_tokens: int) -> Iterator[list[Example]]:
    """Parts of a batch, each of at most `max_tokens` with padding, or of one example."""
    part: list[Example] = []
    for example in sorted(examples, key=lambda example: len(example.ids)):
        if part and (len(part) + 1) * len(example.ids) > max_tokens:
            yield part
            part = []
        part.append(example)
    yield part


def example_losses(
    model: Any, examples: Sequence[Example], *, in_parts: bool = False
) -> list[ExampleLoss]:
    """The loss of each example. `model` is a causal language model, perhaps with an adapter.

    With `in_parts` a gap's end token is apart from its middle, as a loss of the kind `END`.

    The output matrix, a fifth of the work, is applied only to positions whose next token is asked
    for.
    """
    causal = model.get_base_model() if hasattr(model, "get_base_model") else model
    longest = max(len(example.ids) for example in examples)
    ids = torch.zeros(len(examples), longest, dtype=torch.long)
    mask = torch.zeros_like(ids)
    labels = torch.full_like(ids, IGNORED)
    for row, example in enumerate(examples):
        ids[row, : len(example.ids)] = torch.tensor(example.ids)
        mask[row, : len(example.ids)] = 1
        labels[row, : len(example.ids)] = torch.tensor(example.labels)
    hidden = causal.model(input_ids=ids, attention_mask=mask, use_cache=False).last_hidden_state
    asked = labels[:, 1:] != IGNORED
    logits = causal.lm_head(hidden[:, :-1][asked]).float()
    losses = functional.cross_entropy(logits, ids[:, 1:][asked], reduction="none")
    parts: list[ExampleLoss] = []
    for example, part in zip(examples, torch.split(losses, asked.sum(1).tolist()), strict=True):
        if in_parts and example.kind != "plain":
            parts.append(ExampleLoss(END, part[-1], 1))
            part = part[:-1]
        parts.append(ExampleLoss(example.kind, part.sum(), len(part)))
    return parts


def mean_losses(model: Any, examples: Sequence[Example], max_tokens: int) -> dict[str, float]:
    """Nats per token by kind, the ends apart, without gradients."""
    totals: dict[str, list[float]] = {}
    with torch.no_grad():
        for part in split_batch(examples, max_tokens):
            for loss in example_losses(model, part, in_parts=True):
                total = totals.setdefault(loss.kind, [0.0, 0.0])
                total[0] += loss.total.item()
                total[1] += loss.num_tokens
    return {kind: total / count for kind, (total, count) in sorted(totals.items())}

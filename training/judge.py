"""One model's answers to the judge's gaps, and its losses, one row for each gap."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch

from model.healing import WhitespaceHealer
from model.prompts.infill import InfillOrder
from model.tokenization import ModelTokenizer
from training.fim import (
    IGNORED,
    Example,
    InfillIds,
    encode_middle,
    infill_prompt,
    split_prefix,
)
from training.gaps import HeldOutGap
from training.greedy import RowHealing, continue_greedily
from training.losses import example_losses
from training.scoring import edit_similarity

MAX_PREFIX_TOKENS = 200
MAX_SUFFIX_TOKENS = 120
MAX_NEW_TOKENS = 96
WHITESPACE = " \t\r\n"


@dataclass(frozen=True, slots=True)
class Answer:
    """What a model made of a gap.

    Attributes:
        name, shape, is_cursor: of the gap.
        middle: its text.
        ended: it ended by itself within `MAX_NEW_TOKENS`.
        parses: the file with the middle in the gap is Python.
        exact: it is the true middle, white space at both ends apart.
        similarity: edit similarity to the true middle.
        loss: nats per token of the true middle; None for a model that cannot fill in.
        loss_without_suffix: the same, the suffix left empty.
    """

    name: str
    shape: str
    is_cursor: bool
    middle: str
    ended: bool
    parses: bool
    exact: bool
    similarity: float
    loss: float | None = None
    loss_without_suffix: float | None = None


@dataclass(frozen=True, slots=True)
class Middle:
    """What a model wrote into a gap, and whether it ended by itself."""

    text: str
    ended: bool


class InfillJudge:
    """Asks a model that can fill in, in the order that it is asked in by the app."""

    def __init__(self, model: Any, tokenizer: ModelTokenizer, order: InfillOrder) -> None:
        self._model = model
        self._tokenizer = tokenizer
        self._order = order
        self._healer = WhitespaceHealer(tokenizer, tokenizer.vocab_size)
        self._ids = InfillIds.of(tokenizer)

    def answer(self, gaps: Sequence[HeldOutGap]) -> list[Answer]:
        made = self.fill([(gap.prefix, gap.suffix) for gap in gaps])
        with_suffix = self._losses(gaps, [gap.suffix for gap in gaps])
        without = self._losses(gaps, [""] * len(gaps))
        return [
            score(gap, middle.text, middle.ended, one, other)
            for gap, middle, one, other in zip(gaps, made, with_suffix, without, strict=True)
        ]

    def fill(self, gaps: Sequence[tuple[str, str]]) -> list[Middle]:
        """The middle of each prefix and suffix, as the app asks for it."""
        splits = [split_prefix(prefix, self._order) for prefix, _ in gaps]
        prompts = [
            self._prompt(kept, suffix) for (kept, _), (_, suffix) in zip(splits, gaps, strict=True)
        ]
        healed = [text for _, text in splits]
        longest = max(map(len, prompts))
        healing = RowHealing([self._healer.processor(text, longest) for text in healed])
        ids = self._ids
        stops = [ids.end, ids.prefix, ids.suffix, ids.middle]
        made = continue_greedily(self._model, prompts, stops, MAX_NEW_TOKENS, healing)
        return [
            Middle(self._tokenizer.decode(row.ids).removeprefix(space), row.ended)
            for space, row in zip(healed, made, strict=True)
        ]

    def _prompt(self, prefix: str, suffix: str) -> list[int]:
        before = self._tokenizer.encode_text(prefix)[-MAX_PREFIX_TOKENS:]
        after = self._tokenizer.encode_text(suffix)[:MAX_SUFFIX_TOKENS]
        return infill_prompt(before, after, self._ids, self._order)

    def _losses(self, gaps: Sequence[HeldOutGap], suffixes: Sequence[str]) -> list[float]:
        """Of the true middle's tokens, those apart that only spell what the prefix ends in."""
        examples = []
        for gap, suffix in zip(gaps, suffixes, strict=True):
            kept, healed = split_prefix(gap.prefix, self._order)
            middle, num_healed = encode_middle(gap.middle, healed, self._tokenizer)
            prompt = [*self._prompt(kept, suffix), *middle[:num_healed]]
            target = middle[num_healed:]
            labels = [IGNORED] * len(prompt) + target
            examples.append(Example([*prompt, *target], labels, gap.shape))
        with torch.inference_mode():
            losses = example_losses(self._model, examples)
        return [loss.total.item() / loss.num_tokens for loss in losses]


class BaselineJudge:
    """Asks the untouched model to continue the prefix, cut to the true middle's lines.

    White space at the prefix's end is healed as in the Continue tab, or the model, which never
    saw a text end so, would be at a disadvantage that is none of its own.
    """

    def __init__(self, model: Any, tokenizer: ModelTokenizer) -> None:
        self._model = model
        self._tokenizer = tokenizer
        self._healer = WhitespaceHealer(tokenizer, tokenizer.vocab_size)
        ends = [tokenizer.special_id(name) for name in ("<|endoftext|>", "<|im_end|>")]
        self._ends = [id_ for id_ in ends if id_ is not None]

    def answer(self, gaps: Sequence[HeldOutGap]) -> list[Answer]:
        stripped = [gap.prefix.rstrip(WHITESPACE) for gap in gaps]
        healed = [gap.prefix[len(text) :] for gap, text in zip(gaps, stripped, strict=True)]
        prompts = [self._tokenizer.encode_text(text)[-MAX_PREFIX_TOKENS:] for text in stripped]
        longest = max(map(len, prompts))
        healing = RowHealing([self._healer.processor(text, longest) for text in healed])
        made = continue_greedily(self._model, prompts, self._ends, MAX_NEW_TOKENS, healing)
        answers = []
        for gap, space, row in zip(gaps, healed, made, strict=True):
            text = self._tokenizer.decode(row.ids).removeprefix(space)
            answers.append(score(gap, cut_to_lines(text, gap.middle), row.ended))
        return answers


def cut_to_lines(text: str, middle: str) -> str:
    """The first lines of `text`, as many as `middle` has, ended as it is ended."""
    lines = text.splitlines()[: len(middle.splitlines())]
    return "\n".join(lines) + ("\n" if middle.endswith("\n") else "")


def score(
    gap: HeldOutGap,
    middle: str,
    ended: bool,
    loss: float | None = None,
    loss_without_suffix: float | None = None,
) -> Answer:
    return Answer(
        gap.name,
        gap.shape,
        gap.is_cursor,
        middle,
        ended,
        gap.parses(middle),
        middle.strip() == gap.middle.strip(),
        edit_similarity(middle.strip(), gap.middle.strip()),
        loss,
        loss_without_suffix,
    )

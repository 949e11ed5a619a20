"""Gaps and their form in tokens, in both orders that StarCoder was trained on.

PSM is `<fim_prefix>` prefix `<fim_suffix>` suffix `<fim_middle>` middle `<|endoftext|>`. SPM is
variant 2 of Bavarian et al. (2022, section 3), as Megatron-LM's `permute` writes it:
`<fim_prefix>` `<fim_suffix>` suffix `<fim_middle>` prefix middle `<|endoftext|>`. A text is cut
between characters and its parts are tokenised apart; special tokens are put in by id.
"""

from __future__ import annotations

import random
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from model.prompts.continuation import split_trailing_space
from model.prompts.infill import InfillOrder

Shape = Literal["characters", "lines", "end"]

SHAPES: tuple[Shape, ...] = ("characters", "lines", "end")

IGNORED = -100  # the label that torch's cross-entropy leaves out
MAX_SPAN_CHARS = 160
MAX_GAP_LINES = 6
NAME = re.compile(r"[A-Za-z_]\w+")


class TextEncoder(Protocol):
    """What is needed of a tokenizer; `model.tokenization.ModelTokenizer` is one."""

    def encode_text(self, text: str) -> list[int]: ...

    def decode(self, ids: Sequence[int]) -> str: ...

    def special_id(self, token: str) -> int | None: ...


@dataclass(frozen=True, slots=True)
class Gap:
    """A text cut in three; put together they are the text."""

    prefix: str
    middle: str
    suffix: str

    @property
    def text(self) -> str:
        return self.prefix + self.middle + self.suffix

    @property
    def names_of_suffix(self) -> set[str]:
        """Names of the middle that the suffix tells and the prefix does not."""
        prefix, middle, suffix = (
            set(NAME.findall(text)) for text in (self.prefix, self.middle, self.suffix)
        )
        return (middle & suffix) - prefix


@dataclass(frozen=True, slots=True)
class InfillIds:
    """The special tokens' ids."""

    prefix: int
    suffix: int
    middle: int
    end: int

    @classmethod
    def of(cls, tokenizer: TextEncoder) -> InfillIds:
        """
        Raises:
            ValueError: the vocabulary lacks one of them.
        """
        names = ("<fim_prefix>", "<fim_suffix>", "<fim_middle>", "<|endoftext|>")
        ids = [tokenizer.special_id(name) for name in names]
        found = [id_ for id_ in ids if id_ is not None]
        if len(found) != len(names):
            raise ValueError(f"the tokenizer lacks one of {', '.join(names)}")
        return cls(*found)


@dataclass(frozen=True, slots=True)
class Example:
    """Token ids, and which of them are asked for.

    Attributes:
        ids: the whole sequence.
        labels: the same, with `IGNORED` where nothing is asked for.
        kind: "psm", "spm" or "plain".
    """

    ids: list[int]
    labels: list[int]
    kind: str


@dataclass(frozen=True, slots=True)
class Limits:
    """The most tokens of each part; what is nearest to the gap is kept."""

    prefix: int = 200
    suffix: int = 120
    middle: int = 96


def infill_prompt(
    prefix: list[int], suffix: list[int], ids: InfillIds, order: InfillOrder = "psm"
) -> list[int]:
    """What a model is given; the middle is its continuation."""
    if order == "psm":
        return [ids.prefix, *prefix, ids.suffix, *suffix, ids.middle]
    return [ids.prefix, ids.suffix, *suffix, ids.middle, *prefix]


def split_prefix(prefix: str, order: InfillOrder) -> tuple[str, str]:
    """The prefix as it stands in the prompt, and the white space that the middle spells again.

    Where the prefix comes last the middle goes on from it like any text, and an indentation that
    is cut off from the word after it is spelt in tokens that no text has there: see
    `model.healing`, which the app uses in this order.
    """
    if order == "psm":
        return prefix, ""
    kept, healed = split_trailing_space(prefix)
    return (kept, healed) if kept else (prefix, "")


def encode_middle(middle: str, healed: str, tokenizer: TextEncoder) -> tuple[list[int], int]:
    """The ids of `healed` and `middle`, and how many of them are `healed`'s alone."""
    ids = tokenizer.encode_text(healed + middle)
    num_healed = 0
    while num_healed < len(ids) and len(tokenizer.decode(ids[: num_healed + 1])) <= len(healed):
        num_healed += 1
    return ids, num_healed


def infill_example(
    gap: Gap, tokenizer: TextEncoder, order: InfillOrder, limits: Limits | None = None
) -> Example | None:
    """`gap` in tokens, learned from the middle's first to the end token.

    None where the middle is longer than it may be: cut short, it would teach to end anywhere.
    """
    limits = limits or Limits()
    kept, healed = split_prefix(gap.prefix, order)
    middle, num_healed = encode_middle(gap.middle, healed, tokenizer)
    if len(middle) > limits.middle:
        return None
    ids = InfillIds.of(tokenizer)
    prefix = tokenizer.encode_text(kept)[-limits.prefix :]
    suffix = tokenizer.encode_text(gap.suffix)[: limits.suffix]
    prompt = [*infill_prompt(prefix, suffix, ids, order), *middle[:num_healed]]
    target = [*middle[num_healed:], ids.end]
    return Example([*prompt, *target], [IGNORED] * len(prompt) + target, order)


def cut_gap(code: str, shape: Shape, rng: random.Random) -> Gap:
    """A gap of that shape somewhere in `code`, which has at least two lines."""
    if shape == "characters":
        return _cut_characters(code, rng)
    lines = code.splitlines(keepends=True)
    if shape == "end":
        start = rng.randrange(max(1, len(lines) - MAX_GAP_LINES), len(lines))
        return _cut_lines(lines, start, len(lines), rng)
    num_lines = min(1 + int(rng.expovariate(0.8)), MAX_GAP_LINES, len(lines) - 1)
    start = rng.randrange(1, len(lines) - num_lines + 1)
    return _cut_lines(lines, start, start + num_lines, rng)


def _cut_characters(code: str, rng: random.Random) -> Gap:
    length = min(round(MAX_SPAN_CHARS ** rng.uniform(0.2, 1)), len(code) - 1)
    start = rng.randrange(len(code) - length)
    return Gap(code[:start], code[start : start + length], code[start + length :])


def _cut_lines(lines: list[str], start: int, stop: int, rng: random.Random) -> Gap:
    """Whole lines, cut as a cursor stands: after the indentation or before it; the last line
    break left in the suffix or taken with the middle."""
    prefix, middle, suffix = (
        "".join(part) for part in (lines[:start], lines[start:stop], lines[stop:])
    )
    is_after_indentation = rng.random() < 0.55
    keeps_line_break = rng.random() < (0.9 if is_after_indentation else 0.25)
    if is_after_indentation:
        indentation = middle[: len(middle) - len(middle.lstrip(" \t"))]
        prefix, middle = prefix + indentation, middle[len(indentation) :]
    if keeps_line_break and middle.endswith("\n"):
        middle, suffix = middle[:-1], "\n" + suffix
    return Gap(prefix, middle, suffix)

"""Which examples come when: a function of the seed and the place alone, so that training can stop
and go on anywhere without keeping more than a number."""

from __future__ import annotations

import random
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass, field

from model.prompts.infill import InfillOrder
from training.fim import Example, Gap, Limits, Shape, TextEncoder, cut_gap, infill_example
from training.pieces import Piece

NEEDY_CHOICE = 4  # cuts of a function to choose from


@dataclass(frozen=True, slots=True)
class Mix:
    """What the examples are made of, as shares.

    Attributes:
        infill: examples with a gap; the others are plain code (StarCoder: 0.5).
        spm: of the gaps, those in the order suffix, prefix, middle.
        shapes: of gaps: spans of characters, whole lines, ends of functions.
        needy: of gaps of whole lines, those chosen for the names that only the suffix tells.
        short: of the gaps, those with little around them: more gaps in the same time.
        alone: functions without their surroundings, moved to the margin.
        chunks: of the plain examples, those that are pieces of files.
        plain_tokens: the longest plain example.
    """

    infill: float = 0.8
    spm: float = 0.85
    shapes: tuple[tuple[Shape, float], ...] = (("characters", 0.1), ("lines", 0.75), ("end", 0.15))
    needy: float = 0.5
    short: float = 0.65
    alone: float = 0.35
    chunks: float = 0.35
    plain_tokens: int = 300
    limits: Limits = field(default_factory=Limits)
    short_limits: Limits = field(default_factory=lambda: Limits(80, 48, 64))


class BatchMaker:
    """Makes the examples at any place.

    Args:
        pieces: functions and chunks; at least one of each.
        tokenizer: encodes text without seeing special tokens in it.
        seed: another seed gives another order and other gaps.
    """

    def __init__(
        self,
        pieces: Sequence[Piece],
        tokenizer: TextEncoder,
        seed: int,
        mix: Mix | None = None,
    ) -> None:
        self._functions = [piece for piece in pieces if piece.kind == "function"]
        self._chunks = [piece for piece in pieces if piece.kind == "chunk"]
        self._tokenizer = tokenizer
        self._seed = seed
        self._mix = mix or Mix()
        self._orders: dict[str, tuple[int, list[int]]] = {}

    def batch(self, first: int, size: int) -> list[Example]:
        """The examples from index `first` on."""
        return [self.example(index) for index in range(first, first + size)]

    def example(self, index: int) -> Example:
        """The example at `index`; every piece has its turn before one comes again."""
        rng = random.Random(f"{self._seed}/example/{index}")
        while True:
            if rng.random() < self._mix.infill:
                made = self._infill(self._pick(self._functions, index, "function"), rng)
            else:
                made = self._plain(index, rng)
            if made is not None:
                return made

    def _pick(self, pieces: list[Piece], index: int, kind: str) -> Piece:
        epoch, place = divmod(index, len(pieces))
        if self._orders.get(kind, (-1,))[0] != epoch:
            order = list(range(len(pieces)))
            random.Random(f"{self._seed}/{kind}/{epoch}").shuffle(order)
            self._orders[kind] = (epoch, order)
        return pieces[self._orders[kind][1][place]]

    def _infill(self, piece: Piece, rng: random.Random) -> Example | None:
        [shape] = rng.choices(
            [name for name, _ in self._mix.shapes], [share for _, share in self._mix.shapes]
        )
        before, code, after = self._surroundings(piece, rng)
        is_needy = shape == "lines" and rng.random() < self._mix.needy
        cuts = [cut_gap(code, shape, rng) for _ in range(NEEDY_CHOICE if is_needy else 1)]
        gaps = [Gap(before + cut.prefix, cut.middle, cut.suffix + after) for cut in cuts]
        gap = max(gaps, key=lambda gap: len(gap.names_of_suffix))
        order: InfillOrder = "spm" if rng.random() < self._mix.spm else "psm"
        is_short = rng.random() < self._mix.short
        limits = self._mix.short_limits if is_short else self._mix.limits
        return infill_example(gap, self._tokenizer, order, limits)

    def _surroundings(self, piece: Piece, rng: random.Random) -> tuple[str, str, str]:
        """The function alone, at the margin, or where it stands in its file."""
        if rng.random() < self._mix.alone:
            return "", textwrap.dedent(piece.code), ""
        return piece.before, piece.code, piece.after

    def _plain(self, index: int, rng: random.Random) -> Example:
        """Code as it is; a function alone is followed by the end token."""
        if rng.random() < self._mix.chunks:
            text, is_whole = self._pick(self._chunks, index, "chunk").code, False
        else:
            piece = self._pick(self._functions, index, "function")
            before, code, after = self._surroundings(piece, rng)
            text, is_whole = before + code + after, not before
        ids = self._tokenizer.encode_text(text.rstrip() if is_whole else text)
        end = self._tokenizer.special_id("<|endoftext|>")
        if is_whole and end is not None:
            ids = [*ids, end]
        ids = ids[: self._mix.plain_tokens]
        return Example(ids, list(ids), "plain")

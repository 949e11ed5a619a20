"""What a model needs of a device's memory, and what is free: plain data, computed elsewhere."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

Quantization = Literal["none", "8bit", "4bit"]
QuantizationWish = Literal["auto", "none", "8bit", "4bit"]

# Layers are not split: between two cards, up to one layer's room stays empty on each.
DIVISIBLE = 0.95


def quantization_of(precision: str) -> Quantization:
    """That of a model whose weights are held in `precision`, by the name that people read."""
    match precision:
        case "8-bit":
            return "8bit"
        case "4-bit":
            return "4bit"
        case _:
            return "none"


@dataclass(frozen=True, slots=True)
class MemoryBudget:
    """What is free for a model now, in bytes, with what its loading would push out counted in.

    Attributes:
        device: as torch writes it, "cpu" or "cuda:0"; several cards are "2 GPUs".
        free: on all its cards together.
        free_by_card: card by card; one entry for a CPU.
        free_offload: main memory that could take what the cards cannot; 0 on a CPU.
    """

    device: str
    free: int
    free_by_card: tuple[int, ...] = ()
    free_offload: int = 0

    def with_freed(self, num_bytes: int) -> MemoryBudget:
        """The budget once a model of `num_bytes` has left. On several cards it is not known which
        of them it leaves: the figures card by card stay as they are."""
        by_card = self.free_by_card
        if len(by_card) == 1:
            by_card = (max(0, by_card[0] + num_bytes),)
        return replace(self, free=max(0, self.free + num_bytes), free_by_card=by_card)

    def limited_to(self, num_bytes: int) -> MemoryBudget:
        """At most `num_bytes` of it, on all cards together."""
        limit = max(0, num_bytes)
        by_card = tuple(min(free, limit) for free in self.free_by_card)
        return replace(self, free=min(self.free, limit), free_by_card=by_card)


@dataclass(frozen=True, slots=True)
class PrecisionPlan:
    """One way to hold the weights, in bytes.

    Attributes:
        precision: "float32", "bfloat16", "float16", "8-bit" or "4-bit".
        weights: parameters and buffers, as `get_memory_footprint()` counts them.
        kv_cache: of one conversation at the full context.
        activations: the largest that one forward pass holds at once.
        overhead: the device's context, quantisation's extras and fragmentation.
    """

    precision: str
    weights: int
    kv_cache: int
    activations: int
    overhead: int

    @property
    def quantization(self) -> Quantization:
        return quantization_of(self.precision)

    @property
    def total(self) -> int:
        """With one conversation at the full context."""
        return self.weights + self.kv_cache + self.activations + self.overhead

    def num_conversations(self, free: int) -> int:
        """Conversations at the full context that `free` bytes hold beside the weights."""
        room = free - self.weights - self.activations - self.overhead
        return max(0, room // self.kv_cache) if self.kv_cache else 0


@dataclass(frozen=True, slots=True)
class MemoryPlan:
    """A model against a device.

    Attributes:
        rows: widest precision first.
        num_heads, num_kv_heads: attention heads, and those that the cache holds.
        kv_cache_multi_head: bytes that the first row's cache would take with multi-head attention.
        context_length: positions that the cache is planned for.
    """

    title: str
    rows: tuple[PrecisionPlan, ...]
    budget: MemoryBudget
    num_heads: int
    num_kv_heads: int
    kv_cache_multi_head: int
    context_length: int

    def fits(self, row: PrecisionPlan) -> bool:
        """On one card, or divided among several: each of those then has working memory of its own,
        and some of it stays empty, since layers are not split."""
        cards = self.budget.free_by_card
        if row.total <= max(cards, default=self.budget.free):
            return True
        if len(cards) < 2:
            return False
        rooms = (max(0, free - row.activations - row.overhead) for free in cards)
        return row.weights + row.kv_cache <= DIVISIBLE * sum(rooms)

    def row(self, precision: str) -> PrecisionPlan:
        return next(row for row in self.rows if row.precision == precision)

    @property
    def best(self) -> PrecisionPlan | None:
        """The widest precision that fits; None where none does."""
        return next(filter(self.fits, self.rows), None)

    def choose(self, wish: QuantizationWish, *, may_offload: bool = False) -> PrecisionPlan | None:
        """The row that `wish` takes, if it fits.

        Args:
            may_offload: who asks for unquantised weights gets them where main memory can hold
                what the cards cannot, too, which is slow.
        """
        if wish == "auto":
            return self.best
        rows = self.rows_for(wish)
        row = next(filter(self.fits, rows), None)
        if row is None and may_offload and wish == "none" and self.budget.free_offload:
            room = self.budget.free + self.budget.free_offload
            row = next((each for each in rows if each.total <= room), None)
        return row

    def rows_for(self, quantization: Quantization) -> list[PrecisionPlan]:
        """Widest first; several are precisions that a trial chooses from."""
        return [row for row in self.rows if row.quantization == quantization]

"""Onto which cards a model goes: a decision on figures alone. Accelerate carries it out."""

from __future__ import annotations

from dataclasses import dataclass, field

from model.loading.memory_plan import DIVISIBLE, MemoryBudget, PrecisionPlan

QUANTIZED = ("8-bit", "4-bit")
# transformers takes a tenth off each card's limit for bitsandbytes' scratch memory
# (`adjust_max_memory` in its quantisers). The plan counts that itself, so it is added first.
QUANTIZED_ALLOWANCE = 0.9


@dataclass(frozen=True, slots=True)
class Placement:
    """Where the weights go, in accelerate's terms.

    Attributes:
        device_map: one device for everything, as torch writes it; None lets accelerate divide the
            layers within `max_memory`.
        max_memory: bytes of weights by card, and by "cpu" where some may stay in main memory.
        is_offloaded: some weights stay in main memory and travel to the card for every token,
            which is slow.
    """

    device_map: str | None
    max_memory: dict[int | str, int] = field(default_factory=dict)
    is_offloaded: bool = False


def place(
    row: PrecisionPlan, budget: MemoryBudget, *, may_offload: bool = False
) -> Placement | None:
    """The simplest placement that holds `row`; None where there is none.

    One card where one suffices: each further one adds a hop per token. Main memory only where
    `may_offload`, and for weights that are not quantised: bitsandbytes quantises on the card, and
    what stays behind would be in full precision.

    Args:
        row: what is needed, with one conversation at the full context.
        budget: what is free.
        may_offload: the operator accepts the slowness.
    """
    cards = _cards(budget)
    if budget.device == "cpu":
        return Placement("cpu") if row.total <= budget.free else None
    free_by_card = budget.free_by_card or (budget.free,)
    for card, free in zip(cards, free_by_card, strict=True):
        if row.total <= free:
            return Placement(f"cuda:{card}")
    room = {card: _weights_room(row, free) for card, free in zip(cards, free_by_card, strict=True)}
    missing = row.weights - int(DIVISIBLE * sum(room.values()))
    if missing <= 0 and len(cards) > 1:
        return Placement(None, _allowed(row, room))
    if may_offload and row.precision not in QUANTIZED and 0 < missing <= budget.free_offload:
        limits = {**_allowed(row, room), "cpu": budget.free_offload}
        return Placement(None, limits, is_offloaded=True)
    return None


def _cards(budget: MemoryBudget) -> list[int]:
    """Their indices: "cuda:1" is card 1; several are all the machine has."""
    _, _, index = budget.device.partition(":")
    return [int(index)] if index else list(range(max(1, len(budget.free_by_card))))


def _weights_room(row: PrecisionPlan, free: int) -> int:
    """Weights for a card with `free` bytes, beside its own scratch memory and its layers' cache.

    A layer's cache lies on the layer's card, so the two are divided in the same proportion.
    """
    share = row.weights / max(1, row.weights + row.kv_cache)
    return max(0, int((free - row.activations - row.overhead) * share))


def _allowed(row: PrecisionPlan, room: dict[int, int]) -> dict[int | str, int]:
    factor = QUANTIZED_ALLOWANCE if row.precision in QUANTIZED else 1
    return {card: int(num_bytes / factor) for card, num_bytes in room.items()}

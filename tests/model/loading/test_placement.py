from __future__ import annotations

from dataclasses import replace

import pytest

from model.loading.memory_plan import MemoryBudget, PrecisionPlan
from model.loading.placement import Placement, place

GIGABYTE = 10**9
# StarCoder's figures, rounded.
FULL = PrecisionPlan("bfloat16", 31 * GIGABYTE, GIGABYTE // 5, GIGABYTE // 5, GIGABYTE)
IN_8_BIT = replace(FULL, precision="8-bit", weights=16 * GIGABYTE)


def cards(*gigabytes: int, offload: int = 0) -> MemoryBudget:
    free = tuple(each * GIGABYTE for each in gigabytes)
    device = "cuda:0" if len(free) == 1 else f"{len(free)} GPUs"
    return MemoryBudget(device, sum(free), free, offload * GIGABYTE)


def test_one_card_that_holds_it_takes_it_all() -> None:
    assert place(FULL, cards(40)) == Placement("cuda:0")


def test_of_two_cards_the_one_that_holds_it_takes_it_all() -> None:
    assert place(FULL, cards(24, 40)) == Placement("cuda:1")


def test_a_card_that_was_asked_for_by_its_number_is_the_one() -> None:
    budget = replace(cards(40), device="cuda:3")
    assert place(FULL, budget) == Placement("cuda:3")


def test_two_cards_share_what_neither_holds_and_keep_room_for_their_caches() -> None:
    placement = place(FULL, cards(24, 24))
    assert placement is not None
    assert placement.device_map is None
    assert not placement.is_offloaded
    assert set(placement.max_memory) == {0, 1}
    assert sum(placement.max_memory.values()) >= FULL.weights
    assert all(limit < 24 * GIGABYTE - FULL.activations for limit in placement.max_memory.values())


def test_a_limit_for_quantised_weights_allows_for_what_transformers_takes_off_it() -> None:
    placement = place(IN_8_BIT, cards(11, 11))
    assert placement is not None
    full = place(replace(IN_8_BIT, precision="bfloat16"), cards(11, 11))
    assert full is not None
    for card, limit in placement.max_memory.items():
        assert 0.9 * limit == pytest.approx(full.max_memory[card])


def test_what_the_cards_cannot_hold_goes_to_main_memory_only_where_that_is_accepted() -> None:
    budget = cards(24, offload=64)
    assert place(FULL, budget) is None
    placement = place(FULL, budget, may_offload=True)
    assert placement is not None
    assert placement.is_offloaded
    assert placement.max_memory["cpu"] == 64 * GIGABYTE
    assert 0 < placement.max_memory[0] < 24 * GIGABYTE


def test_main_memory_without_room_takes_nothing() -> None:
    assert place(FULL, cards(24, offload=4), may_offload=True) is None


def test_quantised_weights_are_never_offloaded() -> None:
    assert place(IN_8_BIT, cards(12, offload=64), may_offload=True) is None


def test_a_cpu_takes_what_fits_its_memory() -> None:
    assert place(FULL, MemoryBudget("cpu", 40 * GIGABYTE)) == Placement("cpu")
    assert place(FULL, MemoryBudget("cpu", 30 * GIGABYTE)) is None

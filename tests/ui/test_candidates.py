from __future__ import annotations

from ui.candidates import Entry, list_samples
from ui.gap import Gap, add_sample, choose


def test_duplicates_are_told_and_the_one_in_the_gap_is_named() -> None:
    gap = Gap("a(", ")\n")
    for text in ("x", "y", "x"):
        gap = add_sample(gap, text)
    assert list_samples(gap.middle) == [
        Entry("Sample 1 · in the gap", "x"),
        Entry("Sample 2", "y", can_use=True),
        Entry("Sample 3 · the same as 1", None),
    ]
    assert list_samples(choose(gap, 1).middle)[0] == Entry("Sample 1", "x", can_use=True)


def test_one_sample_is_no_choice() -> None:
    assert list_samples(add_sample(Gap("a"), "x").middle) == []

from __future__ import annotations

from ui.gap import Gap, Middle, fill, keep_cut, take_all

GAP = Gap("def f():\n    x = 1\n", "\n    return x\n")


def test_a_middle_that_goes_on_into_the_suffix_is_trimmed_and_can_be_whole_again() -> None:
    filled = fill(GAP, "    x += 1\n    return x")
    assert filled.middle == Middle("    x += 1", "\n    return x")
    assert keep_cut(filled).middle == Middle("    x += 1\n    return x")


def test_what_is_taken_over_joins_the_prefix_without_what_was_trimmed() -> None:
    taken = take_all(Gap("a(", ")", Middle("b", ")")))
    assert taken == Gap("a(b", ")")


def test_a_gap_is_something_while_anything_stands_in_it() -> None:
    assert not Gap()
    assert Gap(suffix="x")
    assert Gap(middle=Middle(cut="x"))

from __future__ import annotations

import pytest

from model.errors import PromptError
from ui.gap import (
    MAX_GAPS,
    Change,
    Gap,
    Middle,
    add_sample,
    choose,
    fill,
    first_gap,
    keep_cut,
    next_gap,
    split_at,
    take_all,
    take_line,
    take_word,
)
from ui.marked_text import MarkedText

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


def test_marks_alone_say_where_the_gaps_are() -> None:
    first = first_gap(Gap("a<FILL_HERE>b<FILL_HERE>c", "d<FILL_HERE>e"))
    assert first == Gap("a", "b<FILL_HERE>cd<FILL_HERE>e")
    assert first.seen_suffix == "bcde"
    assert first_gap(Gap("a", "b<FILL_HERE>c")) == Gap("ab", "c")
    assert first_gap(Gap("a", "b")) == Gap("a", "b")


def test_a_middle_is_filled_anew_before_the_gaps_that_are_marked_after_it() -> None:
    assert first_gap(Gap("a", "b<FILL_HERE>c", Middle("x"))) == Gap("a", "b<FILL_HERE>c")


def test_the_next_gap_has_the_middle_of_the_former_before_it() -> None:
    assert next_gap(Gap("a", "b<FILL_HERE>c", Middle("x", "y"))) == Gap("axb", "c")
    assert next_gap(Gap("a", "b", Middle("x"))) is None


def test_more_gaps_than_can_be_filled_in_one_go_are_refused() -> None:
    assert first_gap(Gap("<FILL_HERE>" * MAX_GAPS)).num_markers == MAX_GAPS - 1
    with pytest.raises(PromptError, match="21 <FILL_HERE>"):
        first_gap(Gap("<FILL_HERE>" * MAX_GAPS, "<FILL_HERE>"))


def test_a_middle_is_compared_with_the_suffix_as_the_model_got_it() -> None:
    gap = fill(Gap("", "\nimport os\nimport sys<FILL_HERE>\n"), "import re\nimport os\nimport sys")
    assert gap.middle == Middle("import re", "\nimport os\nimport sys")


def pieces_of(text: str, take: Change) -> list[str]:
    """What each step takes, to the last."""
    gap = Gap("<", ">", Middle(text, "cut"))
    pieces = []
    while gap.middle:
        taken = take(gap)
        assert taken.prefix + taken.middle.text == f"<{text}"
        pieces.append(taken.prefix[len(gap.prefix) :])
        gap = taken
    assert gap == Gap(f"<{text}", ">")
    return pieces


def test_lines_are_taken_with_their_breaks_and_the_blank_ones_before_them() -> None:
    assert pieces_of("a b\n\n\n    c\nd", take_line) == ["a b\n", "\n\n    c\n", "d"]
    assert pieces_of("\n", take_line) == ["\n"]


def test_words_and_rows_of_signs_are_taken_with_the_space_before_them() -> None:
    pieces = ["  if", " a_1", " >=", " é", ":", "\n\tb", "()\n"]
    assert pieces_of("  if a_1 >= é:\n\tb()\n", take_word) == pieces


def test_what_was_trimmed_stays_until_the_last_word_is_taken() -> None:
    gap = take_word(Gap("", "", Middle("a b", "c")))
    assert gap.middle == Middle(" b", "c")
    assert take_word(gap).middle == Middle()


def test_a_sample_that_is_chosen_stands_in_the_gap_and_the_others_stay() -> None:
    gap = add_sample(add_sample(Gap("a", ")\n"), "(b)"), "c")
    assert gap.middle.alone == Middle("(b", ")")
    chosen = choose(gap, 1)
    assert chosen.middle.alone == Middle("c")
    assert choose(chosen, 0) == gap
    assert choose(gap, 2) is gap


def test_the_samples_are_gone_with_the_first_word_that_is_taken() -> None:
    gap = add_sample(add_sample(Gap(), "a b"), "c")
    assert take_word(gap).middle == Middle(" b")


def test_a_sample_without_text_is_none() -> None:
    assert add_sample(Gap("a"), "") == Gap("a")


def test_a_file_is_split_at_the_caret_into_prefix_and_suffix() -> None:
    assert split_at(Gap("ab\ncd", "ef"), 3, 3) == Gap("ab\n", "cdef")


def test_what_is_selected_makes_way_for_the_gap() -> None:
    assert split_at(Gap("if ???:\n", "x"), 3, 6) == Gap("if ", ":\nx")


def test_what_is_taken_over_is_marked_as_generated_and_earlier_marks_stay() -> None:
    taken = take_word(Gap("x = ", "", Middle("one two")))
    assert isinstance(taken.prefix, MarkedText)
    assert taken.prefix.marks == ((4, 7),)
    rest = take_all(taken)
    assert isinstance(rest.prefix, MarkedText)
    assert rest.prefix.marks == ((4, 7), (7, 11))

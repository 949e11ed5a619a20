"""What the evaluation of healing asks and how it counts, without a model."""

from __future__ import annotations

import ast

import pytest

from benchmarks.healing import CUTS, Answer, Place, bootstrap, find_places, parses, print_table


def test_prompts_end_where_their_cut_says_and_the_file_goes_on_after_them() -> None:
    places = find_places(4)
    assert [sum(place.cut == cut for place in places) for cut in CUTS] == [4, 4, 4]
    for place in places:
        last = place.prompt.rpartition("\n")[2]
        assert place.prompt.startswith("def ")
        if place.cut == "indentation":
            assert last
            assert not last.strip()
            assert not place.truth.startswith(" ")
        else:
            assert not last
            assert place.truth.startswith(" ")
        if place.cut == "colon":
            with pytest.raises(SyntaxError):
                ast.parse(place.prompt)
        if place.cut == "statement":
            ast.parse(place.prompt)
    assert places == find_places(4)


@pytest.mark.parametrize(
    ("prompt", "text", "was_cut", "expected"),
    [
        ("def f():\n", "    return 1\n", False, True),
        ("def f():\n", "    return 1", False, True),
        ("def f():\n", "    return 1", True, False),
        ("def f():\n", "    x = 1\n    retu", True, True),
        ("def f():\n", "    if x:\n", False, False),
        ("def f():\n", "return 1\n", False, False),
        ("def f():\n    ", "return 1\n", False, True),
        ("def f():\n    ", "    return 1\n  x\n", False, True),
        ("def f():\n    x = 1\n", "     return 1\n", False, False),
        ("def f():\n    x = 1\n", "", False, False),
        ("def f():\n    x = 1\n", "\n\n", False, False),
    ],
)
def test_an_answer_parses_with_its_first_whole_lines_or_not(
    prompt: str, text: str, was_cut: bool, expected: bool
) -> None:
    assert parses(prompt, text, was_cut=was_cut) is expected


def test_an_interval_lies_around_the_mean_and_is_narrow_where_all_are_alike() -> None:
    mean, low, high = bootstrap([0.0, 1.0] * 50)
    assert low < mean == 0.5 < high
    assert low > 0.35
    assert high < 0.65
    assert bootstrap([1.0] * 9) == (1, 1, 1)


def test_the_table_has_both_ways_and_their_difference(capsys: pytest.CaptureFixture[str]) -> None:
    places = [Place(cut, "p", "t") for cut in CUTS]
    healed = Answer("x\n", was_cut=False, parses=True, similarity=0.75)
    plain = Answer("", was_cut=False, parses=False, similarity=0.5)
    print_table(places, [(healed, plain)] * 3)
    shown = capsys.readouterr().out.splitlines()
    nothing = "0.00 [0.00, 0.00] | 1.00 [1.00, 1.00] | -1.00 [-1.00, -1.00]"
    assert f"| all | 3 | ends at once | {nothing} |" in shown
    alike = "0.75 [0.75, 0.75] | 0.50 [0.50, 0.50] | 0.25 [0.25, 0.25]"
    assert f"| indentation | 1 | similarity | {alike} |" in shown


def test_white_space_that_was_cut_off_is_not_nothing() -> None:
    assert not Answer("\n\n", was_cut=True, parses=False, similarity=0).is_nothing
    assert Answer("\n", was_cut=False, parses=False, similarity=0).is_nothing

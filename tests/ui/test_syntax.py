from __future__ import annotations

import warnings

import pytest

from ui.gap import Gap, Middle
from ui.syntax import MAX_CHARS, Fault, describe, find_fault, find_fault_now


def fault_of(prefix: str, middle: str, suffix: str = "\n") -> Fault | None:
    return find_fault_now(Gap(prefix, suffix, Middle(middle)))


async def test_a_middle_that_breaks_the_file_is_told_with_the_parsers_line_and_words() -> None:
    gap = Gap("def f():\n    a = 1\n    return ", "\n\nprint(f())\n", Middle("(a"))
    fault = await find_fault(gap)
    assert fault == Fault(3, "'(' was never closed", "middle")
    assert "With this middle" in describe(fault)
    assert "line 3: &#x27;(&#x27; was" in describe(fault).replace("'", "&#x27;")


@pytest.mark.parametrize(
    ("prefix", "middle", "suffix"),
    [
        ("def f():\n    return ", "1", "\n"),
        (
            "    def f(self):\n        ",
            "x = 1",
            "\n        return x\n\n    def g(self):\n        pass\n",
        ),
        (
            "        x = 1\n        ",
            "y = 2",
            "\n    def g(self):\n        pass\n\nclass B:\n    pass\n",
        ),
        ("        x = 1\n        ", "y = 2", "\n    else:\n        pass\n"),
        ("\tdef f(self):\n\t\t", "return 1", "\n"),
    ],
)
def test_files_and_indented_fragments_are_sound(prefix: str, middle: str, suffix: str) -> None:
    assert fault_of(prefix, middle, suffix) is None


def test_a_fragments_lines_are_counted_as_they_stand() -> None:
    prefix = "        x = 1\n    def g(self):\n        if x:\n"
    fault = fault_of(prefix, "        y = 2")
    assert fault is not None
    assert fault.line == 4
    assert fault.message.endswith("on line 3")


@pytest.mark.parametrize(
    ("prefix", "middle", "suffix"),
    [
        ("if ", "n >", ":\n    pass\n"),
        ("for n in range(3):\n", "print(n)", "\n"),
        ("print(", "1", "\nx = 2\n"),
        ('def f():\n    """Say', "", '"""\n)\n'),
    ],
)
def test_what_could_parse_with_another_middle_is_laid_to_this_one(
    prefix: str, middle: str, suffix: str
) -> None:
    fault = fault_of(prefix, middle, suffix)
    assert fault is None if not middle else fault is not None and fault.blame == "middle"


def test_what_parses_with_nothing_between_is_only_remarked_on() -> None:
    fault = fault_of("function f() {\n", "  return 1;\n", "}\n")
    assert fault is not None
    assert fault.blame == "unknown"
    assert "a part of a file" in describe(fault)


@pytest.mark.parametrize(
    "middle", ["(" * 100_000, "-" * 50_000 + "1", "\0", "1" + "+1" * 20_000, "[]" + "[0]" * 15_000]
)
def test_what_the_parser_cannot_hold_is_no_fault(middle: str) -> None:
    assert fault_of("x = ", middle) is None


def test_a_long_file_is_not_parsed() -> None:
    assert fault_of("x = 1\n" * (MAX_CHARS // 6), "(") is None


def test_the_parsers_warnings_are_not_shown(capsys: pytest.CaptureFixture[str]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.filterwarnings("ignore", module="<assembled file>")
        assert fault_of("x = ", "'\\d' + 1 is 1") is None
    assert capsys.readouterr().err == ""


def test_without_a_fault_nothing_is_said() -> None:
    assert describe(None) == ""

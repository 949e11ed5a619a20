"""Where a middle repeats its suffix; by right, models' and random ones."""

from __future__ import annotations

import random
import sysconfig
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model.overlap import split_overlap

CODE = st.text("ab)(\n \t:\"'", max_size=30)


@given(CODE, CODE, CODE)
def test_what_stays_and_what_is_cut_are_the_middle(prefix: str, middle: str, suffix: str) -> None:
    kept, cut = split_overlap(prefix, middle, suffix)
    assert kept + cut == middle
    assert not middle.strip() or cut != " "


@pytest.mark.parametrize(
    ("prefix", "middle", "suffix", "cut"),
    [
        # The suffix's lines once more, with the blank lines before them, and on beyond them.
        (
            "def mean(numbers):\n",
            "    return sum(numbers) / 4\n\n\nprint(mean([1, 2, 3, 4]))\nprint(mean([5]))",
            "\n\nprint(mean([1, 2, 3, 4]))\n",
            "\n\nprint(mean([1, 2, 3, 4]))\nprint(mean([5]))",
        ),
        ("def g():\n    ", "x = 1\n    return x", "\n    return x\n", "\n    return x"),
        ("", "import os\nimport sys\n", "import sys\n", "import sys\n"),
        ("def g():\n    ", "return x", "return x\n", "return x"),
        (
            "",
            "a = 1\nb = 2\nfor line in fi",
            "\nb = 2\nfor line in file:\n",
            "\nb = 2\nfor line in fi",
        ),
        # The rest of a line.
        ("foo(", "a, b);\n  bar();", ");\n  bar();\n", ");\n  bar();"),
        ("if ", "n > b:\n    best = n", ":\n    best = n\n", ":\n    best = n"),
        ("[0, ", "0, 0]", "0, 0]\n", "0, 0]"),
        # What closes a line, or a block, twice.
        ("print(a", "b)", ")\n", ")"),
        ("if ", "n > b:", ":\n    b = n\n", ":"),
        ('def f():\n    """', 'Do it."""', '"""\n    return 1\n', '"""'),
        ('x = "', 'abc"', '"\n', '"'),
        ("function f() {\n  ", "return 1;\n}", "\n}\n", "\n}"),
    ],
)
def test_what_repeats_the_suffix_is_cut(prefix: str, middle: str, suffix: str, cut: str) -> None:
    assert split_overlap(prefix, middle, suffix)[1] == cut


@pytest.mark.parametrize(
    ("prefix", "middle", "suffix"),
    [
        # A bracket, a quote or a colon of each side.
        ("print(len(x", ")", ")\n"),
        ("a = (", "(x + 1)", " + 1)\n"),
        ("x = '''", "it's", "'''\n"),
        ("std", "::", ":x"),
        # The same words further in, or further up.
        ("def f(a):\n    if a:\n        ", "return x", "\n    return x\n"),
        ("for x in y:\n    ", "if x:\n        pass\n    else:\n        z()", "\n    else:\n"),
        ("if a:\n    ", "if b:\n    pass\nelse:\n    c()", "\nelse:\n    d()\n"),
        ("{\n  if (a) {\n    ", "b();\n  }\n", "}\n"),
        ("i = 0\n", "i += 1\n", "i += 1\n"),
        ("[0, ", "0, 0, ", "0, 0]\n"),
        ("ru", "n", "ning = True\n"),
        ("a = 1\n", "b = 2\n", "   \n\n"),
        ("a = 1\n", "", "b = 2\n"),
    ],
)
def test_what_may_be_right_stays(prefix: str, middle: str, suffix: str) -> None:
    assert split_overlap(prefix, middle, suffix) == (middle, "")


def test_of_pythons_library_few_true_middles_are_cut_and_most_repetitions() -> None:
    """Whole lines and ends of lines, then the same with the suffix's next lines after them."""
    rng = random.Random(7)
    texts = [path.read_text(encoding="utf-8") for path in _modules()]
    num_wrong = num_found = 0
    num_gaps = 600
    for number in range(num_gaps):
        prefix, middle, suffix = _gap(rng.choice(texts), rng, is_inside=number % 2 == 0)
        num_wrong += split_overlap(prefix, middle, suffix)[1] != ""
        kept, _ = split_overlap(prefix, middle + "".join(suffix.splitlines(True)[:4]), suffix)
        num_found += kept.rstrip() == middle.rstrip()
    assert num_wrong <= num_gaps * 0.015
    assert num_found >= num_gaps * 0.96


def _modules() -> list[Path]:
    names = (
        "argparse",
        "ast",
        "calendar",
        "csv",
        "heapq",
        "inspect",
        "shutil",
        "textwrap",
        "zipfile",
    )
    folder = Path(sysconfig.get_paths()["stdlib"])
    return [folder / f"{name}.py" for name in names]


def _gap(text: str, rng: random.Random, *, is_inside: bool) -> tuple[str, str, str]:
    lines = text.splitlines(keepends=True)
    first = rng.randrange(len(lines) - 20)
    last = first + rng.randrange(1, 12)
    prefix, middle = "".join(lines[:first]), "".join(lines[first:last])
    suffix = "".join(lines[last:])
    if not is_inside:
        return prefix, middle, suffix
    cut = rng.randrange(len(lines[first]))
    return prefix + middle[:cut], middle[cut:-1], "\n" + suffix

"""Notebooks as scripts: read and written byte for byte, told to a model, and grown at their end."""

from __future__ import annotations

import itertools
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model.prompts.metadata import NotebookCell
from ui.percent_cells import NextCell, plan_text, read_cells, told_cells, write_cells

SCRIPT = """# %% [markdown]
# # Title
#
# Some text.

# %% Load it
import os


# %% [output]
# 42
"""
MARKER = re.compile(r"#[ \t]*%%")

lines = st.sampled_from(
    ["# %%", "#%%", "# %% [markdown]", "# %%bash", "# a", "#", "", " ", "x", "#  y", "\r", "# ---"]
)
scripts = st.lists(lines, max_size=12).map("\n".join) | st.text(max_size=40)


def is_whole(cell: NotebookCell) -> bool:
    """What the format can hold: no line of it is a marker, and it begins and ends with text."""
    bodies = [f"# {line}" if cell.kind != "code" else line for line in cell.text.split("\n")]
    return not any(MARKER.match(line) for line in bodies) and cell.text == cell.text.strip("\r\n")


texts = st.text(st.characters(exclude_categories=["Cs"]), min_size=1).filter(str.strip)
some_lines = st.lists(texts | st.just("") | st.just("    x = 1"), min_size=1).map("\n".join)
notebooks = st.lists(
    st.builds(NotebookCell, st.sampled_from(["code", "text", "output"]), some_lines).filter(
        lambda cell: is_whole(cell) and bool(cell.text.strip())
    )
    | st.just(NotebookCell("output", "")),
    max_size=5,
).map(tuple)


@given(scripts)
def test_a_script_is_its_cells_byte_for_byte(text: str) -> None:
    assert "".join(cell.marker + cell.body for cell in read_cells(text)) == text


@given(notebooks)
def test_cells_that_are_written_are_read_back(cells: tuple[NotebookCell, ...]) -> None:
    assert told_cells(write_cells(cells) + "# %%\n", "code") == cells


@given(notebooks, st.sampled_from(["code", "text", "output"]), some_lines)
def test_an_answer_becomes_the_next_cell_however_much_of_it_is_there(
    cells: tuple[NotebookCell, ...], kind: NextCell, answer: str
) -> None:
    script, new = write_cells(cells), plan_text(write_cells(cells), kind)
    parts = [new.write(answer[:end]) for end in range(len(answer) + 1)]
    assert all(later.startswith(part) for part, later in itertools.pairwise(parts))
    told = NotebookCell(new.kind, answer)
    if is_whole(told) and answer.strip():
        whole = told_cells(script + parts[-1] + "\n\n# %%\n", "code")
        filled = cells[:-1] if cells and cells[-1] == NotebookCell(kind, "") else cells
        assert whole == (*filled, told)


def test_a_script_is_told_without_its_marks() -> None:
    assert told_cells(SCRIPT, "code") == (
        NotebookCell("text", "# Title\n\nSome text."),
        NotebookCell("code", "import os"),
        NotebookCell("output", "42"),
    )


@pytest.mark.parametrize(
    ("marker", "kind"),
    [
        ("# %%", "code"),
        ("#%%", "code"),
        ("# %% A title", "code"),
        ('# %% A title tags=["output"]', "code"),
        ("# %%% deeper", "code"),
        ("# %% [markdown]", "text"),
        ("#%%[markdown]", "text"),
        ("# %% A title [md]", "text"),
        ('# %% [markdown] id="7"', "text"),
        ("# %% [raw]", "text"),
        ("# %% [output]", "output"),
    ],
)
def test_a_marker_names_the_kind_of_its_cell(marker: str, kind: str) -> None:
    assert [cell.kind for cell in read_cells(f"{marker}\nx")] == [kind]
    assert read_cells(f"{marker}\nx")[0].body == "x"


@pytest.mark.parametrize("line", ["# %%bash", "x # %%", "%%time", " # %%", "# % %"])
def test_another_line_begins_no_cell(line: str) -> None:
    assert len(read_cells(f"a\n{line}\nb")) == 1


def test_what_stands_before_the_first_marker_is_code_but_for_jupytexts_own() -> None:
    own = "# ---\n# jupyter:\n#   kernelspec: python3\n# ---\n"
    assert told_cells(f"import os\n\n{SCRIPT}", "code")[0] == NotebookCell("code", "import os")
    assert told_cells(f"{own}\n{SCRIPT}", "code") == told_cells(SCRIPT, "code")
    assert told_cells(f"{own}import os\n", "code") == (NotebookCell("code", "import os"),)


def test_cells_without_text_are_not_told_but_outputs_are() -> None:
    script = "# %%\n\n# %% [markdown]\n#\n\n# %%\nf()\n\n# %% [output]\n\n# %%\nx"
    assert told_cells(script, "code") == (
        NotebookCell("code", "f()"),
        NotebookCell("output", ""),
        NotebookCell("code", "x"),
    )


@pytest.mark.parametrize(
    ("script", "kind", "written"),
    [
        ("", "code", "# %%\nx"),
        ("a = 1", "code", "\n\n# %%\nx"),
        ("# %%\na = 1\n", "text", "\n# %% [markdown]\n# x"),
        ("# %%\na = 1\n\n", "output", "# %% [output]\n# x"),
        ("# %%\na = 1\n   \n", "code", "# %%\nx"),
        ("# %%\na = 1\n\n# %%\n", "code", "x"),
        ("# %%\na = 1\n\n# %%", "code", "\nx"),
        ("# %%\na = 1\n\n# %%\n", "text", "\n# %% [markdown]\n# x"),
        ("# %%\na = 1\n\n# %% [markdown]", "text", "\n# x"),
    ],
)
def test_a_new_cell_is_put_after_an_empty_line_or_into_the_one_that_was_opened(
    script: str, kind: NextCell, written: str
) -> None:
    assert plan_text(script, kind).write("x") == written


@pytest.mark.parametrize("script", ["# %% [output]", "# %% [output]\n"])
def test_an_output_that_was_opened_for_the_answer_is_not_told_as_an_empty_one(script: str) -> None:
    before = "# %%\nf()\n\n"
    assert told_cells(before + script, "output") == (NotebookCell("code", "f()"),)
    assert told_cells(before + script, "code")[-1] == NotebookCell("output", "")


@pytest.mark.parametrize(
    ("script", "told", "written"),
    [
        ("# %%\ndef f():\n    ", NotebookCell("code", "def f():\n    "), "x\n\ny\n"),
        ("def f():\n", NotebookCell("code", "def f():\n"), "x\n\ny\n"),
        ("# %%", NotebookCell("code", ""), "\nx\n\ny\n"),
        ("# %% [markdown]\n# It is", NotebookCell("text", "It is"), "x\n#\n# y"),
        ("# %% [markdown]\n# It is\n", NotebookCell("text", "It is\n"), "# x\n#\n# y"),
        ("# %% [markdown]\n# It is\n#", NotebookCell("text", "It is\n"), " x\n#\n# y"),
        ("# %% [output]", NotebookCell("output", ""), "\n# x\n#\n# y"),
    ],
)
def test_the_last_cell_is_gone_on_with_where_it_ends(
    script: str, told: NotebookCell, written: str
) -> None:
    assert told_cells(script, "same") == (told,)
    assert plan_text(script, "same").write("x\n\ny\n") == written


@pytest.mark.parametrize("kind", ["code", "text", "output", "same"])
def test_no_answer_makes_no_cell(kind: NextCell) -> None:
    assert plan_text("# %% [markdown]\n# a\n", kind).write("") == ""


def test_windows_line_ends_are_no_part_of_a_marker_or_of_an_end() -> None:
    script = "# %% [markdown]\r\n# a\r\n\r\n# %%\r\nx = 1\r\n"
    assert told_cells(script, "code") == (NotebookCell("text", "a"), NotebookCell("code", "x = 1"))

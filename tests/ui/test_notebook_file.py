"""Jupyter's .ipynb: its cells and the text of its outputs; anything else is refused in words."""

from __future__ import annotations

import json
from typing import Any

import pytest

from model.prompts.metadata import NotebookCell
from ui.notebook_file import NotebookFileError, is_notebook, read_notebook


def cell(kind: str, source: Any, **fields: Any) -> dict[str, Any]:
    more = {"outputs": [], "execution_count": None} if kind == "code" else {}
    return {"cell_type": kind, "metadata": {}, "source": source} | more | fields


def notebook(*cells: Any, **fields: Any) -> str:
    whole = {"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": list(cells)}
    return json.dumps(whole | fields)


def test_sources_are_strings_or_lists_of_lines_and_cells_without_text_are_left_out() -> None:
    text = notebook(
        cell("markdown", ["# Title\n", "\n", "text"]),
        cell("code", "x = 1\ny = 2\n"),
        cell("code", []),
        cell("raw", "raw\r\ntext"),
    )
    assert is_notebook(text)
    assert read_notebook(text) == (
        NotebookCell("text", "# Title\n\ntext"),
        NotebookCell("code", "x = 1\ny = 2"),
        NotebookCell("text", "raw\ntext"),
    )


def test_of_outputs_the_plain_text_is_kept_and_they_are_one_cell() -> None:
    outputs = [
        {"output_type": "stream", "name": "stdout", "text": ["a\n", "b\n"]},
        {"output_type": "display_data", "data": {"image/png": "iVBOR"}, "metadata": {}},
        {
            "output_type": "execute_result",
            "data": {"text/html": "<b>", "text/plain": ["42"]},
            "execution_count": 1,
        },
        {"output_type": "error", "ename": "ValueError", "evalue": "no", "traceback": ["\x1b[0m"]},
    ]
    assert read_notebook(notebook(cell("code", "f()", outputs=outputs))) == (
        NotebookCell("code", "f()"),
        NotebookCell("output", "a\nb\n42\nValueError: no"),
    )


def test_a_cell_that_ran_and_showed_nothing_has_an_empty_output() -> None:
    ran, new = cell("code", "x = 1", execution_count=3), cell("code", "y = 2")
    assert read_notebook(notebook(ran, new)) == (
        NotebookCell("code", "x = 1"),
        NotebookCell("output", ""),
        NotebookCell("code", "y = 2"),
    )


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "not JSON"),
        ('{"cells": [}', "not JSON"),
        ("[" * 100_000, "not JSON"),
        ("[]", "not an object"),
        ('{"cells": []}', "nbformat 4"),
        (notebook(nbformat=3), "nbformat 4"),
        (notebook(cells={}), "'cells'"),
        (notebook("x"), "cell is not an object"),
        (notebook(cell("poem", "x")), "'cell_type'"),
        (notebook(cell("code", None)), "'source'"),
        (notebook(cell("code", ["x", 1])), "'source'"),
        (notebook(cell("code", "x", outputs=None)), "'outputs'"),
        (notebook(cell("code", "x", outputs=[1])), "output is not an object"),
        (notebook(cell("code", "x", outputs=[{"output_type": "stream"}])), "'text'"),
        (notebook(cell("code", "x", outputs=[{"data": {"text/plain": 1}}])), "'text/plain'"),
    ],
)
def test_what_is_no_notebook_is_refused_and_says_why(text: str, words: str) -> None:
    with pytest.raises(NotebookFileError, match=words) as caught:
        read_notebook(text)
    assert "Nothing was changed" in caught.value.advice


@pytest.mark.parametrize("text", ["", "# %%\nx", "{}", '{"cells": 1}', "x = {'cells', 'nbformat'}"])
def test_a_script_is_not_taken_for_one(text: str) -> None:
    assert not is_notebook(text)

"""Jupyter's .ipynb, read as far as a model can be told of it.

The format is nbformat's, version 4 (https://nbformat.readthedocs.io/en/latest/format_description.html).
Of outputs their plain text is kept; images, HTML and tracebacks are not. A code cell that ran and
showed nothing gets an empty output, as it had in what StarCoder learned.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from model.errors import InvalidInputError
from model.prompts.metadata import NotebookCell
from ui.fields import Fields

_NAME = "The notebook"


class NotebookFileError(InvalidInputError):
    """A text that is no notebook."""

    def __init__(self, message: str) -> None:
        super().__init__(message, "Choose an .ipynb of Jupyter’s. Nothing was changed.")


def is_notebook(text: str) -> bool:
    """Whether `text` is meant to be an .ipynb: a script in cells is not."""
    return text.lstrip().startswith("{") and '"cells"' in text and '"nbformat"' in text


def read_notebook(text: str) -> tuple[NotebookCell, ...]:
    """The cells of an .ipynb; those without text are left out.

    Raises:
        NotebookFileError: it is none; the message says why.
    """
    try:
        fields = Fields.parse(text, _NAME)
        if fields.get("nbformat") != 4:
            raise ValueError("The notebook is not of nbformat 4: open and save it in Jupyter.")
        cells = [Fields(item, f"{_NAME}'s cell") for item in fields.list("cells")]
        return tuple(part for cell in cells for part in _read_cell(cell))
    except ValueError as error:
        raise NotebookFileError(str(error)) from None


def _read_cell(cell: Fields) -> Iterator[NotebookCell]:
    source = _text(cell.get("source"), "source")
    kind = cell.choice("cell_type", "code", "markdown", "raw")
    if source.strip():
        yield NotebookCell("code" if kind == "code" else "text", source.strip("\n"))
        if kind == "code":
            yield from _read_outputs(cell)


def _read_outputs(cell: Fields) -> Iterator[NotebookCell]:
    outputs = [Fields(item, f"{_NAME}'s output") for item in cell.list("outputs")]
    shown = "\n".join(filter(None, map(_read_output, outputs)))
    if shown or cell.get("execution_count") is not None:
        yield NotebookCell("output", shown)


def _read_output(output: Fields) -> str:
    match output.get("output_type"):
        case "stream":
            text = _text(output.get("text"), "text")
        case "error":
            text = f"{output.get('ename')}: {output.get('evalue')}"
        case _:
            data = output.get("data")
            text = _text(data.get("text/plain", "") if isinstance(data, dict) else "", "text/plain")
    return text.strip("\n")


def _text(value: Any, name: str) -> str:
    """A multi-line string, which is one or a list of its lines."""
    if isinstance(value, list) and all(isinstance(line, str) for line in value):
        value = "".join(value)
    if not isinstance(value, str):
        raise ValueError(f"{_NAME}'s cell has no text {name!r}.")
    return value.replace("\r\n", "\n").replace("\r", "\n")

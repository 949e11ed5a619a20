"""A notebook as a script, in the "percent" format that Jupytext, VS Code and Spyder read.

A line `# %%` begins a code cell, `# %% [markdown]` (or `[md]`, `[raw]`) a text cell, whose lines
are comments; a title may stand in that line. The format has no outputs: here `# %% [output]` begins
one, with lines that are comments, too, so that other programs read a cell of comments and run
nothing.
(https://jupytext.readthedocs.io/en/latest/formats-scripts.html, "The percent format")
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from model.prompts.metadata import CellKind, NotebookCell

# What is asked for: another cell, or more of the last one.
NextCell = Literal["code", "text", "output", "same"]

_MARKER = re.compile(r"^#[ \t]*%%+(?:[ \t\r\[][^\n]*)?(?:\n|\Z)", re.MULTILINE)
_KIND = re.compile(r"(?:%|\s)\[(markdown|md|raw|output)\](?:\s|\Z)")
_MARKERS: dict[CellKind, str] = {
    "code": "# %%",
    "text": "# %% [markdown]",
    "output": "# %% [output]",
}
# Jupytext's own, about the notebook: no cell.
_FRONT_MATTER = re.compile(r"\A# ---[ \t]*\r?\n(?:#[^\n]*\n)*?# ---[ \t]*(?:\r?\n|\Z)")


@dataclass(frozen=True, slots=True)
class PercentCell:
    """
    Attributes:
        marker: the line that begins it, with its line break; "" for what stands before the first.
        body: all up to the next one.
    """

    marker: str
    body: str

    @property
    def kind(self) -> CellKind:
        found = _KIND.search(self.marker)
        if found is None:
            return "code"
        return "output" if found[1] == "output" else "text"

    @property
    def source(self) -> str:
        """What is written in it, no longer as comments; its end as it was typed."""
        if self.kind == "code":
            text = self.body if self.marker else _FRONT_MATTER.sub("", self.body)
        else:
            text = "\n".join(map(_uncomment, self.body.split("\n")))
        return text.lstrip("\r\n")


def read_cells(text: str) -> list[PercentCell]:
    """The cells of `text`: their markers and bodies, put together, are `text` again."""
    starts = [(match.start(), match.end()) for match in _MARKER.finditer(text)]
    first = starts[0][0] if starts else len(text)
    cells = [PercentCell("", text[:first])] if first else []
    ends = [start for start, _ in starts[1:]] + [len(text)]
    for (start, body), end in zip(starts, ends, strict=False):
        cells.append(PercentCell(text[start:body], text[body:end]))
    return cells


def write_cells(cells: Sequence[NotebookCell]) -> str:
    """`cells` as a script, an empty line between them. Of one whose text has lines that are markers
    themselves the format makes several."""
    return "".join(f"{_write_cell(cell)}\n\n" for cell in cells)[:-1]


def told_cells(text: str, next_cell: NextCell) -> tuple[NotebookCell, ...]:
    """What the model is told of the notebook that `text` is.

    Cells without text are left out, as they were of what it learned, but for outputs, and for the
    last one where it goes on in that.
    """
    read = read_cells(text)
    last = read.pop() if read and next_cell == "same" else None
    if _is_opened(read, next_cell):
        read.pop()
    whole = (NotebookCell(cell.kind, cell.source.rstrip("\r\n")) for cell in read)
    cells = tuple(cell for cell in whole if cell.kind == "output" or cell.text.strip())
    return cells if last is None else (*cells, NotebookCell(last.kind, last.source))


@dataclass(frozen=True, slots=True)
class NewText:
    """Where and how the answer is written into a notebook: at its end.

    Attributes:
        kind: of the cell that it belongs to.
        opening: what comes before it: a cell's marker, or what a line still needs to be a comment.
        is_in_line: it goes on in a line that is a comment already.
    """

    kind: CellKind
    opening: str
    is_in_line: bool = False

    def write(self, answer: str) -> str:
        """What is put after the notebook for the answer so far: of a longer answer it is more.

        "" where there is no text in it yet.
        """
        if self.kind == "code":
            return self.opening + answer if answer else ""
        if not answer.strip("\n"):
            return ""
        # A line break is a comment once there is something after it.
        first, *rest = answer.rstrip("\n").split("\n")
        head = first if self.is_in_line else _comment(first)
        return self.opening + "\n".join([head, *map(_comment, rest)])


def plan_text(text: str, next_cell: NextCell) -> NewText:
    """Where the answer goes after `text`. A cell that was just opened for it is filled."""
    cells = read_cells(text)
    if cells and (next_cell == "same" or _is_opened(cells, next_cell)):
        return _go_on(cells[-1])
    kind: CellKind = "code" if next_cell == "same" else next_cell
    return NewText(kind, f"{_gap_after(text)}{_MARKERS[kind]}\n")


def _is_opened(cells: Sequence[PercentCell], next_cell: NextCell) -> bool:
    """Whether the last of them is empty, and for what is asked for."""
    if not cells or cells[-1].kind != next_cell:
        return False
    return bool(cells[-1].marker) and not cells[-1].source.strip()


def _go_on(cell: PercentCell) -> NewText:
    if cell.marker and not cell.marker.endswith("\n"):
        return NewText(cell.kind, "\n")
    line = cell.body.rpartition("\n")[2]
    if cell.kind == "code" or not line:
        return NewText(cell.kind, "")
    return NewText(cell.kind, " " if line == "#" else "", is_in_line=True)


def _gap_after(text: str) -> str:
    """What makes an empty line at the end of `text`."""
    if not text or re.search(r"\n[ \t\r]*\n\Z", text):
        return ""
    return "\n" if text.endswith("\n") else "\n\n"


def _write_cell(cell: NotebookCell) -> str:
    if cell.kind == "code":
        body = cell.text
    else:
        body = "\n".join(map(_comment, cell.text.split("\n"))) if cell.text else ""
    return f"{_MARKERS[cell.kind]}\n{body}" if body else _MARKERS[cell.kind]


def _comment(line: str) -> str:
    return f"# {line}" if line else "#"


def _uncomment(line: str) -> str:
    return line.removeprefix("#").removeprefix(" ") if line.startswith("#") else line

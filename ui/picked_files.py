"""Files of the visitor's own, read in the browser and sent as text: none is kept on the server."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from model.errors import InvalidInputError

# Of one choice or drop. Below what a public server reads of one request, with what goes beside it.
MAX_PICKED_BYTES = 500_000

# What the browser's script says of a file that it did not send.
_PROBLEMS = {
    "long": f"is too long: the files of one go may have {MAX_PICKED_BYTES:,} bytes together.",
    "binary": "is no text: it holds NUL bytes.",
    "encoding": "is not UTF-8: convert it, or paste its text.",
    "unreadable": "could not be read. A folder’s files are chosen one by one.",
}


class PickedFileError(InvalidInputError):
    """Files that were chosen or dropped cannot be used."""


@dataclass(frozen=True, slots=True)
class PickedFile:
    name: str
    text: str


def picking_script(script: Path) -> str:
    """`script` for a `gr.HTML`'s `js_on_load`, with `choose` and `receiveDrops` to call."""
    picker = Path(__file__).with_name("picked_files.js").read_text(encoding="utf-8")
    picker = picker.replace("MAX_BYTES", str(MAX_PICKED_BYTES))
    return f"{picker}\n{script.read_text(encoding='utf-8')}"


def read_picked(files: Sequence[Any]) -> tuple[list[PickedFile], str]:
    """What the browser's script read, and what is wrong with the rest: "" where nothing is.

    Raises:
        PickedFileError: it is not what the script sends.
    """
    usable, problems = [], []
    try:
        for file in files:
            name = str(file["name"])
            if problem := file.get("problem"):
                problems.append(f"{name} {_PROBLEMS[problem]}")
            else:
                usable.append(PickedFile(name, str(file["text"])))
    except (KeyError, TypeError, AttributeError) as error:
        raise PickedFileError("The files could not be read.", "Choose them again.") from error
    return usable, " ".join(problems)

"""What the families read before code, and their forms for commits and notebooks.

Headers are those of the FORMATS text of bigcode-playground (StarCoder) and of the StarCoder 2
paper, section 5.1; commits and notebooks those of the harness's `humanevalpack.py`, of
jupytercoder and of the paper. StarCoder 2 has neither stars nor commits. The header of an exercise
is that of "StarCoder-Prompted" (huggingface/blog: starcoder.md), which solved 40.8 instead of
33.6 percent of HumanEval.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from model.errors import CapabilityError, InvalidInputError
from model.prompts.segments import END_OF_TEXT, FindSpecial, Prompt, Segment, Special, Text

COMMIT_TOKENS = ("<commit_before>", "<commit_msg>", "<commit_after>")
COMMIT_STOP_TOKENS = (END_OF_TEXT, *COMMIT_TOKENS)
EMPTY_OUTPUT = "<empty_output>"
NOTEBOOK_STOP_TOKENS = (
    *(END_OF_TEXT, "<jupyter_start>", "<jupyter_text>", "<jupyter_code>", "<jupyter_output>"),
    *("<jupyter_script>", EMPTY_OUTPUT),
)

EXERCISE_PATH = "solutions/solution_1.py"
EXERCISE_LINE = "# Here is the correct implementation of the code exercise\n"

CellKind = Literal["text", "code", "output"]
_CELL_TOKENS: dict[CellKind, str] = {
    "text": "<jupyter_text>",
    "code": "<jupyter_code>",
    "output": "<jupyter_output>",
}


@dataclass(frozen=True, slots=True)
class MetadataFormat:
    """A family's header.

    Attributes:
        repo_name: the token before a repository's name.
        path: the token before a file's path.
        stars: the token before the number of stars; None where the family has none.
        is_file_opened: the path's token stands before the code even where no path is given.
    """

    name: str
    repo_name: str
    path: str
    stars: str | None
    is_file_opened: bool


STARCODER = MetadataFormat("StarCoder", "<reponame>", "<filename>", "<gh_stars>", False)
STARCODER2 = MetadataFormat("StarCoder 2", "<repo_name>", "<file_sep>", None, True)


@dataclass(frozen=True, slots=True)
class Header:
    """What the model is told of a file before its code.

    Attributes:
        repo_name: of the repository, as "owner/name".
        stars: their number as it was typed, usable or not; `build_header` reads it.
        is_exercise: the code answers an exercise, at a path for such where none is given.
    """

    path: str = ""
    repo_name: str = ""
    stars: str = ""
    is_exercise: bool = False

    def __bool__(self) -> bool:
        return bool(self.path or self.repo_name or self.stars or self.is_exercise)


NO_HEADER = Header()


@dataclass(frozen=True, slots=True)
class NotebookCell:
    """One piece of a notebook. An empty output is told to the model as such."""

    kind: CellKind
    text: str


def detect_metadata(special_id: FindSpecial) -> MetadataFormat | None:
    """The header whose tokens the vocabulary has; None where no family's are complete.

    SmolLM2 has the tokens of both and gets StarCoder's, which say more.
    """
    for dialect in (STARCODER, STARCODER2):
        tokens = (dialect.repo_name, dialect.path, *filter(None, [dialect.stars]))
        if all(special_id(token) is not None for token in tokens):
            return dialect
    return None


def knows_commits(special_id: FindSpecial) -> bool:
    return all(special_id(token) is not None for token in COMMIT_TOKENS)


def knows_notebooks(special_id: FindSpecial) -> bool:
    tokens = ("<jupyter_start>", *_CELL_TOKENS.values(), EMPTY_OUTPUT)
    return all(special_id(token) is not None for token in tokens)


def build_header(dialect: MetadataFormat, header: Header) -> Prompt:
    """What stands before the code; empty where nothing is given.

    Raises:
        CapabilityError: stars for a family that has no token for them.
        InvalidInputError: the stars are no number that a repository can have.
    """
    if header.stars and dialect.stars is None:
        raise CapabilityError(f"{dialect.name} was not told stars.", "Leave the stars out.")
    path = header.path or (EXERCISE_PATH if header.is_exercise else "")
    segments: list[Segment] = []
    if header.repo_name:
        segments += [Special(dialect.repo_name), Text(header.repo_name, "context")]
    if path or (segments and dialect.is_file_opened):
        segments.append(Special(dialect.path))
    if path:
        segments.append(Text(path, "context"))
    if header.stars and dialect.stars is not None:
        segments += [Special(dialect.stars), Text(star_bucket(header.stars), "markup")]
    # StarCoder 2's code follows `<file_sep>` at once where there is no path.
    if segments and (path or not dialect.is_file_opened):
        exercise = EXERCISE_LINE if header.is_exercise else ""
        segments.append(Text(f"\n{exercise}", "markup"))
    return tuple(segments)


def star_bucket(stars: str) -> str:
    """The interval that StarCoder was told instead of the number; a bound counts as the lower's.

    Raises:
        InvalidInputError: it is no whole number, or negative.
    """
    if not (stars.isascii() and stars.isdecimal()):
        raise InvalidInputError(
            f"A repository cannot have {stars[:40]} stars.", "Type a whole number, or none."
        )
    num_stars = int(stars[:18])
    if num_stars == 0:
        return "0"
    buckets = ((10, "1-10"), (100, "10-100"), (1000, "100-1000"))
    return next((bucket for most, bucket in buckets if num_stars <= most), "1000+")


def build_commit(before: str, message: str) -> Prompt:
    """StarCoder: code and a commit message; the code after that commit follows."""
    return (
        Special("<commit_before>"),
        Text(before, "prefix"),
        Special("<commit_msg>"),
        Text(message, "prompt"),
        Special("<commit_after>"),
    )


def build_notebook(
    cells: Sequence[NotebookCell], next_kind: CellKind, begun: str | None = None
) -> Prompt:
    """Both families: the cells so far; one of `next_kind` follows.

    The text next to what the model writes is the part "cell", all before it "cells".

    Args:
        begun: what the cell that follows begins with, where it is there already.
    """
    segments: list[Segment] = [Special("<jupyter_start>")]
    last = len(cells) - 1
    for index, cell in enumerate(cells):
        segments.append(Special(_CELL_TOKENS[cell.kind]))
        if cell.kind == "output" and not cell.text:
            segments.append(Special(EMPTY_OUTPUT))
        else:
            is_next = index == last and begun is None
            segments.append(Text(cell.text, "cell" if is_next else "cells"))
    segments.append(Special(_CELL_TOKENS[next_kind]))
    return tuple(segments) if begun is None else (*segments, Text(begun, "cell"))


def build_notebook_script(code: str) -> Prompt:
    """StarCoder 2: a notebook that was turned into a script; its code follows."""
    return (Special("<jupyter_script>"), Text(code, "prompt"))

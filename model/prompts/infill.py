"""Fill-in-the-middle: prefix and suffix to a prompt whose continuation is the middle.

Stub of the interface; see the docstrings for what it must do.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from model.prompts.segments import Prompt

InfillOrder = Literal["psm", "spm"]


@dataclass(frozen=True, slots=True)
class RepositoryFile:
    path: str
    text: str


@dataclass(frozen=True, slots=True)
class InfillFormat:
    """A family's infill dialect.

    Attributes:
        name: "StarCoder", "StarCoder 2", "SantaCoder".
        stop_tokens: special tokens that end the middle.
        orders: the orders it was trained on.
    """

    name: str
    prefix: str
    suffix: str
    middle: str
    stop_tokens: tuple[str, ...]
    orders: tuple[InfillOrder, ...] = ("psm", "spm")
    repo_name: str | None = None
    file_sep: str | None = None


def detect_infill(special_id: Callable[[str], int | None]) -> InfillFormat | None: ...


def build_infill(
    dialect: InfillFormat,
    prefix: str,
    suffix: str,
    *,
    order: InfillOrder = "psm",
    path: str = "",
    repo_name: str = "",
    context: tuple[RepositoryFile, ...] = (),
) -> Prompt: ...

"""Reads the labelled set: templates in `frozen/` and `tuning/`, filled from a seed.

A file holds templates, each below a line `=== title`. In them

- `«EMAIL:upper»`, a name of `values.VALUES` in capitals, is a planted value and labelled,
- `«sha1»`, a name of it in small letters, is a value that must not be found,
- `«one|another»` is one of these texts,

and everything else is text in which nothing is to be found. A template is filled `FILLS` times,
with other values each time.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Literal

from benchmarks.pii_set.values import VALUES

Half = Literal["frozen", "tuning"]

FOLDER = Path(__file__).parent
FILLS = 2
SLOT = re.compile(r"«([^«»]*)»")


@dataclass(frozen=True)
class Label:
    """One planted value: `text[start:end]` of its snippet."""

    kind: str
    start: int
    end: int


@dataclass(frozen=True)
class Snippet:
    """`name` says file, title and number of the fill."""

    name: str
    language: str
    text: str
    labels: tuple[Label, ...]


def read_half(half: Half) -> list[Snippet]:
    """Every snippet of one half; the same at each call."""
    snippets = []
    for path in sorted((FOLDER / half).glob("*.txt")):
        templates = re.split(r"^=== ", path.read_text(encoding="utf-8"), flags=re.MULTILINE)
        for template in templates[1:]:
            title, _, body = template.partition("\n")
            for number in range(FILLS):
                name = f"{half}/{path.stem}: {title} ({number + 1})"
                text, labels = fill(body, Random(name))
                snippets.append(Snippet(name, path.stem, text, labels))
    return snippets


def fill(template: str, random: Random) -> tuple[str, tuple[Label, ...]]:
    """The template's text with its slots filled, and the labels of those in capitals.

    Raises:
        KeyError: a slot has no value of its name.
    """
    text, labels, rest = "", [], 0
    for slot in SLOT.finditer(template):
        text += template[rest : slot.start()]
        rest, name = slot.end(), slot[1]
        value = random.choice(name.split("|")) if "|" in name else VALUES[name](random)
        kind = name.partition(":")[0]
        if kind.isupper() and "|" not in name:
            labels.append(Label(kind, len(text), len(text) + len(value)))
        text += value
    return text + template[rest:], tuple(labels)

"""Small corpora of code that never was, and their indexes."""

from __future__ import annotations

import random
from pathlib import Path

from safety.attribution.building import Builder, Plan
from safety.attribution.index import Index

WORDS = [f"name_{number:x}" for number in range(4096)] + [*"()[]{}:=+-*/,.", "return", "if", "for"]


def write_code(rng: random.Random, num_words: int) -> str:
    """Words that stand in this order nowhere else, with all kinds of white space between them."""
    return "".join(
        rng.choice(WORDS) + rng.choice([" ", " ", " ", "\n", "\n    ", "\t", "\r\n", "\u00a0"])
        for _ in range(num_words)
    )


def write_corpus(folder: Path, num_files: int, *, seed: int = 0) -> list[str]:
    """The files' texts, in the order of their names."""
    rng = random.Random(seed)
    texts = [write_code(rng, 300) for _ in range(num_files)]
    folder.mkdir(parents=True, exist_ok=True)
    for number, text in enumerate(texts):
        (folder / f"{number:04}.py").write_bytes(text.encode())
    return texts


def build(folder: Path, out: Path, false_positive_rate: float = 1e-6) -> Index:
    return Builder(Plan((folder,), out, false_positive_rate)).build()

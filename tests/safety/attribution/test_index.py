"""The index: what stands in the corpus is found at its place, and hardly anything else."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest

from safety.attribution.index import (
    FORMAT,
    PIECE,
    AttributionError,
    Facts,
    Index,
    load_index,
)
from safety.attribution.normal_text import normalize
from tests.safety.attribution.corpora import build, write_code, write_corpus


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[str], Path]:
    folder = tmp_path_factory.mktemp("corpus")
    texts = write_corpus(folder / "code", 60)
    build(folder / "code", folder / "index")
    return texts, folder / "index"


def test_each_of_a_thousand_planted_overlaps_of_fifty_characters_is_found(
    corpus: tuple[list[str], Path],
) -> None:
    texts, path = corpus
    index, rng = load_index(path), random.Random(7)
    for number in range(1000):
        source = normalize(rng.choice(texts))
        start = rng.randrange(len(source) - 50)
        planted = "".join(map(chr, source.codes[start : start + 50]))
        before, after = (write_code(rng, rng.randrange(40)) + "\u2016" for _ in range(2))
        document = f"{before}{planted}\u2016{after}"
        places = index.find(document)
        assert len(places) == 1, number
        (first, last), end = places[0], len(before) + len(planted)
        assert len(before) <= first <= len(before) + 10, number
        assert end - 10 <= last <= end, number


def test_another_white_space_hides_nothing(corpus: tuple[list[str], Path]) -> None:
    texts, path = corpus
    copied = "\n\n\t".join(texts[3].split())
    places = load_index(path).find(f"😀 é\n{copied}")
    assert len(places) == 1
    assert places[0][0] <= 14
    assert places[0][1] >= len(copied) - 10


def test_text_that_is_not_there_is_not_found(corpus: tuple[list[str], Path]) -> None:
    rng = random.Random(99)
    index = load_index(corpus[1])
    assert [index.find(write_code(rng, 2000)) for _ in range(20)] == [[]] * 20
    assert index.find("") == []
    assert index.find(texts_head(corpus[0][0], 49)) == []


def texts_head(text: str, num_chars: int) -> str:
    return text[: normalize(text).places[num_chars]]


def test_a_long_text_is_looked_up_over_the_edges_of_its_pieces(
    corpus: tuple[list[str], Path],
) -> None:
    planted = texts_head(corpus[0][5], 120)
    text = "\u2016" * (PIECE - 60) + planted + "\u2016" * 100
    ((first, last),) = load_index(corpus[1]).find(text)
    assert PIECE - 60 <= first <= PIECE - 50
    assert last >= PIECE - 60 + len(planted) - 10


@pytest.mark.parametrize("rate", [1e-2, 1e-3])
def test_the_rate_of_false_positives_is_the_stated_one(rate: float) -> None:
    rng = np.random.default_rng(5)
    index = Index(Facts(rate, 200_000))
    index.add(rng.integers(0, 2**64, 200_000, np.uint64))
    others = rng.integers(0, 2**64, 200_000, np.uint64).tolist()
    measured = sum(map(index.holds, others)) / len(others)
    assert rate / 1.5 <= measured <= rate * 1.5


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda data: b"\x00" * 100, "is no attribution index"),
        (lambda data: b"", "is no attribution index"),
        (lambda data: FORMAT, "is damaged"),
        (lambda data: FORMAT + b"[1]\n", "is damaged"),
        (lambda data: data[:-1], "is damaged or was cut off"),
        (lambda data: data[:-9] + b"x" + data[-8:], "is damaged or was cut off"),
        (lambda data: data.replace(b'"version": 1', b'"version": 2'), "by another version"),
        (lambda data: data.replace(b'"gram": 40', b'"gram": 41'), "by another version"),
        (lambda data: data.replace(b'"capacity"', b'"capacitx"'), "is damaged"),
        (lambda data: data.replace(b'"roots"', b'"rootx"'), "is damaged"),
    ],
)
def test_what_is_no_index_of_this_version_is_told_apart(
    corpus: tuple[list[str], Path], tmp_path: Path, damage, message: str
) -> None:
    path = tmp_path / "index"
    path.write_bytes(damage(corpus[1].read_bytes()))
    with pytest.raises(AttributionError, match=message):
        load_index(path)


def test_a_file_that_is_not_there_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(AttributionError, match="No such file"):
        load_index(tmp_path / "none")
    with pytest.raises(AttributionError, match="directory"):
        load_index(tmp_path)

"""Words and random strings are told apart, and the figures can be made anew."""

from __future__ import annotations

import json
from pathlib import Path
from random import Random

import pytest

from benchmarks.pii_set.values import alphanumeric
from safety.gibberish import MODEL, SYMBOLS, train, wordiness
from safety.gibberish_training import library_words, write


@pytest.mark.parametrize(
    "word",
    [
        "selectCurrentWorkspaceMembership",
        "MAX_BUFFER_SIZE_IN_BYTES",
        "correct-horse-battery-staple",
        "com/google/common/collect/ImmutableList",
        "getElementsByTagNameNS2",
    ],
)
def test_words_are_likelier_words(word: str) -> None:
    assert wordiness(word) > 0


def test_random_strings_are_not() -> None:
    random = Random(7)
    scores = [wordiness(alphanumeric(24)(random)) for _ in range(1000)]
    assert sum(score > -0.6 for score in scores) < 5


def test_a_string_without_pairs_says_nothing() -> None:
    assert wordiness("") == wordiness("a") == 0


def test_what_was_seen_is_likelier_than_what_was_not() -> None:
    figures = train(["abab", "ab"])
    a, b, z = (SYMBOLS.index(symbol) for symbol in "abz")
    assert figures[a][b] > figures[a][z]
    assert figures[b][a] > figures[b][b]


def test_training_reads_a_folder_without_its_tests_and_gives_the_same_file(tmp_path: Path) -> None:
    library = tmp_path / "library"
    (library / "test").mkdir(parents=True)
    (library / "one.py").write_text("def spam(eggs): return eggs\n", encoding="utf-8")
    (library / "test" / "two.py").write_text("hidden = 1\n", encoding="utf-8")
    words = library_words(library)
    assert words == ["def", "eggs", "return", "spam"]
    files = [tmp_path / name for name in ("a.json", "b.json")]
    for file in files:
        write(train(library_words(library)), file)
    assert files[0].read_bytes() == files[1].read_bytes()
    assert json.loads(files[0].read_text(encoding="utf-8")) == train(words)


def test_the_file_in_the_repository_has_a_row_for_each_symbol() -> None:
    rows = json.loads(MODEL.read_text(encoding="utf-8"))
    assert [len(row) for row in rows] == [len(SYMBOLS)] * len(SYMBOLS)

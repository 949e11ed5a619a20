"""The benchmark of the index counts what it says."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from benchmarks.attribution import NUM_DOCUMENTS, find_planted, main, plant, read_texts
from safety.attribution.index import Facts, Index
from safety.attribution.normal_text import normalize
from tests.safety.attribution.corpora import build, write_corpus


def test_fifty_characters_are_planted_as_they_stand() -> None:
    text = "a\t\n" * 100
    document = plant(random.Random(1), text)
    planted = document.split("|")[1]
    assert planted in text
    assert len(normalize(planted)) == 50


def test_what_is_planted_is_found_where_it_was_put_in_and_nowhere_else(tmp_path: Path) -> None:
    texts = write_corpus(tmp_path / "code", 3)
    assert list(read_texts([tmp_path / "code"])) == texts
    assert find_planted(build(tmp_path / "code", tmp_path / "index"), texts) == NUM_DOCUMENTS
    assert find_planted(Index(Facts(1e-6, 1000)), texts) == 0


def test_it_prints_a_row_for_each_rate(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write_corpus(tmp_path / "code", 3)
    monkeypatch.setattr("benchmarks.attribution.NUM_CHARS", 60_000)
    main([str(tmp_path / "code")])
    rows = capsys.readouterr().out.splitlines()[2:]
    assert [row.split("|")[1].strip() for row in rows] == ["0.001", "1e-06"]
    assert all("| 1000 of 1000 |" in row for row in rows)

"""How the labelled set is counted, and that the detector keeps what it has reached on it."""

from __future__ import annotations

import pytest

from benchmarks.pii import HALVES, KINDS, judge, main, matches
from benchmarks.pii_set.snippets import Half, Label, Snippet, read_half
from safety.detector import PatternDetector
from safety.spans import Kind, Span


class Told:
    def __init__(self, *spans: Span) -> None:
        self.spans = spans

    def find(self, text: str) -> list[Span]:
        return list(self.spans)


def span(start: int, end: int, kind: Kind = "EMAIL") -> Span:
    return Span(start, end, kind, "x", 0.9)


def test_found_missed_and_wrong_are_counted() -> None:
    labels = (Label("EMAIL", 0, 3), Label("EMAIL", 5, 8))
    score = judge(Told(span(0, 3), span(6, 8)), [Snippet("name", "python", "x" * 9, labels)])
    assert (score.found["EMAIL"], score.missed["EMAIL"], score.wrong["EMAIL"]) == (1, 1, 1)
    assert score.precision("EMAIL") == score.recall("EMAIL") == 0.5
    assert len(score.mistakes) == 2


def test_an_address_must_be_met_exactly_and_a_key_covered_by_little_more() -> None:
    assert matches(span(0, 8), Label("EMAIL", 0, 8))
    assert not matches(span(0, 9), Label("EMAIL", 0, 8))
    assert not matches(span(0, 8, "KEY"), Label("EMAIL", 0, 8))
    assert matches(span(0, 10, "KEY"), Label("KEY", 2, 10))
    assert not matches(span(0, 20, "KEY"), Label("KEY", 2, 10))
    assert not matches(span(3, 10, "KEY"), Label("KEY", 2, 10))


def test_the_set_has_300_snippets_in_ten_languages() -> None:
    halves = [read_half(half) for half in HALVES]
    assert sum(map(len, halves)) >= 300
    assert all(len({snippet.language for snippet in half}) >= 10 for half in halves)


@pytest.mark.parametrize("half", HALVES)
def test_the_aims_are_met_in_both_halves(half: Half) -> None:
    score = judge(PatternDetector(), read_half(half))
    for kind in KINDS:
        aim = 0.9 if kind == "KEY" else 0.95
        assert score.precision(kind) >= aim, kind
        assert score.recall(kind) >= aim, kind


def test_the_tables_are_printed(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("benchmarks.pii.ROUNDS", 1)
    main(["--show"])
    printed = capsys.readouterr().out
    assert printed.count("| KEY |") == 2
    assert "100 kB:" in printed

"""Of spans that overlap the surest is kept."""

from __future__ import annotations

from safety.spans import Kind, Span, without_overlaps


def span(start: int, end: int, confidence: float = 0.9, kind: Kind = "KEY") -> Span:
    return Span(start, end, kind, "x" * (end - start), confidence)


def test_spans_come_by_place() -> None:
    assert without_overlaps([span(5, 7), span(0, 2), span(2, 4)]) == [
        span(0, 2),
        span(2, 4),
        span(5, 7),
    ]


def test_the_surer_of_two_is_kept_wherever_it_stands() -> None:
    assert without_overlaps([span(0, 5, 0.5), span(3, 8, 0.9)]) == [span(3, 8, 0.9)]
    assert without_overlaps([span(0, 5, 0.9), span(3, 8, 0.5)]) == [span(0, 5, 0.9)]


def test_the_longer_of_two_as_sure_is_kept() -> None:
    assert without_overlaps([span(0, 5), span(0, 9)]) == [span(0, 9)]
    assert without_overlaps([span(0, 9), span(4, 6)]) == [span(0, 9)]

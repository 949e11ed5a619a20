"""What two detectors find together covers what each found."""

from __future__ import annotations

from safety.spans import Kind, Span
from safety.union import UnionDetector, join

TEXT = "0123456789" * 2


def span(start: int, end: int, kind: Kind = "KEY", confidence: float = 0.9) -> Span:
    return Span(start, end, kind, TEXT[start:end], confidence)


class Finds:
    def __init__(self, *spans: Span) -> None:
        self.spans = list(spans)

    def find(self, text: str) -> list[Span]:
        return self.spans


def test_what_each_finds_alone_is_found_by_place() -> None:
    first, second, third = span(0, 3), span(5, 8, "NAME"), span(8, 10)
    assert UnionDetector([Finds(first, third), Finds(second)]).find(TEXT) == [first, second, third]


def test_what_both_find_is_one_span_as_sure_as_the_surer() -> None:
    assert join(TEXT, [span(0, 5, confidence=0.6), span(0, 5, confidence=0.8)]) == [
        span(0, 5, confidence=0.8)
    ]


def test_the_longer_of_one_kind_stays_and_is_as_sure_as_the_surer() -> None:
    assert join(TEXT, [span(0, 12, confidence=0.5), span(3, 6, confidence=0.99)]) == [
        span(0, 12, confidence=0.99)
    ]


def test_spans_of_one_kind_that_overlap_leave_nothing_of_either() -> None:
    assert join(TEXT, [span(0, 6), span(4, 9), span(8, 12)]) == [span(0, 12)]


def test_the_longer_of_two_kinds_stays_though_less_sure() -> None:
    longer = span(0, 9, "PASSWORD", 0.5)
    assert join(TEXT, [longer, span(2, 5, "KEY", 0.99)]) == [longer]
    assert join(TEXT, [span(0, 3, "KEY", 0.99), span(1, 9, "NAME", 0.5)]) == [
        span(1, 9, "NAME", 0.5)
    ]


def test_the_surer_of_two_kinds_as_long_stays() -> None:
    assert join(TEXT, [span(0, 5, "KEY", 0.6), span(0, 5, "PASSWORD", 0.8)]) == [
        span(0, 5, "PASSWORD", 0.8)
    ]

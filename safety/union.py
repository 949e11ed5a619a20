"""Several detectors asked as one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from safety.spans import Detector, Span


class UnionDetector:
    """Finds what any of `detectors` finds."""

    def __init__(self, detectors: Sequence[Detector]) -> None:
        self._detectors = tuple(detectors)

    def find(self, text: str) -> list[Span]:
        return join(text, (span for one in self._detectors for span in one.find(text)))


def join(text: str, spans: Iterable[Span]) -> list[Span]:
    """`spans` of several detectors without overlaps, by place, so that redaction leaves least.

    Of one kind, those that overlap become one span over all of them, as sure as the surest. Of two
    kinds the longer stays, and of those as long the surer.
    """
    kept: list[Span] = []
    for span in sorted(spans):
        if not kept or kept[-1].end <= span.start:
            kept.append(span)
        elif kept[-1].kind == span.kind:
            kept[-1] = _cover(text, kept[-1], span)
        elif _rank(span) > _rank(kept[-1]):
            kept[-1] = span
    return kept


def _cover(text: str, first: Span, second: Span) -> Span:
    end = max(first.end, second.end)
    confidence = max(first.confidence, second.confidence)
    return Span(first.start, end, first.kind, text[first.start : end], confidence)


def _rank(span: Span) -> tuple[int, float]:
    return span.end - span.start, span.confidence

"""How well and how fast the default detector finds personal data.

Precision and recall per kind over the labelled set (`benchmarks.pii_set`), its frozen half and the
one that the detector was tuned on. A planted value counts as found where a span of its kind covers
all of it, and for a key is at most a fourth longer; for the others the span must be the same.

`python -m benchmarks.pii` prints both tables and the median time of a scan of 100,000 characters;
with `--show`, what was missed and what was found wrongly in the half for tuning. The other half's
mistakes are not shown: who reads them tunes on them.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from benchmarks.pii_set.snippets import Half, Label, Snippet, read_half
from safety.detector import PatternDetector
from safety.spans import Detector, Span

KINDS = ("EMAIL", "IP_ADDRESS", "KEY")
HALVES: tuple[Half, ...] = ("frozen", "tuning")
SCAN_CHARS = 100_000
ROUNDS = 15


@dataclass
class Score:
    """Counts per kind, and what went wrong as lines to read."""

    found: Counter[str] = field(default_factory=Counter)
    missed: Counter[str] = field(default_factory=Counter)
    wrong: Counter[str] = field(default_factory=Counter)
    mistakes: list[str] = field(default_factory=list)

    def precision(self, kind: str) -> float:
        return self.found[kind] / max(1, self.found[kind] + self.wrong[kind])

    def recall(self, kind: str) -> float:
        return self.found[kind] / max(1, self.found[kind] + self.missed[kind])


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.pii", description=__doc__)
    parser.add_argument("--show", action="store_true", help="list what went wrong")
    options = parser.parse_args(argv)

    detector = PatternDetector()
    for half in HALVES:
        snippets = read_half(half)
        score = judge(detector, snippets)
        print(f"\n{half}: {len(snippets)} snippets\n")
        print_table(score)
        if options.show and half == "tuning":
            print("\n".join(score.mistakes))
    clock, process = median_scan(detector)
    times = f"{1000 * clock:.0f} ms, of these {1000 * process:.0f} ms of this process"
    print(f"\n100 kB: {times}, medians of {ROUNDS}")


def judge(detector: Detector, snippets: Sequence[Snippet]) -> Score:
    score = Score()
    for snippet in snippets:
        spans = detector.find(snippet.text)
        for label in snippet.labels:
            hit = next((span for span in spans if matches(span, label)), None)
            value = snippet.text[label.start : label.end]
            if hit is None:
                score.missed[label.kind] += 1
                score.mistakes.append(f"missed {label.kind} {value!r} in {snippet.name}")
            else:
                score.found[label.kind] += 1
                spans.remove(hit)
        for span in spans:
            score.wrong[span.kind] += 1
            score.mistakes.append(f"wrong {span.kind} {span.value!r} in {snippet.name}")
    return score


def matches(span: Span, label: Label) -> bool:
    if span.kind != label.kind:
        return False
    if span.kind != "KEY":
        return (span.start, span.end) == (label.start, label.end)
    covers = span.start <= label.start and label.end <= span.end
    return covers and span.end - span.start <= 1.25 * (label.end - label.start)


def print_table(score: Score) -> None:
    print("| kind | planted | found | wrong | precision | recall |")
    print("| --- | --- | --- | --- | --- | --- |")
    for kind in KINDS:
        planted = score.found[kind] + score.missed[kind]
        counts = f"{planted} | {score.found[kind]} | {score.wrong[kind]}"
        print(f"| {kind} | {counts} | {score.precision(kind):.3f} | {score.recall(kind):.3f} |")


def median_scan(detector: Detector) -> tuple[float, float]:
    """Seconds for 100,000 characters, on the clock and of this process: the snippets of both halves
    one after the other, repeated."""
    text = "\n".join(snippet.text for half in HALVES for snippet in read_half(half))
    text = (text * (SCAN_CHARS // len(text) + 1))[:SCAN_CHARS]
    detector.find(text)
    seconds = []
    for _ in range(ROUNDS):
        start = time.perf_counter(), time.process_time()
        detector.find(text)
        seconds.append((time.perf_counter() - start[0], time.process_time() - start[1]))
    clock, process = zip(*seconds, strict=True)
    return statistics.median(clock), statistics.median(process)


if __name__ == "__main__":
    main()

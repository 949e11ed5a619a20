"""How fast an index of code is built and asked, how large it is, and how often it is wrong.

    python -m benchmarks.attribution [DIR ...]

Without folders, the sources of Python's standard library. The median of three builds; the rate of
false positives is measured with fingerprints of text that never was; and of 1,000 documents with 50
characters of the corpus planted in each, the share in which they are found.
"""

from __future__ import annotations

import argparse
import random
import statistics
import string
import sysconfig
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from safety.attribution.building import Builder, Plan
from safety.attribution.fingerprints import GUARANTEED, find_fingerprints
from safety.attribution.index import Index
from safety.attribution.normal_text import normalize
from safety.files import SkippedFileError, read_text

ROUNDS = 3
RATES = (1e-3, 1e-6)
NUM_DOCUMENTS = 1000
NUM_CHARS = 12_000_000  # some two million fingerprints
ASKED_CHARS = 100_000


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.attribution", description=__doc__)
    default = [Path(sysconfig.get_path("stdlib"))]
    parser.add_argument("roots", nargs="*", type=Path, default=default, metavar="DIR")
    roots = tuple(parser.parse_args(argv).roots)
    texts = [text for text in read_texts(roots) if len(normalize(text)) > GUARANTEED]
    strange = find_fingerprints(normalize(random_text(NUM_CHARS)))[0].tolist()
    print("| rate stated | measured | built, MB/s | bytes per MB of code | found | 100 kB asked |")
    print("| --- | --- | --- | --- | --- | --- |")
    for rate in RATES:
        with tempfile.TemporaryDirectory() as folder:
            plan = Plan(roots, Path(folder, "index"), rate)
            index, seconds = time_builds(plan)
            size = plan.out.stat().st_size
        megabytes = index.facts.num_bytes / 1e6
        measured = sum(map(index.holds, strange)) / len(strange)
        print(
            f"| {rate:g} | {measured:.2g} | {megabytes / seconds:.1f} | {size / megabytes:,.0f} "
            f"| {find_planted(index, texts)} of {NUM_DOCUMENTS} | {ask(index) * 1000:.0f} ms |"
        )


def time_builds(plan: Plan) -> tuple[Index, float]:
    """The index, and the median of the seconds that it took."""
    taken = []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        index = Builder(plan).build()
        taken.append(time.perf_counter() - start)
    return index, statistics.median(taken)


def find_planted(index: Index, texts: Sequence[str]) -> int:
    """In how many documents the planted characters are found."""
    rng = random.Random(3)
    return sum(bool(index.find(plant(rng, rng.choice(texts)))) for _ in range(NUM_DOCUMENTS))


def plant(rng: random.Random, text: str) -> str:
    normal = normalize(text)
    start = rng.randrange(len(normal) - GUARANTEED)
    taken = text[normal.places[start] : normal.end_of(start + GUARANTEED - 1)]
    return f"{random_text(rng.randrange(300), rng)}|{taken}|{random_text(rng.randrange(300), rng)}"


def ask(index: Index) -> float:
    """Seconds for a text of `ASKED_CHARS` characters, the median."""
    text, taken = random_text(ASKED_CHARS), []
    for _ in range(5 * ROUNDS):
        start = time.perf_counter()
        index.find(text)
        taken.append(time.perf_counter() - start)
    return statistics.median(taken)


def random_text(num_chars: int, rng: random.Random | None = None) -> str:
    rng = rng or random.Random(11)
    return "".join(rng.choices(string.ascii_letters + string.digits + " (){}", k=num_chars))


def read_texts(roots: Sequence[Path]) -> Iterator[str]:
    for _, found in Plan(tuple(roots), Path("unused"), RATES[0]).walk():
        if found.problem:
            continue
        try:
            yield read_text(found.path)
        except SkippedFileError:
            continue


if __name__ == "__main__":
    main()

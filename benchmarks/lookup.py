"""What prompt lookup is worth: decoding with it against plain, on the embedded model.

    python -m benchmarks.lookup [--places 12] [--new-tokens 48] [--precision bfloat16]

The prompts are cut out of Python's own library where a line is half written, as an editor would
send them. A seed makes a greedy request plain (`model.engine.lookup`), so both are ordinary
requests to the engine. Each is asked twice and the second is timed, its prompt in the cache.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import sysconfig
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from benchmarks.measure import median_ratio
from model.engine.base import LoadProgress, ResidentModel
from model.engine.events import Finished, Prefill, Token
from model.engine.generation import GenerationRequest
from model.engine.local import LocalEngine
from model.fitting import fit
from model.loading.cache import user_cache_folder
from model.loading.embedded import prepare_embedded
from model.presets import EMBEDDED_BASE
from model.requests import CompletionRequest, InfillRequest
from model.sampling import SamplingParams

CHARS_BEFORE, CHARS_AFTER = 3_000, 1_300  # some 900 and 400 tokens
LIBRARY = ("argparse", "ast", "calendar", "difflib", "inspect", "mailbox", "pathlib", "tarfile")


@dataclass(frozen=True, slots=True)
class Decoded:
    """Ids of what came, and its tokens per second once the prompt is read."""

    ids: tuple[int, ...]
    speed: float


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.lookup", description=__doc__)
    parser.add_argument("--places", type=int, default=12)
    parser.add_argument("--new-tokens", type=int, default=48)
    parser.add_argument("--precision", default="bfloat16")
    options = parser.parse_args(argv)

    folder = prepare_embedded("base", _say)
    engine = LocalEngine(cache_folder=user_cache_folder(), precision=options.precision)
    resident = engine.load("base", EMBEDDED_BASE, folder, _say)
    params = SamplingParams(temperature=0, max_new_tokens=options.new_tokens)
    places = list(_places(options.places))
    print(f"{resident.preset.title} in {resident.precision}, {options.new_tokens} new tokens\n")
    print("| request | places | speed, lookup : plain | range | same text |")
    print("| --- | --- | --- | --- | --- |")
    for name, requests in {
        "continue": [CompletionRequest(before, params) for before, _ in places],
        "infill": [InfillRequest(before, after, params) for before, after in places],
    }.items():
        pairs = [asyncio.run(_compare(engine, resident, request)) for request in requests]
        _print_row(name, pairs)
    engine.close()


async def _compare(
    engine: LocalEngine, resident: ResidentModel, request: CompletionRequest | InfillRequest
) -> tuple[Decoded, Decoded]:
    """With lookup, and plain."""
    lookup = fit(request, resident, overflow="trim").generation
    plain = replace(lookup, params=replace(lookup.params, seed=0))
    decoded = []
    for generation in (lookup, plain):
        await _decode(engine, generation)
        decoded.append(await _decode(engine, generation))
    return decoded[0], decoded[1]


async def _decode(engine: LocalEngine, request: GenerationRequest) -> Decoded:
    ids: list[int] = []
    start = time.perf_counter()
    async for event in engine.submit(request, "benchmark"):
        if isinstance(event, Prefill):
            start = time.perf_counter()  # a seed reads the last part of the prompt again
        if isinstance(event, Token) and event.id is not None:
            ids.append(event.id)
        if isinstance(event, Finished):
            return Decoded(tuple(ids), len(ids) / (time.perf_counter() - start))
    raise RuntimeError("the generation failed")


def _places(count: int) -> Iterator[tuple[str, str]]:
    """What stands before and behind `count` carets, each in the middle of a line."""
    library = Path(sysconfig.get_path("stdlib"))
    choice = random.Random(0)
    for number in range(count):
        text = (library / f"{LIBRARY[number % len(LIBRARY)]}.py").read_text(encoding="utf-8")
        caret = choice.randrange(CHARS_BEFORE, len(text) - CHARS_AFTER)
        while not text[caret].isalpha() or not text[caret - 1].isspace():
            caret += 1
        yield text[caret - CHARS_BEFORE : caret], text[caret : caret + CHARS_AFTER]


def _print_row(name: str, pairs: Sequence[tuple[Decoded, Decoded]]) -> None:
    ratios = [lookup.speed / plain.speed for lookup, plain in pairs]
    median = median_ratio(*zip(*((one.speed, other.speed) for one, other in pairs), strict=True))
    same = sum(lookup.ids == plain.ids for lookup, plain in pairs)
    print(
        f"| {name} | {len(pairs)} | {median:.2f} | {min(ratios):.2f} to {max(ratios):.2f} | "
        f"{same} of {len(pairs)} |"
    )


def _say(progress: LoadProgress) -> None:
    print(f"  {progress.stage}")


if __name__ == "__main__":
    main()

"""What healing the white space at a prompt's end is worth, on the embedded base model.

    python -m benchmarks.healing [--per-cut 30] [--new-tokens 24] [--precision bfloat16]

The prompts are the beginnings of short functions of Python's own library, each cut in one of three
places where people stop to type: after the line break behind a colon, after the line break behind a
statement, and after the indentation of the next line. Each is asked twice, greedily: healed, as the
page asks it, and as it stands (`ResidentModel.can_heal` is what decides it).
"""

from __future__ import annotations

import argparse
import ast
import asyncio
import random
import sysconfig
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from difflib import SequenceMatcher
from pathlib import Path
from typing import Literal

from model.engine.base import LoadProgress, ResidentModel
from model.engine.events import Finished, FinishReason, Token
from model.engine.local import LocalEngine
from model.fitting import fit
from model.loading.cache import user_cache_folder
from model.loading.embedded import prepare_embedded
from model.presets import EMBEDDED_BASE
from model.requests import CompletionRequest
from model.sampling import SamplingParams

MIN_LINES, MAX_LINES = 4, 14
NUM_DRAWS = 1_000

Cut = Literal["colon", "statement", "indentation"]
CUTS: dict[Cut, str] = {
    "colon": "`:` and a line break",
    "statement": "a line break",
    "indentation": "indentation",
}


@dataclass(frozen=True, slots=True)
class Place:
    """A prompt, and how the file goes on after it."""

    cut: Cut
    prompt: str
    truth: str


@dataclass(frozen=True, slots=True)
class Answer:
    """What came for a prompt.

    Attributes:
        was_cut: it reached the length limit, so that its last line may not be whole.
        similarity: of the text to as many tokens of the file, from 0 to 1.
    """

    text: str
    was_cut: bool
    parses: bool
    similarity: float

    @property
    def is_nothing(self) -> bool:
        return not self.was_cut and not self.text.strip()


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.healing", description=__doc__)
    parser.add_argument("--per-cut", type=int, default=30)
    parser.add_argument("--new-tokens", type=int, default=24)
    parser.add_argument("--precision", default="bfloat16")
    options = parser.parse_args(argv)

    engine = LocalEngine(cache_folder=user_cache_folder(), precision=options.precision)
    resident = engine.load("base", EMBEDDED_BASE, prepare_embedded("base", _say), _say)
    # With a seed a greedy request is decoded plainly (`model.engine.lookup`).
    params = SamplingParams(temperature=0, max_new_tokens=options.new_tokens, seed=0)
    places = find_places(options.per_cut)
    pairs = asyncio.run(_compare(engine, resident, places, params))
    engine.close()
    print(f"{resident.preset.title} in {resident.precision}, {options.new_tokens} new tokens\n")
    print_table(places, pairs)


def find_places(per_cut: int) -> list[Place]:
    """As many of each cut, no two in one function; the same at each call."""
    choice = random.Random(0)
    files = sorted(Path(sysconfig.get_path("stdlib")).glob("[a-z]*.py"))
    functions = [part for file in files for part in _functions(file.read_text(encoding="utf-8"))]
    choice.shuffle(functions)
    missing = dict.fromkeys(CUTS, per_cut)
    places = []
    for function, rest in functions:
        # What is needed most, so that no cut uses up the functions of another.
        for cut in sorted(missing, key=lambda cut: -missing[cut]):
            if missing[cut] and (found := list(_places(function, rest, cut))):
                places.append(choice.choice(found))
                missing[cut] -= 1
                break
    if any(missing.values()):
        raise RuntimeError(f"This library has too few functions: {missing} are missing.")
    return places


def parses(prompt: str, text: str, *, was_cut: bool) -> bool:
    """Whether `prompt` parses with the first whole lines of `text`, with as many as do; they are
    more than white space."""
    lines = text.splitlines(keepends=True)
    if was_cut and lines and not lines[-1].endswith("\n"):
        lines.pop()
    ends = (sum(map(len, lines[:number])) for number in range(1, len(lines) + 1))
    return any(text[:end].strip() and _is_python(prompt + text[:end]) for end in ends)


def bootstrap(values: Sequence[float]) -> tuple[float, float, float]:
    """The mean, and its 95 % interval: percentiles over draws of as many values."""
    draws = random.Random(0)
    means = sorted(_mean(draws.choices(values, k=len(values))) for _ in range(NUM_DRAWS))
    return _mean(values), means[int(0.025 * NUM_DRAWS)], means[int(0.975 * NUM_DRAWS) - 1]


def print_table(places: Sequence[Place], pairs: Sequence[tuple[Answer, Answer]]) -> None:
    """`pairs` are the answers to `places`, healed and as it stands."""
    figures: dict[str, Callable[[Answer], float]] = {
        "ends at once": lambda answer: answer.is_nothing,
        "parses": lambda answer: answer.parses,
        "similarity": lambda answer: answer.similarity,
    }
    print("| cut after | prompts | | healed | as it stands | difference |")
    print("| --- | --- | --- | --- | --- | --- |")
    for cut, title in [(None, "all"), *CUTS.items()]:
        rows = [pair for place, pair in zip(places, pairs, strict=True) if cut in (None, place.cut)]
        for name, figure in figures.items():
            values = [(float(figure(healed)), float(figure(plain))) for healed, plain in rows]
            cells = [[one for one, _ in values], [other for _, other in values]]
            cells.append([one - other for one, other in values])
            shown = " | ".join(map(_show, map(bootstrap, cells)))
            print(f"| {title} | {len(rows)} | {name} | {shown} |")


async def _compare(
    engine: LocalEngine, resident: ResidentModel, places: Sequence[Place], params: SamplingParams
) -> list[tuple[Answer, Answer]]:
    if not resident.can_heal:
        raise RuntimeError("The model's vocabulary allows no healing.")
    plain = replace(resident, can_heal=False)
    return [
        (
            await _answer(engine, resident, place, params),
            await _answer(engine, plain, place, params),
        )
        for place in places
    ]


async def _answer(
    engine: LocalEngine, resident: ResidentModel, place: Place, params: SamplingParams
) -> Answer:
    request = fit(CompletionRequest(place.prompt, params), resident, overflow="refuse").generation
    text, reason = "", None
    async for event in engine.submit(request, "benchmark"):
        if isinstance(event, Token):
            text += event.text
        if isinstance(event, Finished):
            reason = event.reason
    if reason is None:
        raise RuntimeError("the generation failed")
    tokenizer, was_cut = resident.tokenizer, reason is FinishReason.LENGTH
    truth = tokenizer.decode(tokenizer.encode_text(place.truth)[: params.max_new_tokens])
    similarity = SequenceMatcher(None, text, truth, autojunk=False).ratio()
    return Answer(text, was_cut, parses(place.prompt, text, was_cut=was_cut), similarity)


def _functions(source: str) -> Iterator[tuple[str, str]]:
    """Each short function at the margin without a docstring, and what follows it in its file."""
    lines = source.splitlines(keepends=True)
    for node in ast.parse(source).body:
        if not isinstance(node, ast.FunctionDef) or ast.get_docstring(node) is not None:
            continue
        start, end = node.lineno - 1, node.end_lineno
        if end is not None and MIN_LINES <= end - start <= MAX_LINES:
            yield "".join(lines[start:end]), "".join(lines[end:])


def _places(function: str, rest: str, cut: Cut) -> Iterator[Place]:
    lines = function.splitlines(keepends=True)
    for number in range(1, len(lines)):
        head, following = "".join(lines[:number]), lines[number]
        indentation = following[: len(following) - len(following.lstrip(" "))]
        opens = _is_python(f"{head}{indentation}pass\n") and not _is_python(head)
        if not following.strip() or not (opens or _is_python(head)):
            continue
        if cut == "indentation":
            head += indentation
        elif opens is not (cut == "colon"):
            continue
        yield Place(cut, head, (function + rest)[len(head) :])


def _is_python(text: str) -> bool:
    try:
        ast.parse(text)
    except (SyntaxError, ValueError):
        return False
    return True


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def _show(estimate: tuple[float, float, float]) -> str:
    mean, low, high = estimate
    return f"{mean:.2f} [{low:.2f}, {high:.2f}]"


def _say(progress: LoadProgress) -> None:
    print(f"  {progress.stage}")


if __name__ == "__main__":
    main()

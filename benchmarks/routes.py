"""`make bench`, second half: what a client of `/v1/completions` waits for, on the embedded model.

The bare engine, our route and that of `transformers serve`, on the same weights in the same
precision with as many threads, in turn; and the second keystroke against the first.
"""

from __future__ import annotations

import argparse
import itertools
import statistics
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

import torch

from benchmarks.http_paths import CompletionsPath, transformers_serve
from benchmarks.measure import Sample, median_ratio, sample_in_turn
from benchmarks.paths import CODE, EnginePath, make_prompt
from model.engine.base import LoadProgress
from model.engine.local import LocalEngine
from model.loading.cache import user_cache_folder
from model.loading.embedded import prepare_embedded
from model.presets import EMBEDDED_BASE
from tests.servers import running_app

# Copies of the sample code that make a prompt of a little more than 2,000 tokens, and one that
# leaves 400 of them to the suffix.
NUM_COPIES = 18
NUM_PREFIX_COPIES = 14
SUFFIX = "\n\n\n" + CODE * 4
TYPED = " 25: 625"

Keystrokes = Callable[[int], tuple[Mapping[str, str], Mapping[str, str]]]


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.routes", description=__doc__)
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--new-tokens", type=int, default=64)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    options = parser.parse_args(argv)

    folder = prepare_embedded("base", _say)
    engine = LocalEngine(cache_folder=user_cache_folder(), device="cpu", threads=options.threads)
    resident = engine.load("base", EMBEDDED_BASE, folder, _say)
    flags = ["--base-model", "embedded", "--chat-model", "embedded", "--device", "cpu"]
    flags += ["--threads", str(options.threads), "--precision", resident.precision]
    with ExitStack() as servers:
        app = servers.enter_context(running_app(*flags))
        app.wait_until_ready()
        route = CompletionsPath(app.url, options.new_tokens)
        paths: dict[str, Callable[[int], Sample]] = {
            "engine": EnginePath(engine, resident, options.new_tokens),
            "/v1/completions": route,
        }
        serve = _start_serve(servers, folder, resident.precision, options)
        if serve is not None:
            paths["transformers serve"] = serve
        samples = sample_in_turn(paths, options.repeats)
        print(
            f"\n{resident.preset.title} on {resident.device} in {resident.precision}, "
            f"{options.threads} threads, {options.new_tokens} new tokens, greedy, "
            f"{options.repeats} rounds\n"
        )
        print_paths(samples)
        count = len(resident.tokenizer.encode_text(make_prompt(0, NUM_COPIES)))
        print_keystrokes(app.url, None if serve is None else serve.url, options.repeats, count)
    engine.close()


def print_paths(samples: Mapping[str, list[Sample]]) -> None:
    """Medians, and the route's figures against each of the others, round by round."""
    route = samples["/v1/completions"]
    print("| path | tokens/s | to first token | speed, ours : it | to first token, ours : it |")
    print("| --- | --- | --- | --- | --- |")
    for name, taken in samples.items():
        speed = statistics.median(sample.tokens_per_second for sample in taken)
        first = statistics.median(sample.first for sample in taken)
        ours = ""
        if taken is not route:
            speeds = (
                [sample.tokens_per_second for sample in route],
                [sample.tokens_per_second for sample in taken],
            )
            firsts = [sample.first for sample in route], [sample.first for sample in taken]
            ours = f"{median_ratio(*speeds):.3f} | {median_ratio(*firsts):.3f}"
        print(f"| {name} | {speed:.1f} | {first:.3f} s | {ours or ' | '} |")


def print_keystrokes(url: str, serve_url: str | None, repeats: int, num_tokens: int) -> None:
    """Times to the first token: a prompt that is new, and the same with a little more typed."""
    print(f"\nThe second keystroke, about {num_tokens:,} tokens, time to first token:\n")
    print("| request | first | second | second : first |")
    print("| --- | --- | --- | --- |")
    ours = CompletionsPath(url, 1)
    rows: dict[str, tuple[CompletionsPath, Keystrokes]] = {
        "prompt": (ours, type_at_the_end),
        "prompt and suffix": (ours, type_before_a_suffix),
        "infill tokens spelt out": (ours, type_as_editors_spell_it),
    }
    if serve_url is not None:
        rows["prompt, transformers serve"] = (CompletionsPath(serve_url, 1), type_at_the_end)
    numbers = itertools.count(2_000_000)  # of no prompt before: rows share no start either
    for name, (path, keystrokes) in rows.items():
        firsts, seconds = [], []
        for number in itertools.islice(numbers, repeats):
            before, after = keystrokes(number)
            firsts.append(path.ask(before).first)
            seconds.append(path.ask(after).first)
        first, second = statistics.median(firsts), statistics.median(seconds)
        print(f"| {name} | {first:.2f} s | {second:.3f} s | {median_ratio(seconds, firsts):.3f} |")


def type_at_the_end(number: int) -> tuple[Mapping[str, str], Mapping[str, str]]:
    prompt = make_prompt(number, NUM_COPIES)
    return {"prompt": prompt}, {"prompt": prompt + "\n   " + TYPED}


def type_before_a_suffix(number: int) -> tuple[Mapping[str, str], Mapping[str, str]]:
    prefix = make_prompt(number, NUM_PREFIX_COPIES)
    typed = prefix + "\n   " + TYPED
    return {"prompt": prefix, "suffix": SUFFIX}, {"prompt": typed, "suffix": SUFFIX}


def type_as_editors_spell_it(number: int) -> tuple[Mapping[str, str], Mapping[str, str]]:
    """As llm-ls does, the suffix between what is typed and the middle: it must be read again."""
    first, second = (body["prompt"] for body in type_before_a_suffix(number))
    after = f"<fim_suffix>{SUFFIX}<fim_middle>"
    return {"prompt": f"<fim_prefix>{first}{after}"}, {"prompt": f"<fim_prefix>{second}{after}"}


def _start_serve(
    servers: ExitStack, folder: Path, precision: str, options: argparse.Namespace
) -> CompletionsPath | None:
    try:
        url = servers.enter_context(transformers_serve(folder, precision, options.threads))
    except RuntimeError as error:
        print(f"without transformers serve: {error}")
        return None
    return CompletionsPath(url, options.new_tokens)


def _say(progress: LoadProgress) -> None:
    print(f"  {progress.stage}")


if __name__ == "__main__":
    main()

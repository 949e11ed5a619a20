"""`make bench`: what our layers cost, as ratios within one run, on the embedded model.

    python -m benchmarks [--repeats 7] [--new-tokens 64]

The engine and bare `generate` run in this process, each on its own copy of the weights; the page
is the whole app in a process of its own, asked over HTTP as a client asks it.
"""

from __future__ import annotations

import argparse
import platform
import statistics
from collections.abc import Sequence

import torch
from gradio_client import Client

from benchmarks.measure import Summary, measure_in_turn
from benchmarks.paths import BarePath, EnginePath, PagePath, make_prompt
from model.engine.base import LoadProgress, ResidentModel
from model.engine.local import LocalEngine
from model.loading.cache import user_cache_folder
from model.loading.checkpoint import DevicePlan, load_checkpoint
from model.loading.embedded import prepare_embedded
from model.presets import EMBEDDED_BASE
from tests.servers import running_app

# Copies of the sample code that make a prompt of a little more than 2,000 tokens.
NUM_SHARED_COPIES = 18


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--new-tokens", type=int, default=64)
    options = parser.parse_args(argv)

    folder = prepare_embedded("base", _say)
    bare = load_checkpoint(folder, DevicePlan(), user_cache_folder())
    if bare.threads is not None:
        torch.set_num_threads(bare.threads)  # as the engine does
    engine = LocalEngine(cache_folder=user_cache_folder())
    resident = engine.load("base", EMBEDDED_BASE, folder, _say)
    with running_app() as app:
        app.wait_until_ready()
        engine_path = EnginePath(engine, resident, options.new_tokens)
        paths = {
            "bare": BarePath(bare.model, resident, options.new_tokens),
            "engine": engine_path,
            "page": PagePath(Client(app.url, verbose=False), resident, options.new_tokens),
        }
        summaries = measure_in_turn(paths, options.repeats)
    first, second, num_tokens = measure_shared_prefix(engine_path, resident, options.repeats)
    engine.close()
    print_machine(resident, options)
    print_paths(summaries)
    print(f"\nShared prefix of {num_tokens:,} tokens, time to first token (medians):")
    print(f"first request {first:.2f} s, second {second:.3f} s, ratio {second / first:.3f}")


def measure_shared_prefix(
    path: EnginePath, resident: ResidentModel, repeats: int
) -> tuple[float, float, int]:
    """Median seconds to the first token of a long prompt and of one that continues it."""
    firsts, seconds = [], []
    encode = resident.tokenizer.encode_text
    num_tokens = 0
    for number in range(repeats):
        prompt = make_prompt(1_000_000 + number, NUM_SHARED_COPIES)
        ids = encode(prompt)
        num_tokens = len(ids)
        firsts.append(path.run(ids).first)
        seconds.append(path.run(encode(prompt + "\n    25: 625,\n    26:")).first)
    return statistics.median(firsts), statistics.median(seconds), num_tokens


def print_machine(resident: ResidentModel, options: argparse.Namespace) -> None:
    processor = torch.cpu.get_capabilities().get("cpu_name") or platform.machine()
    print(
        f"\n{resident.preset.title} on {resident.device} in {resident.precision}, {processor}, "
        f"{torch.get_num_threads()} threads, Python {platform.python_version()}, "
        f"torch {torch.__version__}; medians of "
        f"{options.repeats} runs in turn, {options.new_tokens} new tokens, greedy\n"
    )


def print_paths(summaries: dict[str, Summary]) -> None:
    print("| path | tokens/s | ratio | of | time to first token |")
    print("| --- | --- | --- | --- | --- |")
    previous = ""
    for name, summary in summaries.items():
        ratio = "" if summary.ratio is None else f"{summary.ratio:.3f}"
        speed = f"{summary.tokens_per_second:.1f}"
        print(f"| {name} | {speed} | {ratio} | {previous} | {summary.first:.3f} s |")
        previous = name


def _say(progress: LoadProgress) -> None:
    print(f"  {progress.stage}")


if __name__ == "__main__":
    main()

"""`make gpu-check`: a model of StarCoder's size on this machine's card, plan against measured.

    python -m benchmarks.gpu_check [--folder PATH] [--device cuda:1]

Writes a random checkpoint of StarCoder's shape (15.5B parameters, 31 GB) once, loads it by the way
that every model is loaded, in bfloat16, 8 bits and 4 bits, fills its 8,192 positions through the
runner that serves requests, and generates. Needs no weights and no network. Without a card the same
code runs on a toy of the same architecture on the CPU.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import nn
from transformers import PreTrainedConfig, PreTrainedModel

from model.engine.events import Finished
from model.engine.generation import Generation, GenerationRequest
from model.engine.runner import ModelRunner
from model.engine.scripted import ByteTokenizer
from model.errors import ModelLoadError
from model.loading.budget import measure_budget
from model.loading.cache import user_cache_folder
from model.loading.checkpoint import DevicePlan, LoadedModel, free_memory, load_checkpoint
from model.loading.footprint import build_skeleton, config_of, context_length_of, plan_memory
from model.loading.memory_plan import MemoryPlan, PrecisionPlan, Quantization
from model.presets import ModelShape, find_hub_preset
from model.sampling import SamplingParams

CHUNK = 256
NUM_NEW = 64
QUANTIZATIONS: tuple[Quantization, ...] = ("none", "8bit", "4bit")
SHARD_BYTES = 4 << 30
DISK_MARGIN = 1 << 30
INIT_STD = 0.02
NO_STOP = (2**40,)  # no such id: every run generates to the full length
COPY_BYTES = {"cuda": 2 << 30, "cpu": 256 << 20}
COPY_REPEATS = 5
TOY = ModelShape("gpt_bigcode", 4, 256, 1024, 4, 1, 1024, 512)
TOY_NOTICE = (
    "There is no GPU here: this ran the same code at TOY SIZE ON THE CPU. The figures show that "
    "the check works; they say nothing about StarCoder on a card.\n"
)


@dataclass(frozen=True, slots=True)
class Measurement:
    """One precision, in bytes and seconds.

    Attributes:
        plan: what it was planned to take.
        peak: the most that torch had allocated on the card; None on a CPU, which does not count.
        first: seconds to the first token, with the whole prompt to read.
        bytes_per_token: what decoding one token reads; see `count_bytes_per_token`.
    """

    plan: PrecisionPlan
    devices: str
    weights: int
    cache: int
    peak: int | None
    first: float
    tokens_per_second: float
    bytes_per_token: int


@dataclass(frozen=True, slots=True)
class Refused:
    """A precision that could not be loaded here, and why."""

    precision: str
    reason: str


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.gpu_check",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or cuda:1")
    parser.add_argument("--folder", type=Path, help="where to write the checkpoint for the run")
    options = parser.parse_args(argv)
    is_toy = options.device == "cpu" or not torch.cuda.is_available()
    device = "cpu" if is_toy else options.device
    config = config_of(TOY if is_toy else starcoder_shape())
    with tempfile.TemporaryDirectory(prefix="gpu-check-", dir=options.folder) as folder:
        lack = missing_disk(config, Path(folder))
        if lack:
            sys.exit(lack)
        print(f"Writing {_size(checkpoint_bytes(config))} of random weights ...", flush=True)
        write_random_checkpoint(Path(folder), config, device)
        speed = measure_bandwidth(device)
        print(f"Memory bandwidth by copying: {speed / 1e9:,.0f} GB/s\n", flush=True)
        results = list(check(Path(folder), config, device))
    print_results(results, speed, config)
    if is_toy:
        print(f"\n{TOY_NOTICE}")


def starcoder_shape() -> ModelShape:
    preset = find_hub_preset("starcoder")
    assert preset is not None
    assert preset.shape is not None
    return preset.shape


def check(folder: Path, config: PreTrainedConfig, device: str) -> Iterator[Measurement | Refused]:
    """Load, fill and generate in each precision, one after the other."""
    memory = plan_memory("", config, measure_budget(device), chunk=CHUNK)
    for quantization in QUANTIZATIONS:
        if torch.cuda.is_available():
            torch.cuda.reset_peak_memory_stats()
        result: Measurement | Refused
        try:
            result = _measure(folder, memory, quantization, device)
        except ModelLoadError as error:
            row = next(row for row in memory.rows if row.quantization == quantization)
            result = Refused(row.precision, str(error))
        free_memory()
        yield result


def _measure(
    folder: Path, memory: MemoryPlan, quantization: Quantization, device: str
) -> Measurement:
    loaded = load_checkpoint(
        folder, DevicePlan(device, quantization=quantization, chunk=CHUNK), user_cache_folder()
    )
    context_length = context_length_of(loaded.model.config)
    runner = ModelRunner(loaded.model, ByteTokenizer(), context_length, CHUNK, loaded.threads)
    _run(runner, CHUNK + 1, 2)  # loads kernels, and re-orders weights where that is done lazily
    finished = _run(runner, context_length - NUM_NEW, NUM_NEW)
    timings = finished.timings
    speed = timings.tokens_per_second(finished.usage.completion_tokens)
    assert timings.time_to_first_token is not None
    assert speed is not None
    cache = _cache_bytes(runner)
    return Measurement(
        plan=memory.row(loaded.precision),
        devices=loaded.devices,
        weights=loaded.footprint,
        cache=cache,
        peak=_peak() if torch.cuda.is_available() else None,
        first=timings.time_to_first_token,
        tokens_per_second=speed,
        bytes_per_token=count_bytes_per_token(loaded, cache),
    )


def _run(runner: ModelRunner, num_prompt: int, num_new: int) -> Finished:
    """A prompt that shares no start with the run before, read and continued greedily."""
    prompt = tuple((num_prompt + 7 * index) % 250 for index in range(num_prompt))
    params = SamplingParams(temperature=0, max_new_tokens=num_new)

    async def run() -> Finished:
        generation = Generation(GenerationRequest("base", prompt, params, NO_STOP))
        await asyncio.to_thread(runner.run, generation)
        finished = [event async for event in generation][-1]
        assert isinstance(finished, Finished)
        return finished

    return asyncio.run(run())


def _cache_bytes(runner: ModelRunner) -> int:
    kept = runner._prefixes._kept
    assert kept is not None
    return sum(layer.keys.nbytes + layer.values.nbytes for layer in kept.cache.layers)


def _peak() -> int:
    return sum(map(torch.cuda.max_memory_allocated, range(torch.cuda.device_count())))


def count_bytes_per_token(loaded: LoadedModel, cache: int) -> int:
    """What decoding one token at a full context must read from memory, at least.

        every matrix once + the output head once + the cache's keys and values once

    Embeddings do not count: one row of each is read. A tied one counts as the output head, which
    it also is. bandwidth / bytes per token is then the limit on tokens per second for one
    stream: each matrix meets a single vector, so there is nothing to reuse what was read for.
    """
    model: PreTrainedModel = loaded.model
    read = {
        id(parameter): parameter.nbytes
        for module in model.modules()
        if not isinstance(module, nn.Embedding)
        for parameter in module.parameters(recurse=False)
    }
    return sum(read.values()) + cache


def measure_bandwidth(device: str) -> float:
    """Bytes per second that a large copy reads and writes together: the best of a few."""
    where = torch.device("cuda" if device == "auto" else device)
    source = torch.ones(COPY_BYTES[where.type], dtype=torch.uint8, device=where)
    target = torch.empty_like(source)
    best = float("inf")
    for _ in range(COPY_REPEATS + 1):
        _wait(where)
        start = time.perf_counter()
        target.copy_(source)
        _wait(where)
        best = min(best, time.perf_counter() - start)
    return 2 * source.nbytes / best


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def missing_disk(config: PreTrainedConfig, folder: Path) -> str:
    """What to tell of a disk without room for the checkpoint; empty where there is room."""
    needed, free = checkpoint_bytes(config) + DISK_MARGIN, shutil.disk_usage(folder).free
    if free >= needed:
        return ""
    return (
        f"The check writes a checkpoint of {needed / 1e9:.1f} GB, and {folder.parent} has "
        f"{free / 1e9:.1f} GB free. Name a folder on a larger disk with --folder."
    )


def checkpoint_bytes(config: PreTrainedConfig) -> int:
    """Its size on disk, in bfloat16."""
    return 2 * sum(parameter.numel() for parameter in build_skeleton(config).parameters())


def write_random_checkpoint(
    folder: Path, config: PreTrainedConfig, device: str, shard_bytes: int = SHARD_BYTES
) -> None:
    """A checkpoint of `config` with random weights in bfloat16, in several safetensors files.

    One file's tensors are in memory at a time. They are drawn on `device`, where that is fast.
    """
    config.save_pretrained(folder)
    where = torch.device("cuda" if device == "auto" else device)
    weight_map: dict[str, str] = {}
    shard: dict[str, torch.Tensor] = {}

    def flush() -> None:
        file = f"model-{len(set(weight_map.values())) + 1:05}.safetensors"
        save_file(shard, folder / file, {"format": "pt"})
        weight_map.update(dict.fromkeys(shard, file))
        shard.clear()

    for name, parameter in build_skeleton(config).named_parameters():
        shard[name] = _draw(name, parameter.shape, where)
        if sum(tensor.nbytes for tensor in shard.values()) >= shard_bytes:
            flush()
    if shard:
        flush()
    index = {"metadata": {}, "weight_map": weight_map}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index), encoding="utf-8")


def _draw(name: str, shape: torch.Size, device: torch.device) -> torch.Tensor:
    """As a model is initialised: norms pass on what they get, so that nothing overflows."""
    if ".ln_" in name:
        value = 1.0 if name.endswith(".weight") else 0.0
        return torch.full(shape, value, dtype=torch.bfloat16)
    drawn = torch.empty(shape, dtype=torch.bfloat16, device=device).normal_(0, INIT_STD)
    return drawn.cpu()


def print_results(
    results: Sequence[Measurement | Refused], bandwidth: float, config: PreTrainedConfig
) -> None:
    print(
        f"{context_length_of(config):,} positions, {NUM_NEW} of them generated; "
        "memory: plan / measured\n"
    )
    print("| precision | on | weights | cache | in all | to first token | tokens/s | limit |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- |")
    for each in results:
        if isinstance(each, Refused):
            print(f"| {each.precision} | not loaded: {each.reason} | | | | | | |")
            continue
        plan, limit = each.plan, bandwidth / each.bytes_per_token
        peak = "not counted" if each.peak is None else _size(each.peak)
        print(
            f"| {plan.precision} | {each.devices} "
            f"| {_size(plan.weights)} / {_size(each.weights)} "
            f"| {_size(plan.kv_cache)} / {_size(each.cache)} "
            f"| {_size(plan.total)} / {peak} "
            f"| {each.first:.2f} s | {each.tokens_per_second:.1f} | {limit:,.0f} |"
        )


def _size(num_bytes: int) -> str:
    return f"{num_bytes / 1e9:.2f} GB" if num_bytes >= 1e9 else f"{num_bytes / 1e6:.2f} MB"


if __name__ == "__main__":
    main()

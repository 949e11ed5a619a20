"""The memory plan against what was measured, as a Markdown table.

    python -m benchmarks.memory

The embedded model and a tiny random checkpoint of each family, in each precision, on this
machine's CPU: bytes of the weights by `get_memory_footprint()`, and of the cache's tensors after a
prompt that fills the context. benchmarks/README.md keeps the last figures.
"""

from __future__ import annotations

import platform
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch
from transformers import DynamicCache, PreTrainedModel

from model.loading.budget import measure_budget
from model.loading.checkpoint import DevicePlan, LoadedModel, load_checkpoint
from model.loading.checkpoint_files import read_config
from model.loading.embedded import prepare_embedded
from model.loading.footprint import context_length_of, plan_memory
from model.loading.memory_plan import PrecisionPlan
from tests import checkpoints

CHUNK = 256
TINY: dict[str, Callable[[Path], Path]] = {
    "tiny StarCoder": partial(checkpoints.write_gpt_bigcode, n_positions=2048),
    "tiny StarCoder, multi-head": partial(
        checkpoints.write_gpt_bigcode, n_positions=2048, multi_query=False
    ),
    "tiny SantaCoder": checkpoints.write_santacoder,
    "tiny StarChat": partial(checkpoints.write_starchat, n_positions=2048),
    "tiny StarCoder 2": checkpoints.write_starcoder2,
    "tiny StarChat2": checkpoints.write_starchat2,
    "tiny Llama": checkpoints.write_llama,
}


@dataclass(frozen=True, slots=True)
class Comparison:
    """One model in one precision, in bytes."""

    name: str
    plan: PrecisionPlan
    weights: int
    cache: int

    @property
    def ratio(self) -> float:
        """Measured over planned, weights and cache together."""
        return (self.weights + self.cache) / (self.plan.weights + self.plan.kv_cache)


def main() -> None:
    processor = torch.cpu.get_capabilities().get("cpu_name") or platform.machine()
    print(f"{processor}, torch {torch.__version__}, contexts filled in chunks of {CHUNK}\n")
    print("| model | precision | weights: plan | measured | cache: plan | measured | sum, ratio |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    with tempfile.TemporaryDirectory() as folder:
        for row in compare_all(Path(folder)):
            print(
                f"| {row.name} | {row.plan.precision} "
                f"| {_megabytes(row.plan.weights)} | {_megabytes(row.weights)} "
                f"| {_megabytes(row.plan.kv_cache)} | {_megabytes(row.cache)} | {row.ratio:.3f} |",
                flush=True,
            )


def compare_all(scratch: Path) -> Iterator[Comparison]:
    """Every model in every precision of its plan; the tiny ones are written into `scratch`."""
    yield from compare("embedded", prepare_embedded("base", lambda progress: None), scratch)
    for number, (name, write) in enumerate(TINY.items()):
        yield from compare(name, write(scratch / str(number)), scratch)


def compare(name: str, folder: Path, scratch: Path, *, device: str = "cpu") -> Iterator[Comparison]:
    plan = plan_memory(name, read_config(folder), measure_budget(device), chunk=CHUNK)
    for row in plan.rows:
        precision = row.precision if row.quantization == "none" else "auto"
        wish = DevicePlan(device, precision, quantization=row.quantization, chunk=CHUNK)
        loaded = load_checkpoint(folder, wish, scratch)
        cache = fill_context(loaded)
        yield Comparison(
            name=name,
            plan=row,
            weights=loaded.footprint,
            cache=sum(layer.keys.nbytes + layer.values.nbytes for layer in cache.layers),
        )


def fill_context(loaded: LoadedModel) -> DynamicCache:
    """The cache after as many tokens as the model has positions."""
    model: PreTrainedModel = loaded.model
    cache = DynamicCache(config=model.config)
    if loaded.threads is not None:
        torch.set_num_threads(loaded.threads)
    with torch.inference_mode():
        for start in range(0, length := context_length_of(model.config), CHUNK):
            ids = torch.ones(1, min(CHUNK, length - start), dtype=torch.long, device=model.device)
            model.base_model(ids, past_key_values=cache, use_cache=True)
    return cache


def _megabytes(num_bytes: int) -> str:
    return f"{num_bytes / 1e6:,.2f} MB"


if __name__ == "__main__":
    main()

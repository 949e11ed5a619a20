"""The memory plan's figures: against known models, and against what is really allocated."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
import torch
from torch.profiler import ProfilerActivity, profile, record_function
from transformers import AutoModelForCausalLM, DynamicCache, MambaConfig, PreTrainedConfig, T5Config

from model.errors import CheckpointError
from model.loading.checkpoint import DevicePlan, load_checkpoint
from model.loading.checkpoint_files import read_config
from model.loading.footprint import build_skeleton, config_of, context_length_of, plan_memory
from model.loading.memory_plan import MemoryBudget, MemoryPlan
from model.presets import ModelShape, find_hub_preset
from tests import checkpoints

GIGABYTE = 10**9
CPU = MemoryBudget("cpu", 100 * GIGABYTE, (100 * GIGABYTE,))
CARD = MemoryBudget("cuda:0", 24 * GIGABYTE, (24 * GIGABYTE,))
CHUNK = 256
FIXED_OVERHEAD = 64 << 20

WRITERS: dict[str, Callable[[Path], Path]] = {
    "StarCoder": checkpoints.write_gpt_bigcode,
    "StarCoder without multi-query": partial(checkpoints.write_gpt_bigcode, multi_query=False),
    "StarCoder 2": checkpoints.write_starcoder2,
    "Llama": checkpoints.write_llama,
}
SHAPES = {
    "multi-query": ModelShape("gpt_bigcode", 2, 512, 2048, 8, 1, 1000, 2048),
    "multi-head": ModelShape("gpt_bigcode", 2, 512, 2048, 8, 8, 1000, 2048),
    "sliding": ModelShape("starcoder2", 2, 512, 2048, 8, 2, 1000, 4096, sliding_window=1024),
    "grouped": ModelShape("llama", 2, 512, 1536, 8, 2, 1000, 2048),
}


def plan_for(name: str, budget: MemoryBudget = CARD) -> MemoryPlan:
    preset = find_hub_preset(name)
    assert preset is not None
    assert preset.shape is not None
    config = config_of(preset.shape)
    return plan_memory(preset.title, config, budget, chunk=CHUNK, precision="bfloat16")


@pytest.mark.parametrize(
    ("name", "billions"),
    [
        ("starcoder", 15.5),
        ("starcoderbase-3b", 3.0),
        ("starcoder2-3b", 3.0),
        ("starcoder2-15b", 16.0),
        ("gpt_bigcode-santacoder", 1.1),
    ],
)
def test_the_plan_of_a_preset_counts_its_parameters(name: str, billions: float) -> None:
    weights = plan_for(name).row("bfloat16").weights
    assert weights / 2 / GIGABYTE == pytest.approx(billions, rel=0.03)


def test_starcoder_in_8_bit_fits_a_card_of_24_gb_and_in_bfloat16_it_does_not() -> None:
    plan = plan_for("starcoder")
    assert [row.precision for row in plan.rows] == ["bfloat16", "8-bit", "4-bit"]
    assert [plan.fits(row) for row in plan.rows] == [False, True, True]
    assert plan.best == plan.row("8-bit")
    assert plan.row("8-bit").weights == pytest.approx(plan.row("bfloat16").weights / 2, rel=0.05)
    assert plan.row("4-bit").weights == pytest.approx(plan.row("bfloat16").weights / 4, rel=0.1)


def test_multi_query_attention_has_a_cache_a_forty_eighth_of_multi_head() -> None:
    plan = plan_for("starcoder")
    assert plan.rows[0].kv_cache == 2 * 40 * 8192 * 128 * 2
    assert plan.kv_cache_multi_head == 48 * plan.rows[0].kv_cache
    assert (plan.num_heads, plan.num_kv_heads) == (48, 1)


def test_a_sliding_window_bounds_the_cache() -> None:
    shape = SHAPES["sliding"]
    narrow = plan_memory("", config_of(shape), CARD, chunk=CHUNK, precision="bfloat16")
    wide = plan_memory(
        "", config_of(replace(shape, sliding_window=None)), CARD, chunk=CHUNK, precision="bfloat16"
    )
    per_position = 2 * 2 * 2 * 64 * 2
    assert narrow.rows[0].kv_cache == per_position * 1023
    assert wide.rows[0].kv_cache == per_position * 4096


def test_on_a_cpu_the_rows_are_those_that_a_trial_chooses_from(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    config = config_of(SHAPES["grouped"])

    def precisions(can_bfloat16: bool, budget: MemoryBudget = CPU) -> list[str]:
        monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"avx512_bf16": can_bfloat16})
        return [row.precision for row in plan_memory("", config, budget, chunk=CHUNK).rows]

    assert precisions(False) == ["float32", "8-bit", "4-bit"]
    assert precisions(True) == ["float32", "bfloat16", "8-bit", "4-bit"]
    # A trial holds both copies: without the room for that, none is made.
    single = plan_memory("", config, CPU, chunk=CHUNK, precision="float32").rows[0].total
    assert precisions(True, replace(CPU, free=single + 1)) == ["bfloat16", "8-bit", "4-bit"]


@pytest.mark.parametrize("quantization", ["none", "8bit", "4bit"])
@pytest.mark.parametrize("family", WRITERS)
def test_weights_are_planned_to_the_byte(family: str, quantization: str, tmp_path: Path) -> None:
    folder = WRITERS[family](tmp_path / "checkpoint")
    plan = plan_memory("", read_config(folder), CPU, chunk=CHUNK, precision="float32")
    device = DevicePlan("cpu", "float32", 1, quantization)
    loaded = load_checkpoint(folder, device, tmp_path)
    assert plan.row(loaded.precision).weights == loaded.footprint


def test_tied_weights_are_counted_once(tmp_path: Path) -> None:
    for is_tied in (True, False):
        shape = replace(SHAPES["grouped"], is_tied=is_tied)
        folder = tmp_path / str(is_tied)
        AutoModelForCausalLM.from_config(config_of(shape)).save_pretrained(folder)
        plan = plan_memory("", config_of(shape), CPU, chunk=CHUNK, precision="float32")
        loaded = load_checkpoint(folder, DevicePlan("cpu", "float32", 1), tmp_path)
        assert plan.row("float32").weights == loaded.footprint


def test_scales_that_the_footprint_leaves_out_are_in_the_overhead(tmp_path: Path) -> None:
    config = config_of(SHAPES["grouped"])
    AutoModelForCausalLM.from_config(config).save_pretrained(tmp_path / "checkpoint")
    plan = plan_memory("", config, CPU, chunk=CHUNK, precision="float32")
    for quantization, name in (("8bit", "8-bit"), ("4bit", "4-bit")):
        device = DevicePlan("cpu", "float32", 1, quantization)
        model = load_checkpoint(tmp_path / "checkpoint", device, tmp_path).model
        scales = sum(map(scales_of, model.modules()))
        row, full = plan.row(name), plan.row("float32")
        fragmentation = (full.overhead - FIXED_OVERHEAD) / full.weights
        planned = row.overhead - FIXED_OVERHEAD - int(fragmentation * row.weights)
        assert 0 < scales <= planned + 1


def scales_of(module: torch.nn.Module) -> int:
    weight = getattr(module, "weight", None)
    tensors = [getattr(weight, "SCB", None), getattr(getattr(module, "state", None), "SCB", None)]
    state = getattr(weight, "quant_state", None)
    while state is not None:
        tensors += [state.absmax, state.code]
        state = getattr(state, "state2", None)
    return sum(tensor.nbytes for tensor in tensors if tensor is not None)


@pytest.fixture
def without_packing() -> Iterator[None]:
    """Processors with matrix units pack keys and values anew for bfloat16: 1.6 times the plan."""
    torch.backends.mkldnn.set_flags(False)
    yield
    torch.backends.mkldnn.set_flags(True)


@pytest.mark.usefixtures("without_packing")
@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
@pytest.mark.parametrize("name", SHAPES)
def test_a_chunk_at_a_full_context_holds_what_was_planned_and_not_much_less(
    name: str, precision: str
) -> None:
    shape = SHAPES[name]
    config = config_of(shape)
    model = AutoModelForCausalLM.from_config(config, dtype=getattr(torch, precision)).eval()
    cache = DynamicCache(config=config)
    chunk = torch.ones(1, CHUNK, dtype=torch.long)

    def read_chunk() -> None:
        model.base_model(chunk, past_key_values=cache, use_cache=True)

    with torch.inference_mode():
        for _ in range(shape.context_length // CHUNK - 2):
            read_chunk()
        alive = peak_of_second(read_chunk)
    planned = plan_memory("", config, CPU, chunk=CHUNK, precision=precision).rows[0].activations
    assert 0.95 * alive <= planned <= 1.5 * alive


def peak_of_second(run: Callable[[], None]) -> int:
    """The most bytes alive during a second run, over those alive before it: torch's own record."""
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as record:
        run()
        with record_function("second run"):
            pass
        run()
    events = sorted(record.profiler.kineto_results.events(), key=lambda event: event.start_ns())
    alive = before = peak = 0
    is_second = False
    for event in events:
        if event.name() == "second run":
            is_second, before, peak = True, alive, alive
        elif event.name() == "[memory]":
            alive += event.nbytes()
            peak = max(peak, alive)
    assert is_second
    return peak - before


def test_planning_changes_neither_the_config_nor_torchs_settings() -> None:
    config = config_of(SHAPES["grouped"])
    before = config.to_dict()
    plan_memory("", config, CARD, chunk=CHUNK, precision="float16")
    assert config.to_dict() == before
    assert torch.get_default_dtype() == torch.float32


def test_a_config_that_contradicts_itself_is_an_error_with_advice() -> None:
    config = config_of(replace(SHAPES["multi-query"], hidden_size=500))
    with pytest.raises(CheckpointError, match="No language model can be built"):
        build_skeleton(config)


def test_a_config_of_no_causal_model_is_an_error_with_advice() -> None:
    with pytest.raises(CheckpointError, match="'t5'"):
        plan_memory("", T5Config(), CARD, chunk=CHUNK, precision="float16")


def test_an_architecture_without_attention_as_we_know_it_is_an_error_with_advice() -> None:
    config = MambaConfig(hidden_size=32, num_hidden_layers=1, vocab_size=100)
    with pytest.raises(CheckpointError, match="'mamba' cannot be planned"):
        plan_memory("", config, CARD, chunk=CHUNK, precision="float16")


def test_a_context_that_no_config_names_is_an_error() -> None:
    with pytest.raises(CheckpointError, match="names no context length"):
        context_length_of(PreTrainedConfig())

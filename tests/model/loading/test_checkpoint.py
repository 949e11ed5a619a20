"""What a folder may hold instead of a checkpoint, and what a load does about it."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import bitsandbytes
import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM, LlamaConfig

from model.errors import CheckpointError, LoadMemoryError, ModelLoadError
from model.loading import checkpoint
from model.loading.checkpoint import DevicePlan, load_checkpoint
from model.loading.placement import Placement
from tests import checkpoints

PROJECT = Path(__file__).parents[3]
FULL = DevicePlan("cpu", "float32", 1)
IN_8_BIT = DevicePlan("cpu", "float32", 1, "8bit")
IN_4_BIT = DevicePlan("cpu", "float32", 1, "4bit")
PLANS = {"full": FULL, "8-bit": IN_8_BIT, "4-bit": IN_4_BIT}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return checkpoints.write_llama(tmp_path / "checkpoint")


@pytest.fixture
def sharded(folder: Path) -> Path:
    """The same checkpoint in two files and their index."""
    tensors = load_file(folder / "model.safetensors")
    names = sorted(tensors)
    weight_map = {}
    for number, part in enumerate((names[::2], names[1::2]), start=1):
        file = f"model-0000{number}-of-00002.safetensors"
        save_file({name: tensors[name] for name in part}, folder / file, {"format": "pt"})
        weight_map |= dict.fromkeys(part, file)
    (folder / "model.safetensors").unlink()
    write_json(folder / "model.safetensors.index.json", {"metadata": {}, "weight_map": weight_map})
    return folder


def write_json(file: Path, values: object) -> None:
    file.write_text(json.dumps(values), encoding="utf-8")


def change_config(folder: Path, **values: Any) -> None:
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    write_json(folder / "config.json", config | values)


def refusal(folder: Path, plan: DevicePlan = FULL) -> str:
    with pytest.raises(CheckpointError) as caught:
        load_checkpoint(folder, plan, folder)
    assert caught.value.advice
    return str(caught.value)


def test_a_checkpoint_in_several_files_loads(sharded: Path, tmp_path: Path) -> None:
    loaded = load_checkpoint(sharded, FULL, tmp_path)
    assert loaded.precision == "float32"
    assert loaded.devices == "cpu"
    assert not loaded.is_offloaded
    assert loaded.footprint == loaded.model.get_memory_footprint()
    assert not loaded.model.training


def test_a_folder_that_is_not_there_is_said_so(tmp_path: Path) -> None:
    assert "There is no checkpoint folder" in refusal(tmp_path / "nowhere")


def test_a_folder_that_is_no_checkpoint_is_said_so(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("hello")
    assert "is no checkpoint: it holds no config.json" in refusal(tmp_path)


@pytest.mark.parametrize(
    "text", ["", "{", "[1]", "null", '{"architectures": 5}', '{"quantization_config": [1]}']
)
def test_a_damaged_config_is_said_so(folder: Path, text: str) -> None:
    (folder / "config.json").write_text(text)
    assert "config.json" in refusal(folder)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"model_type": "t5", "architectures": ["T5ForConditionalGeneration"]}, "T5ForCond"),
        ({"model_type": "bert", "architectures": ["BertForMaskedLM"]}, "BertForMaskedLM"),
        ({"model_type": "t5", "architectures": None}, "type 't5' cannot continue a text"),
        ({"model_type": "novelty-9", "architectures": ["NoveltyForCausalLM"]}, "novelty-9"),
        ({"model_type": None, "architectures": None}, "config.json"),
        ({"num_attention_heads": 5}, "config"),
        ({"hidden_size": "large"}, "config"),
        ({"quantization_config": {"quant_method": "gptq"}}, "quantised already (gptq)"),
    ],
)
def test_another_architecture_is_refused_by_its_name(
    folder: Path, values: dict[str, Any], expected: str
) -> None:
    change_config(folder, **values)
    assert expected in refusal(folder)


def test_a_model_that_needs_code_from_its_repository_is_refused_and_the_code_not_run(
    folder: Path,
) -> None:
    trace = folder / "trace"
    (folder / "modeling.py").write_text(f"open({str(trace)!r}, 'w').close()\n")
    change_config(
        folder,
        model_type="gpt2",
        architectures=["GPT2LMHeadCustomModel"],
        auto_map={"AutoModelForCausalLM": "modeling.GPT2LMHeadCustomModel"},
    )
    assert "such code is never run here" in refusal(folder)
    assert not trace.exists()


def test_code_beside_an_architecture_that_is_known_is_passed_over(
    folder: Path, tmp_path: Path
) -> None:
    trace = folder / "trace"
    (folder / "modeling.py").write_text(f"open({str(trace)!r}, 'w').close()\n")
    change_config(folder, auto_map={"AutoModelForCausalLM": "modeling.Own"})
    load_checkpoint(folder, FULL, tmp_path)
    assert not trace.exists()


@pytest.mark.parametrize("name", ["pytorch_model.bin", "model.pt", "pytorch_model-00001.bin"])
def test_weights_that_are_only_pickles_are_said_so_and_not_read(folder: Path, name: str) -> None:
    (folder / "model.safetensors").unlink()
    (folder / name).write_bytes(b"not even a pickle")
    text = refusal(folder)
    assert name in text
    assert "only as pickles" in text


def test_a_folder_without_weights_is_said_so(folder: Path) -> None:
    (folder / "model.safetensors").unlink()
    assert "holds no weights" in refusal(folder)


def test_an_adapter_is_told_from_a_model(folder: Path) -> None:
    (folder / "model.safetensors").rename(folder / "adapter_model.safetensors")
    write_json(folder / "adapter_config.json", {})
    assert "an adapter, not a whole model" in refusal(folder)


def test_a_missing_file_of_several_is_named(sharded: Path) -> None:
    (sharded / "model-00002-of-00002.safetensors").unlink()
    text = refusal(sharded)
    assert "1 of 2 files of weights are missing: model-00002-of-00002.safetensors" in text


@pytest.mark.parametrize(
    "index",
    [
        [],
        {},
        {"weight_map": 3},
        {"weight_map": {"a": 3}},
        {"weight_map": {"a": "../x.safetensors"}},
    ],
)
def test_an_index_that_says_nothing_is_an_error(sharded: Path, index: object) -> None:
    write_json(sharded / "model.safetensors.index.json", index)
    assert "model.safetensors.index.json" in refusal(sharded)


@pytest.mark.parametrize("length", [0, 5, 8, 500, -1])
def test_a_file_that_is_cut_off_is_an_error_with_the_figures(folder: Path, length: int) -> None:
    file = folder / "model.safetensors"
    data = file.read_bytes()
    file.write_bytes(data[:length])
    text = refusal(folder)
    assert "model.safetensors is cut off" in text
    assert f"{len(data[:length]):,} of at least" in text


def test_a_file_cut_off_to_the_byte_says_how_long_it_should_be(folder: Path) -> None:
    file = folder / "model.safetensors"
    data = file.read_bytes()
    file.write_bytes(data[:-100])
    assert f"{len(data) - 100:,} of at least {len(data):,} bytes" in refusal(folder)


@pytest.mark.parametrize(
    ("damage", "expected"),
    [
        (lambda data: b"<!DOCTYPE html><html>" + data[:100], "no safetensors file"),
        (lambda data: data[:8] + b"[" + data[9:], "header of model.safetensors is damaged"),
        (lambda data: data + b"more", "4 bytes longer than its header says"),
        (
            lambda data: b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n",
            "pointer of Git LFS",
        ),
    ],
)
def test_a_damaged_file_is_said_so(
    folder: Path, damage: Callable[[bytes], bytes], expected: str
) -> None:
    file = folder / "model.safetensors"
    file.write_bytes(damage(file.read_bytes()))
    assert expected in refusal(folder)


@pytest.mark.parametrize("plan", PLANS)
def test_weights_of_another_size_than_the_config_says_are_refused(folder: Path, plan: str) -> None:
    change_config(folder, intermediate_size=32)
    text = refusal(folder, PLANS[plan])
    assert "(64, 32) and should be (32, 32)" in text or "(32, 64) and should be (32, 32)" in text


@pytest.mark.parametrize("plan", PLANS)
def test_weights_that_lack_a_tensor_are_refused(folder: Path, plan: str) -> None:
    file = folder / "model.safetensors"
    tensors = load_file(file)
    tensors.pop("model.layers.1.mlp.up_proj.weight")
    save_file(tensors, file, {"format": "pt"})
    assert "lack 1 of the model's tensors, model.layers.1.mlp.up_proj.weight" in refusal(
        folder, PLANS[plan]
    )


@pytest.mark.parametrize(("name", "plan"), [("8-bit", IN_8_BIT), ("4-bit", IN_4_BIT)])
def test_quantised_weights_are_smaller_and_keep_their_types(
    folder: Path, tmp_path: Path, name: str, plan: DevicePlan
) -> None:
    full = load_checkpoint(folder, FULL, tmp_path)
    loaded = load_checkpoint(folder, plan, tmp_path)
    assert loaded.precision == name
    assert loaded.footprint < full.footprint
    assert loaded.threads == 1
    projection = loaded.model.model.layers[0].mlp.up_proj.weight
    assert projection.dtype == (torch.int8 if name == "8-bit" else torch.uint8)
    assert loaded.model.lm_head.weight.dtype == torch.float32


def test_bitsandbytes_repeats_itself_no_more_and_its_other_warnings_are_heard(
    folder: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    model = load_checkpoint(folder, IN_8_BIT, tmp_path).model
    with torch.inference_mode():
        model(torch.ones(1, 3, dtype=torch.long))
    assert "MatMul8bitLt" not in caplog.text
    logging.getLogger("bitsandbytes.autograd._functions").warning("something else")
    assert "something else" in caplog.text


def test_where_bitsandbytes_is_missing_the_error_names_the_way_without(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "bitsandbytes.cextension", None)
    with pytest.raises(ModelLoadError, match="--quantization none") as caught:
        load_checkpoint(folder, IN_4_BIT, tmp_path)
    assert not isinstance(caught.value, CheckpointError)
    assert load_checkpoint(folder, FULL, tmp_path).precision == "float32"


OUT_OF_MEMORY = """
import resource, sys
from pathlib import Path
import torch
from model.errors import LoadMemoryError
from model.loading import checkpoint
from model.loading.checkpoint import DevicePlan, load_checkpoint
from model.loading.placement import Placement

folder, quantization = Path(sys.argv[1]), sys.argv[2]
plan = DevicePlan("cpu", "float32", 1, quantization)
small = folder.parent / "small"
load_checkpoint(small, plan, folder)  # imports everything, and starts the threads


def address_space():
    return int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()


weights = (folder / "model.safetensors").stat().st_size
# The file is mapped into memory, so its size comes on top of what may be allocated.
resource.setrlimit(resource.RLIMIT_AS, (address_space() + weights + (100 << 20),) * 2)
try:
    load_checkpoint(folder, plan, folder)
except LoadMemoryError as error:
    print(error)
load_checkpoint(small, plan, folder)
print("the next one loads")
"""


@pytest.mark.parametrize("quantization", ["none", "8bit"])
def test_a_load_that_runs_out_of_memory_says_so_and_the_next_one_works(
    tmp_path: Path, quantization: str
) -> None:
    checkpoints.write_llama(tmp_path / "small")
    write_large_llama(tmp_path / "large")
    result = subprocess.run(
        [sys.executable, "-c", OUT_OF_MEMORY, str(tmp_path / "large"), quantization],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "ran out of memory while the model was loaded" in result.stdout, result.stderr
    assert "the next one loads" in result.stdout


def test_a_card_that_is_full_while_weights_are_quantised_is_out_of_memory_and_no_damaged_file(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """transformers catches what is raised there, and raises something else at the end."""

    def quantise(*args: object, **kwargs: object) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 300.00 MiB.")

    monkeypatch.setattr(bitsandbytes.functional, "int8_vectorwise_quant", quantise)
    with pytest.raises(LoadMemoryError, match="ran out of memory") as caught:
        load_checkpoint(folder, IN_8_BIT, tmp_path)
    # The frames that held the tensors are gone.
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None


@pytest.mark.parametrize("plan", PLANS)
def test_layers_that_accelerate_finds_no_room_for_are_not_left_on_the_disk(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, plan: str
) -> None:
    """The plan may be a layer off. Then accelerate would read layers anew for every token."""
    cramped = Placement(None, {"cpu": 60_000})
    monkeypatch.setattr(checkpoint, "_placement", lambda memory, row, device: cramped)
    with pytest.raises(LoadMemoryError):
        load_checkpoint(folder, PLANS[plan], tmp_path)


def test_a_placement_that_leaves_the_division_to_accelerate_loads(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    roomy = Placement(None, {"cpu": 10**9})
    monkeypatch.setattr(checkpoint, "_placement", lambda memory, row, device: roomy)
    for plan in PLANS.values():
        loaded = load_checkpoint(folder, plan, tmp_path)
        assert loaded.devices == "cpu"
        assert not loaded.is_offloaded


def write_large_llama(folder: Path) -> None:
    """240 MB in float32, in one layer's matrices."""
    checkpoints.write_tokenizer(folder, checkpoints.SMOLLM2_TOKENS)
    config = LlamaConfig(
        vocab_size=512,
        hidden_size=2048,
        intermediate_size=8192,
        num_hidden_layers=1,
        num_attention_heads=8,
        num_key_value_heads=2,
        dtype=torch.bfloat16,
    )
    AutoModelForCausalLM.from_config(config).save_pretrained(folder)

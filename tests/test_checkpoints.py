"""The tiny checkpoints load and generate as real ones do."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from tests import checkpoints

WRITERS = [
    checkpoints.write_gpt_bigcode,
    checkpoints.write_santacoder,
    checkpoints.write_starchat,
    checkpoints.write_starcoder2,
    checkpoints.write_starchat2,
    checkpoints.write_llama,
    checkpoints.write_embedded_base,
]


@pytest.mark.parametrize("write", WRITERS, ids=lambda write: write.__name__)
def test_each_loads_and_generates_varied_text(
    write: Callable[[Path], Path], tmp_path: Path
) -> None:
    folder = write(tmp_path)
    tokenizer = AutoTokenizer.from_pretrained(folder, trust_remote_code=False)
    model = AutoModelForCausalLM.from_pretrained(folder, trust_remote_code=False)
    inputs = tokenizer("def hello(name):\n", return_tensors="pt")
    output = model.generate(**inputs, do_sample=False, max_new_tokens=40, pad_token_id=0)
    completion = output[0, inputs["input_ids"].shape[1] :]
    assert len(completion) == 40
    assert len(set(completion.tolist())) > 5


def test_special_tokens_have_the_ids_of_their_place(tmp_path: Path) -> None:
    checkpoints.write_starchat(tmp_path)
    tokenizer = AutoTokenizer.from_pretrained(tmp_path, trust_remote_code=False)
    assert tokenizer.convert_tokens_to_ids("<reponame>") == 18
    assert tokenizer.convert_tokens_to_ids("<|system|>") == 19 + 256
    assert tokenizer.eos_token == "<|endoftext|>"
    assert tokenizer.pad_token is None


def test_gpt_bigcode_has_learned_positions(tmp_path: Path) -> None:
    checkpoints.write_gpt_bigcode(tmp_path, n_positions=16)
    model = AutoModelForCausalLM.from_pretrained(tmp_path, trust_remote_code=False)
    with pytest.raises(IndexError):
        model(torch.full((1, 17), 30))


def test_the_same_seed_writes_the_same_weights(tmp_path: Path) -> None:
    files = []
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        checkpoints.write_gpt_bigcode(tmp_path / name, n_positions=16, seed=seed)
        files.append((tmp_path / name / "model.safetensors").read_bytes())
    assert files[0] == files[1] != files[2]

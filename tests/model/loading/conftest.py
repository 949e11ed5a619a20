"""Checkpoints for the tests of loading."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest

REPO = "bigcode/starcoder"


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    """A folder with the files of a checkpoint in two shards; their contents are noise."""
    return write_files(tmp_path / "checkpoint", shards={"a": 300_000, "b": 200_000})


def write_files(folder: Path, shards: dict[str, int] | None = None) -> Path:
    """Files named as a checkpoint's are.

    Args:
        shards: bytes of each; None makes one file of the weights.
    """
    folder.mkdir()
    noise = random.Random(0)
    (folder / "config.json").write_text('{"model_type": "gpt_bigcode"}')
    (folder / "generation_config.json").write_text("{}")
    (folder / "tokenizer.json").write_text(json.dumps({"version": "1.0", "x": "y" * 5000}))
    (folder / "tokenizer_config.json").write_text("{}")
    if shards is None:
        (folder / "model.safetensors").write_bytes(noise.randbytes(300_000))
        return folder
    for name, num_bytes in shards.items():
        (folder / f"model-{name}.safetensors").write_bytes(noise.randbytes(num_bytes))
    index = {"weight_map": {f"layer.{name}": f"model-{name}.safetensors" for name in shards}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    return folder

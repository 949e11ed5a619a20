"""Is this folder a checkpoint that can be loaded? Answered from its small files and headers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import transformers
from transformers import AutoConfig, AutoModelForCausalLM, PreTrainedConfig

from model.errors import CheckpointError

WEIGHTS = "model.safetensors"
INDEX = "model.safetensors.index.json"
PICKLES = ("*.bin", "*.pt", "*.pth", "*.ckpt")
LFS_POINTER = b"version https://git-lfs.github.com/spec/"
# The format's own bound on the header: https://github.com/huggingface/safetensors#format
MAX_HEADER_BYTES = 100_000_000
FETCH_AGAIN = "Fetch the checkpoint again."
CHOOSE_OTHER = "Choose a checkpoint of a decoder model such as StarCoder, StarCoder 2 or Llama."


def read_config(folder: Path) -> PreTrainedConfig:
    """The config of the causal language model in `folder`. No code from there is run.

    Raises:
        CheckpointError: there is none, or it is another kind of model.
    """
    if not folder.is_dir():
        raise CheckpointError(f"There is no checkpoint folder {folder}.", "Check the path.")
    values = _read_object(
        folder / "config.json",
        f"The folder {folder} is no checkpoint: it holds no config.json.",
        "Choose the folder of a transformers checkpoint.",
    )
    _check_architecture(values)
    try:
        config = AutoConfig.from_pretrained(folder, trust_remote_code=False, local_files_only=True)
    except Exception as error:
        # A type unknown to transformers, or values that its checks refuse: half a dozen types.
        raise CheckpointError(
            f"The config.json in {folder} cannot be used: {_first_line(error)}", CHOOSE_OTHER
        ) from error
    if type(config) not in AutoModelForCausalLM._model_mapping:
        raise CheckpointError(
            f"A model of type {config.model_type!r} cannot continue a text.", CHOOSE_OTHER
        )
    return config


def read_shapes(folder: Path) -> dict[str, tuple[int, ...]]:
    """Each tensor's shape, from the headers of the files of weights, which are found whole.

    Raises:
        CheckpointError: a file is missing, cut off or of a format that is not read.
    """
    shapes: dict[str, tuple[int, ...]] = {}
    for file in weight_files(folder):
        shapes |= read_header(file)
    return shapes


def weight_files(folder: Path) -> list[Path]:
    """The safetensors files that make up the checkpoint in `folder`.

    Raises:
        CheckpointError: there are none, or some are missing.
    """
    if (folder / WEIGHTS).is_file():
        return [folder / WEIGHTS]
    if not (folder / INDEX).is_file():
        raise _no_weights(folder)
    index = _read_object(folder / INDEX, f"{INDEX} is missing.", FETCH_AGAIN)
    weight_map = index.get("weight_map")
    if not isinstance(weight_map, dict) or not all(
        isinstance(name, str) and Path(name).name == name for name in weight_map.values()
    ):
        raise CheckpointError(f"{INDEX} does not say which file holds which weights.", FETCH_AGAIN)
    names = sorted(set(weight_map.values()))
    missing = [name for name in names if not (folder / name).is_file()]
    if missing:
        shown = ", ".join(missing[:3]) + (" and more" if len(missing) > 3 else "")
        raise CheckpointError(
            f"{len(missing)} of {len(names)} files of weights are missing: {shown}.",
            "The download may be incomplete. " + FETCH_AGAIN,
        )
    return [folder / name for name in names]


def read_header(file: Path) -> dict[str, tuple[int, ...]]:
    """The tensors' shapes by `file`'s header, which is held against the file's size.

    Format: eight bytes with the header's length (little-endian), the header as JSON with each
    tensor's offsets, then the tensors. https://github.com/huggingface/safetensors#format

    Raises:
        CheckpointError: the file is cut off, damaged or no safetensors file.
    """
    size = file.stat().st_size
    with file.open("rb") as stream:
        start = stream.read(8)
        length = int.from_bytes(start, "little")
        if LFS_POINTER.startswith(start) and len(start) == 8:
            raise CheckpointError(
                f"{file.name} is a pointer of Git LFS, not the weights themselves.",
                "Run `git lfs pull` in the folder, or fetch the checkpoint with the hub's tools.",
            )
        if len(start) < 8 or (length > size - 8 and length <= MAX_HEADER_BYTES):
            raise _cut_off(file, size, length + 8)
        if length > MAX_HEADER_BYTES:
            raise CheckpointError(f"{file.name} is no safetensors file.", FETCH_AGAIN)
        header = stream.read(length)
    try:
        rows = json.loads(header)
        rows.pop("__metadata__", None)
        shapes = {name: tuple(map(int, row["shape"])) for name, row in rows.items()}
        expected = 8 + length + max(int(row["data_offsets"][1]) for row in rows.values())
    except (ValueError, KeyError, TypeError, AttributeError, IndexError) as error:
        raise CheckpointError(f"The header of {file.name} is damaged.", FETCH_AGAIN) from error
    if size < expected:
        raise _cut_off(file, size, expected)
    if size > expected:
        raise CheckpointError(
            f"{file.name} is {size - expected:,} bytes longer than its header says.", FETCH_AGAIN
        )
    return shapes


def _check_architecture(values: dict[str, Any]) -> None:
    """What the config says of its model's class, before transformers makes something of it."""
    names = values.get("architectures") or []
    quantized = values.get("quantization_config") or {}
    if not isinstance(names, list) or not isinstance(quantized, dict):
        raise CheckpointError("config.json is damaged.", FETCH_AGAIN)
    known = [name for name in names if hasattr(transformers, str(name))]
    if "auto_map" in values and not known:
        raise CheckpointError(
            "This model needs Python code from its repository, and such code is never run here.",
            "Choose a checkpoint of an architecture that transformers brings itself; SantaCoder's "
            "is bigcode/gpt_bigcode-santacoder.",
        )
    if known and not any(_is_causal(str(name)) for name in known):
        raise CheckpointError(f"{known[0]} is no model that continues a text.", CHOOSE_OTHER)
    method = quantized.get("quant_method")
    if method is not None:
        raise CheckpointError(
            f"The weights of this checkpoint are quantised already ({method}).",
            "Choose the original, and --quantization 8bit or 4bit to save memory.",
        )


def _is_causal(name: str) -> bool:
    return name.endswith(("ForCausalLM", "LMHeadModel"))


def _no_weights(folder: Path) -> CheckpointError:
    pickles = sorted(file.name for pattern in PICKLES for file in folder.glob(pattern))
    if pickles:
        return CheckpointError(
            f"This checkpoint has its weights only as pickles ({pickles[0]}), which can run code "
            "when they are read.",
            "They are never read here. Choose a checkpoint with .safetensors files.",
        )
    if (folder / "adapter_config.json").is_file():
        return CheckpointError(
            "This folder holds an adapter, not a whole model.",
            "Merge it into its base model with PEFT first, and choose that folder.",
        )
    return CheckpointError(
        f"The folder {folder} holds no weights: neither {WEIGHTS} nor {INDEX}.",
        "The download may be incomplete. " + FETCH_AGAIN,
    )


def _cut_off(file: Path, size: int, expected: int) -> CheckpointError:
    return CheckpointError(
        f"{file.name} is cut off: {size:,} of at least {expected:,} bytes are there.",
        "The download may be incomplete. " + FETCH_AGAIN,
    )


def _read_object(file: Path, absent: str, advice: str) -> dict[str, Any]:
    """
    Raises:
        CheckpointError: with `absent` where there is no such file; it is no JSON object.
    """
    try:
        values = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise CheckpointError(absent, advice) from error
    except (OSError, ValueError) as error:
        raise CheckpointError(f"{file.name} cannot be read.", FETCH_AGAIN) from error
    if not isinstance(values, dict):
        raise CheckpointError(f"{file.name} holds no settings.", FETCH_AGAIN)
    return values


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0][:200]

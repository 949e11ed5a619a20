"""A checkpoint folder to a model in memory."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path

import torch
from transformers import (
    AutoConfig,
    AutoModelForCausalLM,
    GenerationConfig,
    PreTrainedConfig,
    PreTrainedModel,
)
from transformers.utils import logging as transformers_logging

from model.errors import CheckpointError, OutOfMemoryError
from model.loading.device import (
    PRECISIONS,
    calibrate_cpu,
    choose_cuda_precision,
    choose_device,
)

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class LoadedModel:
    """A causal language model in evaluation mode, on its device, and its precision's name.

    `threads` is the number to run it with on a CPU; None on a GPU.
    """

    model: PreTrainedModel
    precision: str
    threads: int | None = None


@dataclass(frozen=True, slots=True)
class DevicePlan:
    """What the operator wished for: see `Settings`. "auto" and 0 leave the choice to us."""

    device: str = "auto"
    precision: str = "auto"
    threads: int = 0


def load_checkpoint(folder: Path, plan: DevicePlan, cache_folder: Path) -> LoadedModel:
    """Load the safetensors checkpoint in `folder`; call it on the thread that will run it.

    No code from the checkpoint is run, and pickled weights are not read.

    Raises:
        CheckpointError: no config, no weights, broken weights, an unknown architecture.
        ModelLoadError: the wished device is not there.
        OutOfMemoryError: the device is too small for the weights.
    """
    device = choose_device(plan.device)
    is_cuda = device.type == "cuda"
    precision = choose_cuda_precision(plan.precision) if is_cuda else "float32"
    transformers_logging.disable_progress_bar()  # stages are reported by the caller
    model = _read_weights(folder, PRECISIONS[precision])
    # Sampling settings in a checkpoint would mix with the request's.
    model.generation_config = GenerationConfig()
    try:
        model.to(device).eval()
    except torch.OutOfMemoryError as error:
        raise OutOfMemoryError(
            "The GPU has too little free memory for the model.",
            "Choose a smaller model, or close what else uses the GPU.",
        ) from error
    if is_cuda:
        return LoadedModel(model, precision)
    cpu = calibrate_cpu(model, plan.precision, plan.threads, cache_folder)
    model.to(PRECISIONS[cpu.precision])
    logger.info("running on the CPU in %s, threads: %d", cpu.precision, cpu.threads)
    return LoadedModel(model, cpu.precision, cpu.threads)


def context_length_of(config: PreTrainedConfig) -> int:
    """Positions that `config`'s model has, prompt and completion together."""
    for name in ("max_position_embeddings", "n_positions"):
        length = getattr(config, name, None)
        if isinstance(length, int):
            return length
    raise CheckpointError(
        f"The config of this {config.model_type} model names no context length.",
        "Choose a checkpoint whose config has max_position_embeddings or n_positions.",
    )


def _read_weights(folder: Path, dtype: torch.dtype) -> PreTrainedModel:
    try:
        config = AutoConfig.from_pretrained(folder, trust_remote_code=False)
        model, info = AutoModelForCausalLM.from_pretrained(
            folder,
            config=config,
            dtype=dtype,
            attn_implementation="sdpa",
            trust_remote_code=False,
            use_safetensors=True,
            local_files_only=True,
            output_loading_info=True,
        )
    except Exception as error:
        # Missing files, truncated safetensors, unknown architectures: transformers and
        # safetensors raise a dozen unrelated types for these.
        raise CheckpointError(
            f"The folder {folder} holds no model that can be loaded ({type(error).__name__}).",
            _advice(folder),
        ) from error
    if info["missing_keys"]:
        raise CheckpointError(
            f"The weights in {folder} lack {len(info['missing_keys'])} of the model's tensors.",
            "The download may be incomplete: fetch the checkpoint again.",
        )
    return model


def _advice(folder: Path) -> str:
    if not (folder / "config.json").is_file():
        return "There is no config.json in it: choose the folder of a transformers checkpoint."
    if not any(folder.glob("*.safetensors")):
        return "It holds no .safetensors file, the one format of weights that is read."
    return "A file may be damaged or incomplete: fetch the checkpoint again."

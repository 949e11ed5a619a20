"""Weights in 8 and 4 bits through bitsandbytes: how they are asked for, and its quirks."""

from __future__ import annotations

import logging

import torch
from transformers import BitsAndBytesConfig, PreTrainedModel

from model.errors import ModelLoadError
from model.loading.memory_plan import Quantization

PRECISION_NAMES = {"8bit": "8-bit", "4bit": "4-bit"}
# The kernel for CPUs with AVX512-BF16 takes outputs by 32 and inputs by whole blocks
# (`_convert_weight_packed_for_cpu`, bitsandbytes/functional.py), and asserts so at the first token.
PACKED_OUTPUTS = 32
PACKED_INPUTS = 64

# Templates of what bitsandbytes logs, by logger, that tell its reader nothing to act on: once per
# matrix multiplied, and that a kernel which would come from a hub, as code, is not installed.
NOISE = {
    "bitsandbytes.autograd._functions": "MatMul8bitLt: inputs will be cast",
    "bitsandbytes.backends.cpu.ops": "Failed to load CPU gemm_4bit_forward from kernels-community",
}


class NoiseFilter(logging.Filter):
    """Drops the records whose template starts with `start`; all others pass."""

    def __init__(self, start: str) -> None:
        super().__init__()
        self._start = start

    def filter(self, record: logging.LogRecord) -> bool:
        return not str(record.msg).startswith(self._start)


def quieten_bitsandbytes() -> None:
    """Silence what it repeats, and only that. Calling it again changes nothing."""
    for name, start in NOISE.items():
        logger = logging.getLogger(name)
        if not any(isinstance(each, NoiseFilter) for each in logger.filters):
            logger.addFilter(NoiseFilter(start))


def bitsandbytes_config(
    quantization: Quantization, compute: torch.dtype, device: torch.device
) -> BitsAndBytesConfig | None:
    """What transformers needs to quantise while it loads; None for weights as they are.

    Raises:
        ModelLoadError: bitsandbytes is missing, or cannot use the card.
    """
    if quantization == "none":
        return None
    _require_bitsandbytes(device)
    if quantization == "8bit":
        return BitsAndBytesConfig(load_in_8bit=True)
    return BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=compute,
    )


def use_general_kernel_where_needed(model: PreTrainedModel) -> None:
    """Keep 4-bit layers of odd sizes off the packed CPU kernel, which would fail on them."""
    for module in model.modules():
        if getattr(module, "support_avx512bf16_for_cpu", False):
            is_even = (
                module.out_features % PACKED_OUTPUTS == 0 == module.in_features % PACKED_INPUTS
            )
            module.support_avx512bf16_for_cpu = is_even


def _require_bitsandbytes(device: torch.device) -> None:
    try:
        from bitsandbytes.cextension import ErrorHandlerMockBNBNativeLibrary, lib
    except (ImportError, OSError, RuntimeError) as error:
        raise ModelLoadError(
            f"8-bit and 4-bit weights need bitsandbytes, which cannot be used here: {error}.",
            "Install what requirements.txt names, or start with --quantization none.",
        ) from error
    # Without a library for the card's CUDA version it imports all the same, and fails when used.
    if device.type == "cuda" and isinstance(lib, ErrorHandlerMockBNBNativeLibrary):
        raise ModelLoadError(
            "bitsandbytes has no library for this machine's CUDA version.",
            "`python -m bitsandbytes` says more; or start with --quantization none.",
        )

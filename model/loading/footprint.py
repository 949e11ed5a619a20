"""What a model takes of memory, computed from its config before any weight is here.

The model is built on torch's meta device, where tensors have shapes and no storage: what is summed
is exactly what `get_memory_footprint()` will sum once the weights are loaded.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import nn
from transformers import (
    AutoModelForCausalLM,
    DynamicCache,
    GPTBigCodeConfig,
    LlamaConfig,
    PreTrainedConfig,
    PreTrainedModel,
    Starcoder2Config,
)
from transformers.pytorch_utils import Conv1D
from transformers.quantizers.base import HfQuantizer
from transformers.quantizers.quantizers_utils import should_convert_module

from model.errors import CheckpointError
from model.loading.device import PRECISIONS, compute_precision, full_precisions
from model.loading.memory_plan import MemoryBudget, MemoryPlan, PrecisionPlan, Quantization
from model.presets import ModelShape

MEBIBYTE = 1 << 20
# A card's share for what torch loads lazily: kernels, and cuBLAS' workspaces. The context itself
# exists already when free memory is measured, and is in that figure.
CUDA_OVERHEAD = 512 * MEBIBYTE
# Blocks that the allocator cannot use again, measured against the weights.
CUDA_FRAGMENTATION = 0.03
CPU_OVERHEAD = 64 * MEBIBYTE
CPU_FRAGMENTATION = 0.02
# nf4 in bitsandbytes: a scale for 64 weights, quantised to a byte itself, with a scale of its own
# for 256 of those ("double quantisation"; `bitsandbytes.functional.quantize_4bit`).
BLOCK_SIZE = 64
NESTED_BLOCK_SIZE = 256
# Two code books in float32, of 16 and 256 values, and an offset.
CODE_BOOKS = 4 * (16 + 256 + 1)


def config_of(shape: ModelShape) -> PreTrainedConfig:
    """The config of a model of `shape`, complete as far as memory goes."""
    # The defaults are ids of other vocabularies, which transformers warns of.
    shared = {"bos_token_id": 0, "eos_token_id": 0, "tie_word_embeddings": shape.is_tied}
    if shape.architecture == "gpt_bigcode":
        return GPTBigCodeConfig(
            vocab_size=shape.vocab_size,
            n_positions=shape.context_length,
            n_embd=shape.hidden_size,
            n_layer=shape.num_layers,
            n_head=shape.num_heads,
            n_inner=shape.intermediate_size,
            multi_query=shape.num_kv_heads == 1,
            **shared,
        )
    sizes = {
        "vocab_size": shape.vocab_size,
        "hidden_size": shape.hidden_size,
        "intermediate_size": shape.intermediate_size,
        "num_hidden_layers": shape.num_layers,
        "num_attention_heads": shape.num_heads,
        "num_key_value_heads": shape.num_kv_heads,
        "max_position_embeddings": shape.context_length,
    }
    if shape.architecture == "starcoder2":
        return Starcoder2Config(sliding_window=shape.sliding_window, **sizes, **shared)
    return LlamaConfig(**sizes, **shared)


def plan_memory(
    title: str,
    config: PreTrainedConfig,
    budget: MemoryBudget,
    *,
    chunk: int,
    precision: str = "auto",
) -> MemoryPlan:
    """What the model of `config` would need in each precision that it could be loaded in.

    Args:
        title: the model's name for people.
        config: names its architecture and sizes. It is not changed.
        budget: its device decides on the precisions.
        chunk: prompt tokens per forward pass.
        precision: a key of `PRECISIONS`, or "auto".

    Raises:
        CheckpointError: no causal language model can be built from `config`.
    """
    skeleton = build_skeleton(config)
    try:
        return _plan(title, skeleton, budget, chunk=chunk, precision=precision)
    except (AttributeError, TypeError, ValueError, ArithmeticError) as error:
        # State-space and other architectures describe themselves in words of their own.
        raise CheckpointError(
            f"The memory of a model of type {config.model_type!r} cannot be planned: its attention "
            "is of a kind that is not known here.",
            "Choose a checkpoint of a decoder model such as StarCoder, StarCoder 2 or Llama.",
        ) from error


def _plan(
    title: str, skeleton: PreTrainedModel, budget: MemoryBudget, *, chunk: int, precision: str
) -> MemoryPlan:
    device = torch.device("cpu" if budget.device == "cpu" else "cuda")
    planner = _Planner(skeleton, device, chunk)
    compute = compute_precision(precision, device)
    rows = [
        *_full_rows(
            planner, full_precisions(precision, device, count_parameters(skeleton)), budget
        ),
        planner.row("8-bit", compute, "8bit"),
        planner.row("4-bit", compute, "4bit"),
    ]
    shape = planner.attention
    multi_head = planner.kv_cache(rows[0].precision, num_kv_heads=shape.num_heads)
    return MemoryPlan(
        title=title,
        rows=tuple(rows),
        budget=budget,
        num_heads=shape.num_heads,
        num_kv_heads=shape.num_kv_heads,
        kv_cache_multi_head=multi_head,
        context_length=shape.context_length,
    )


def build_skeleton(config: PreTrainedConfig) -> PreTrainedModel:
    """The model of `config` on the meta device: shapes without storage, in milliseconds.

    By its class and not by `from_config`, which sets torch's default type for the whole process:
    this may run beside a load on the models' thread.

    Raises:
        CheckpointError: no causal language model can be built from `config`.
    """
    try:
        model_class = AutoModelForCausalLM._model_mapping[type(config)]
        with torch.device("meta"):
            return model_class(copy.deepcopy(config))  # a copy: building leaves its marks on it
    except Exception as error:
        # Sizes that contradict each other show as whatever the model's code stumbles over.
        raise CheckpointError(
            f"No language model can be built from this config of type {config.model_type!r}: "
            f"{str(error).partition(chr(10))[0][:200]}",
            "Choose a checkpoint of a decoder model such as StarCoder, StarCoder 2 or Llama.",
        ) from error


def context_length_of(config: PreTrainedConfig) -> int:
    """Positions that `config`'s model has, prompt and completion together.

    Raises:
        CheckpointError: the config does not say.
    """
    for name in ("max_position_embeddings", "n_positions"):
        length = getattr(config, name, None)
        if isinstance(length, int):
            return length
    raise CheckpointError(
        f"The config of this {config.model_type} model names no context length.",
        "Choose a checkpoint whose config has max_position_embeddings or n_positions.",
    )


def _full_rows(
    planner: _Planner, precisions: Sequence[str], budget: MemoryBudget
) -> list[PrecisionPlan]:
    """Several precisions are those that a trial chooses from, which holds two copies of the
    weights at once: without the room for that, the narrowest is taken untried."""
    rows = [planner.row(name, name, "none") for name in precisions]
    if len(rows) > 1 and rows[0].total + rows[-1].weights > budget.free:
        return rows[-1:]
    return rows


@dataclass(frozen=True, slots=True)
class LinearSize:
    """A matrix that bitsandbytes would take."""

    outputs: int
    inputs: int

    @property
    def numel(self) -> int:
        return self.outputs * self.inputs


@dataclass(frozen=True, slots=True)
class _Attention:
    """What the cache's size depends on."""

    num_heads: int
    num_kv_heads: int
    head_size: int
    context_length: int

    @classmethod
    def of(cls, config: PreTrainedConfig) -> _Attention:
        num_heads = config.num_attention_heads
        return cls(
            num_heads=num_heads,
            num_kv_heads=getattr(config, "num_key_value_heads", None) or num_heads,
            head_size=getattr(config, "head_dim", None) or config.hidden_size // num_heads,
            context_length=context_length_of(config),
        )


class _Planner:
    """One model's figures, in bytes."""

    def __init__(self, skeleton: PreTrainedModel, device: torch.device, chunk: int) -> None:
        self._skeleton = skeleton
        self._config = skeleton.config
        self._is_cpu = device.type == "cpu"
        self.attention = _Attention.of(self._config)
        self._chunk = min(chunk, self.attention.context_length)
        self._quantized = list(linears_to_quantize(skeleton))
        self._num_parameters = count_parameters(skeleton)

    def row(self, name: str, compute: str, quantization: Quantization) -> PrecisionPlan:
        """
        Args:
            name: what the row is called.
            compute: precision of what is not quantised, of the cache and of the activations.
        """
        weights = self._weights(compute, quantization)
        fixed = CPU_OVERHEAD if self._is_cpu else CUDA_OVERHEAD
        fragmentation = CPU_FRAGMENTATION if self._is_cpu else CUDA_FRAGMENTATION
        return PrecisionPlan(
            precision=name,
            weights=weights,
            kv_cache=self.kv_cache(compute),
            activations=self._activations(compute, quantization),
            overhead=fixed + int(fragmentation * weights) + self._extras(quantization),
        )

    def kv_cache(self, compute: str, num_kv_heads: int | None = None) -> int:
        """Keys and values of every layer at the full context.

        A layer with a sliding window of w keeps w - 1 positions: the current one comes on top.
        The layers' kinds are read where transformers' cache reads them.
        """
        heads = self.attention.num_kv_heads if num_kv_heads is None else num_kv_heads
        per_position: int = 2 * heads * self.attention.head_size * PRECISIONS[compute].itemsize
        return per_position * sum(self._positions_by_layer())

    def _positions_by_layer(self) -> Iterator[int]:
        for layer in DynamicCache(config=self._config).layers:
            window = getattr(layer, "sliding_window", None)
            full = self.attention.context_length
            yield full if window is None else min(full, int(window) - 1)

    def _weights(self, compute: str, quantization: Quantization) -> int:
        """Parameters and buffers; a tied matrix once."""
        itemsize = PRECISIONS[compute].itemsize
        total: int = itemsize * self._num_parameters
        # Masks and rotary frequencies keep their own precision.
        total += sum(tensor.nbytes for tensor in self._skeleton.buffers())
        if quantization == "none":
            return total
        for linear in self._quantized:
            packed = linear.numel if quantization == "8bit" else (linear.numel + 1) // 2
            total += packed - linear.numel * itemsize
        return total

    def _extras(self, quantization: Quantization) -> int:
        """Scales, which `get_memory_footprint()` does not see: they are no parameters."""
        if quantization == "none":
            return 0
        if quantization == "8bit":  # one float32 per row (bitsandbytes' SCB)
            return sum(4 * linear.outputs for linear in self._quantized)
        total = 0
        for linear in self._quantized:
            blocks = math.ceil(linear.numel / BLOCK_SIZE)
            # On a CPU with AVX512-BF16 bitsandbytes unpacks the scales to two bytes each.
            scales = 2 * blocks if self._is_cpu else blocks
            total += scales + 4 * math.ceil(blocks / NESTED_BLOCK_SIZE) + CODE_BOOKS
        return total

    def _activations(self, compute: str, quantization: Quantization) -> int:
        """The most that is alive at once while the last chunk of a full context is read.

        Layers run one after the other, and nothing is kept for a backward pass, so it is one
        layer's attention or one layer's MLP, beside the hidden states. With T tokens in a chunk, S
        positions seen, H hidden and I intermediate size, A heads of D, K of them in the cache, in
        elements of the computing precision:

            stream      4·T·H          residual, normalised, attention's output, projected
            attention   T·(A+2K)·D     queries, keys and values of the chunk
                        K·S·D          the cache grows by copying: keys, then values; a sliding
                                       layer copies both before it lets go (twice that)
                        2·A·S·D        heads repeated beside a mask, if K < A (`repeat_kv`); on a
                                       CPU a single head is repeated without a copy
                        T·S            the mask, and its byte per position
            mlp         3·T·I          up, gate or activation, their product
            logits      4·V float32    one position; copies while sampling sorts them

        Attention's scores (A·T·S) are never stored: sdpa's kernels go over them in tiles.
        bitsandbytes adds scratch memory of one matrix at a time. Against torch's own record of
        allocations the sum is 1.0 to 1.2 times what was alive (tests/model/loading).
        """
        shape, config = self.attention, self._config
        tokens, hidden = self._chunk, config.hidden_size
        itemsize = PRECISIONS[compute].itemsize
        seen = min(shape.context_length, max(self._positions_by_layer()) + tokens)
        heads, kv_heads, size = shape.num_heads, shape.num_kv_heads, shape.head_size
        is_sliding = any(count < shape.context_length for count in self._positions_by_layer())
        attention = tokens * (heads + 2 * kv_heads) * size + tokens * seen
        attention += (2 if is_sliding else 1) * kv_heads * seen * size
        if (1 if self._is_cpu else 0) < kv_heads < heads:
            attention += 2 * heads * seen * size
        mlp = 3 * tokens * self._widest()
        logits = 16 * config.vocab_size
        stages = itemsize * (4 * tokens * hidden + max(attention, mlp)) + tokens * seen
        return int(stages + logits + self._scratch(compute, quantization))

    def _scratch(self, compute: str, quantization: Quantization) -> int:
        """What bitsandbytes holds besides while it multiplies by one quantised matrix."""
        if quantization == "none" or not self._quantized:
            return 0
        largest = max(linear.numel for linear in self._quantized)
        if quantization == "8bit":
            # A CPU without AVX-512 multiplies in float32; others make int32 sums of a chunk.
            return 4 * largest if self._is_cpu else 8 * self._chunk * self._widest()
        # A card unpacks a matrix for a chunk; a CPU re-orders each one once, through int32.
        unpacked: int = 8 if self._is_cpu else PRECISIONS[compute].itemsize
        return unpacked * largest

    def _widest(self) -> int:
        """The widest output of a layer's matrices: the MLP's, by any name its config has for it."""
        hidden: int = self._config.hidden_size
        return max((linear.outputs for linear in self._quantized), default=4 * hidden)


def count_parameters(skeleton: PreTrainedModel) -> int:
    """A tied matrix counts once, be it tied yet or not: another thread's load puts tying off."""
    tied = skeleton.all_tied_weights_keys
    return sum(
        parameter.numel()
        for name, parameter in skeleton.named_parameters(remove_duplicate=False)
        if name not in tied
    )


def linears_to_quantize(model: PreTrainedModel) -> Iterator[LinearSize]:
    """The matrices that transformers hands to bitsandbytes, by transformers' own rule.

    All linear layers but the output head, tied matrices and what must stay in float32
    (`replace_with_bnb_linear`, transformers/integrations/bitsandbytes.py).
    """
    skipped = HfQuantizer.get_modules_to_not_convert(model, None, model._keep_in_fp32_modules)
    for name, module in model.named_modules():
        if not should_convert_module(name, skipped):
            continue
        if type(module) is nn.Linear:
            yield LinearSize(module.out_features, module.in_features)
        elif isinstance(module, Conv1D):  # GPT-2's linear layer, which lies the other way round
            inputs, outputs = module.weight.shape
            yield LinearSize(outputs, inputs)

"""A checkpoint folder to a model in memory."""

from __future__ import annotations

import gc
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from transformers import (
    AutoModelForCausalLM,
    GenerationConfig,
    PreTrainedConfig,
    PreTrainedModel,
)
from transformers.utils import logging as transformers_logging

from model.errors import CheckpointError, DoesNotFitError, LoadMemoryError, PlaygroundError
from model.loading.budget import measure_budget
from model.loading.checkpoint_files import read_config, read_shapes
from model.loading.device import PRECISIONS, calibrate_cpu, choose_device, compute_precision
from model.loading.footprint import build_skeleton, plan_memory
from model.loading.memory_plan import MemoryPlan, PrecisionPlan, Quantization
from model.loading.placement import Placement, place
from model.loading.quantization import (
    PRECISION_NAMES,
    bitsandbytes_config,
    quieten_bitsandbytes,
    use_general_kernel_where_needed,
)

logger = logging.getLogger(__name__)

FETCH_AGAIN = "The download may be incomplete: fetch the checkpoint again."


@dataclass(frozen=True)
class LoadedModel:
    """A causal language model in evaluation mode, on its device, and its precision's name.

    Attributes:
        precision: "float32", "bfloat16", "float16", "8-bit" or "4-bit".
        threads: the number to run it with on a CPU; None on a GPU.
        footprint: bytes of its weights, by `get_memory_footprint()`.
        is_offloaded: part of the weights lies in main memory, and each token waits for it.
        devices: where it is, for people: "cpu", "cuda:0", "cuda:0, cuda:1".
    """

    model: PreTrainedModel
    precision: str
    threads: int | None = None
    footprint: int = 0
    is_offloaded: bool = False
    devices: str = "cpu"


@dataclass(frozen=True, slots=True)
class DevicePlan:
    """What the operator wished for: see `Settings`. "auto" and 0 leave the choice to us.

    `quantization` is decided already: by the operator, or from the memory plan.
    `chunk` is the number of prompt tokens per forward pass.
    """

    device: str = "auto"
    precision: str = "auto"
    threads: int = 0
    quantization: Quantization = "none"
    chunk: int = 256


def load_checkpoint(folder: Path, plan: DevicePlan, cache_folder: Path) -> LoadedModel:
    """Load the safetensors checkpoint in `folder`; call it on the thread that will run it.

    No code from the checkpoint is run, and pickled weights are not read. On several cards, or
    partly in main memory, accelerate places the layers.

    Args:
        cache_folder: where the trial's result is kept that finds a CPU's fastest settings.

    Raises:
        CheckpointError: no config, no weights, broken weights, an unknown architecture.
        DoesNotFitError: no placement on the cards holds it.
        LoadMemoryError: the memory ran out all the same. What was loaded is freed.
        ModelLoadError: the wished device is not there, or bitsandbytes cannot be used.
    """
    quieten_bitsandbytes()
    config = read_config(folder)
    _check_shapes(folder, config)
    memory = plan_memory(
        folder.name,
        config,
        measure_budget(plan.device),
        chunk=plan.chunk,
        precision=plan.precision,
    )
    rows = [row for row in memory.rows if row.quantization == plan.quantization]
    device = choose_device(plan.device)
    placement = _placement(memory, rows[0], device)
    precision = rows[0].precision
    if plan.quantization != "none":
        precision = compute_precision(plan.precision, device)
    request = _Request(folder, config, precision, plan.quantization, device, placement)
    model = _read_within_memory(request)
    if device.type == "cuda":
        threads = None
    else:
        names = [row.precision for row in rows]
        cpu = calibrate_cpu(model, names, plan.threads, cache_folder)
        threads = cpu.threads
        if plan.quantization == "none":  # a quantised model can neither be cast nor moved
            precision = cpu.precision
            model.to(PRECISIONS[precision])
    name = PRECISION_NAMES.get(plan.quantization, precision)
    loaded = LoadedModel(
        model=model,
        precision=name,
        threads=threads,
        footprint=model.get_memory_footprint(),
        is_offloaded=device.type == "cuda" and "cpu" in _places(model),
        devices=_devices(model),
    )
    logger.info("loaded in %s on %s, threads: %s", name, loaded.devices, threads)
    return loaded


@dataclass(frozen=True, slots=True)
class _Request:
    """What is read, and how: `precision` is that of all that is not quantised."""

    folder: Path
    config: PreTrainedConfig
    precision: str
    quantization: Quantization
    device: torch.device
    placement: Placement


def _placement(memory: MemoryPlan, row: PrecisionPlan, device: torch.device) -> Placement:
    """Where to put it. A CPU has one place, and who asked for the load has looked at its memory;
    among cards it is decided by what is free now."""
    if device.type != "cuda":
        return Placement("cpu")
    placement = place(row, memory.budget, may_offload=row.quantization == "none")
    if placement is None:
        raise DoesNotFitError(
            f"{memory.title} needs {row.total / 1e9:.1f} GB in {row.precision}, and "
            f"{memory.budget.free / 1e9:.1f} GB are free on {memory.budget.device}.",
            "Choose a smaller model or --quantization auto, or close what else uses the GPU.",
            memory,
        )
    return placement


def _read_within_memory(request: _Request) -> PreTrainedModel:
    is_out_of_memory = False
    try:
        with _watching_reports() as reports:
            model = _read(request)
    except Exception as error:
        is_out_of_memory = is_memory_error(error) or any(map(_tells_of_memory, reports))
        if isinstance(error, PlaygroundError) and not is_out_of_memory:
            raise
        if not is_out_of_memory:
            # transformers and safetensors raise a dozen unrelated types for damaged files.
            raise CheckpointError(
                f"The folder {request.folder} holds no model that can be loaded "
                f"({type(error).__name__}).",
                "A file may be damaged or incomplete: fetch the checkpoint again.",
            ) from error
    if is_out_of_memory:
        # Out of the except block: the traceback's frames held the tensors until here.
        free_memory()
        raise _too_large(request.device)
    return model


def _too_large(device: torch.device) -> LoadMemoryError:
    place_name = "GPU" if device.type == "cuda" else "machine"
    return LoadMemoryError(
        f"The {place_name} ran out of memory while the model was loaded.",
        "Choose a smaller model or --quantization 4bit, or close what else uses the memory.",
    )


def _read(request: _Request) -> PreTrainedModel:
    transformers_logging.disable_progress_bar()  # stages are reported by the caller
    dtype = PRECISIONS[request.precision]
    options: dict[str, Any] = {}
    quantizer = bitsandbytes_config(request.quantization, dtype, request.device)
    if quantizer is not None:
        options["quantization_config"] = quantizer
    if request.placement.device_map is None:
        options |= {"device_map": "auto", "max_memory": request.placement.max_memory}
    else:
        options["device_map"] = {"": request.placement.device_map}
    model, info = AutoModelForCausalLM.from_pretrained(
        request.folder,
        config=request.config,
        dtype=dtype,
        attn_implementation="sdpa",
        trust_remote_code=False,
        use_safetensors=True,
        local_files_only=True,
        output_loading_info=True,
        **options,
    )
    _check_complete(request.folder, info)
    if "disk" in _places(model):
        raise _too_large(request.device)
    # Sampling settings in a checkpoint would mix with the request's.
    model.generation_config = GenerationConfig()
    use_general_kernel_where_needed(model)
    return model.eval()


def _check_shapes(folder: Path, config: PreTrainedConfig) -> None:
    """Here, because transformers takes whatever shape it finds where it quantises.

    Names that the model spells in another way are left to transformers.
    """
    shapes = read_shapes(folder)
    for name, tensor in build_skeleton(config).state_dict().items():
        found = shapes.get(name, tuple(tensor.shape))
        if found != tuple(tensor.shape):
            raise CheckpointError(
                f"The weights in {folder} are not of the model that its config.json describes: "
                f"{name} is {found} and should be {tuple(tensor.shape)}.",
                "Files of two checkpoints may be mixed: fetch the checkpoint again.",
            )


def _check_complete(folder: Path, info: dict[str, Any]) -> None:
    if info["missing_keys"]:
        raise CheckpointError(
            f"The weights in {folder} lack {len(info['missing_keys'])} of the model's tensors, "
            f"{min(info['missing_keys'])} among them.",
            FETCH_AGAIN,
        )


def is_memory_error(error: BaseException) -> bool:
    """CUDA raises `torch.OutOfMemoryError`, the CPU allocator a plain RuntimeError."""
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    return isinstance(error, RuntimeError | ValueError) and _tells_of_memory(str(error))


def _tells_of_memory(text: str) -> bool:
    signs = ("DefaultCPUAllocator", "OutOfMemoryError", "MemoryError", "Cannot allocate memory")
    # Accelerate found no room on the cards for quantised weights (`validate_environment`).
    return any(sign in text for sign in (*signs, "dispatched on the CPU or the disk"))


def free_memory() -> None:
    """Give freed tensors back to the device. Call it outside the except block that knew them."""
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()


class _Reports(logging.Handler):
    """Keeps what transformers reports of a load: an error inside a conversion is told there only,
    and what it raises in the end has lost the cause (`log_conversion_errors`)."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.texts: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.texts.append(record.getMessage())


@contextmanager
def _watching_reports() -> Iterator[list[str]]:
    handler = _Reports()
    watched = logging.getLogger("transformers.modeling_utils")
    watched.addHandler(handler)
    try:
        yield handler.texts
    finally:
        watched.removeHandler(handler)


def _devices(model: PreTrainedModel) -> str:
    return ", ".join(_places(model))


def _places(model: PreTrainedModel) -> list[str]:
    """The map's values are indices or names; without a map it is all in one place."""
    places = (getattr(model, "hf_device_map", None) or {"": model.device}).values()
    names = (f"cuda:{each}" if isinstance(each, int) else str(each) for each in places)
    return list(dict.fromkeys(names))

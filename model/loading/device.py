"""Where and in which precision a model runs, and with how many threads."""

from __future__ import annotations

import copy
import json
import logging
import os
import platform
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from transformers import DynamicCache, PreTrainedModel

from model.errors import ModelLoadError

logger = logging.getLogger(__name__)

PRECISIONS = {
    "float32": torch.float32,
    "bfloat16": torch.bfloat16,
    "float16": torch.float16,
}
# Above this a second copy for a trial in another precision costs more than it can tell.
MAX_CALIBRATED_PARAMETERS = 1_000_000_000
# A plan is judged by a request of an editor's shape, scaled up from a short trial.
TRIAL_PROMPT_TOKENS = 128
TRIAL_NEW_TOKENS = 8
JUDGED_PROMPT_TOKENS = 256
JUDGED_NEW_TOKENS = 64


@dataclass(frozen=True, slots=True)
class CpuPlan:
    """How to run a model on this machine's CPU: its precision, and intra-op threads."""

    precision: str
    threads: int


def choose_device(wish: str) -> torch.device:
    """The device for `wish`: "auto", "cpu", or "cuda" with an optional index.

    Raises:
        ModelLoadError: a CUDA device is wished for and there is none.
    """
    has_cuda = torch.cuda.is_available()
    if wish == "auto":
        return torch.device("cuda" if has_cuda else "cpu")
    if wish.startswith("cuda") and not has_cuda:
        raise ModelLoadError(
            "No CUDA device is available.", "Start with --device cpu, or check the driver."
        )
    return torch.device(wish)


def choose_cuda_precision(wish: str) -> str:
    """bfloat16 where the card has it, float16 where not; `wish` unless it is "auto"."""
    if wish != "auto":
        return wish
    return "bfloat16" if torch.cuda.is_bf16_supported() else "float16"


def full_precisions(wish: str, device: torch.device, num_parameters: int) -> list[str]:
    """The precisions that unquantised weights could take on `device`, widest first.

    Several mean that a trial decides, on a CPU: see `calibrate_cpu`.
    """
    if device.type == "cuda":
        return [choose_cuda_precision(wish)]
    if wish != "auto":
        return [wish]
    if not _has_fast_bfloat16():
        return ["float32"]
    if num_parameters > MAX_CALIBRATED_PARAMETERS:
        return ["bfloat16"]
    return ["float32", "bfloat16"]


def compute_precision(wish: str, device: torch.device) -> str:
    """What a quantised model computes in; what of it is not quantised takes this precision too.

    Who quantises wants to save memory: bfloat16 halves embeddings and cache, where the processor
    has it. Tried on the embedded model it writes 0 to 15 % slower than float32.
    """
    if device.type == "cuda":
        return choose_cuda_precision(wish)
    if wish != "auto":
        return wish
    return "bfloat16" if _has_fast_bfloat16() else "float32"


def calibrate_cpu(
    model: PreTrainedModel, precisions: Sequence[str], threads: int, cache_folder: Path
) -> CpuPlan:
    """Find the fastest precision and number of threads for `model`, by trial, once.

    bfloat16 is tried only on processors that compute in it: emulated, it decodes as fast as
    float32 and reads a prompt ten times slower (docs/decisions/0003). The plan is kept in
    `cache_folder` under the processor, torch and the model's shape, so that later starts, and
    with them seeded texts, do not depend on how busy the machine is.

    Args:
        model: on the CPU, in the first of `precisions`; it stays so.
        precisions: keys of `PRECISIONS` to choose from, or the one that the model has: a quantised
            model cannot be cast.
        threads: intra-op threads, or 0 to choose.
    """
    plans = [
        CpuPlan(name, count)
        for name in precisions
        for count in ([threads] if threads else _thread_counts())
    ]
    if len(plans) == 1:
        return plans[0]
    file = cache_folder / "cpu-calibration.json"
    key = _key(model, plans)
    known = _read(file)
    if key in known:
        return known[key]
    seconds = _try_out(model, plans)
    for plan, each in seconds.items():
        logger.info("trial: %s, %d threads: %.1f s", plan.precision, plan.threads, each)
    best = min(seconds, key=lambda plan: seconds[plan])
    _write(file, {**known, key: best})
    return best


def _has_fast_bfloat16() -> bool:
    can = torch.cpu.get_capabilities()
    return bool(can.get("avx512_bf16") or can.get("amx_bf16") or can.get("bf16"))


def _thread_counts() -> list[int]:
    """1, half and all of the cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        cores = len(os.sched_getaffinity(0))
    else:
        cores = os.cpu_count() or 1
    return sorted({1, max(1, cores // 2), cores})


def _try_out(model: PreTrainedModel, plans: list[CpuPlan]) -> dict[CpuPlan, float]:
    """Seconds that the judged request would take under each plan."""
    seconds = {}
    names = list(dict.fromkeys(plan.precision for plan in plans))
    for name in names:
        # A copy: float32 weights do not come back from a narrower precision.
        trial = model if name == names[0] else copy.deepcopy(model).to(PRECISIONS[name])
        for plan in plans:
            if plan.precision == name:
                torch.set_num_threads(plan.threads)
                seconds[plan] = _time_request(trial)
    return seconds


def _time_request(model: PreTrainedModel) -> float:
    prompt = torch.ones(1, TRIAL_PROMPT_TOKENS, dtype=torch.long)
    with torch.inference_mode():
        model(prompt[:, :1])  # warm-up
        cache = DynamicCache(config=model.config)
        prefill = _seconds(lambda: model.base_model(prompt, past_key_values=cache))
        steps = [
            _seconds(lambda: model(prompt[:, :1], past_key_values=cache))
            for _ in range(TRIAL_NEW_TOKENS)
        ]
    per_prompt_token = prefill / TRIAL_PROMPT_TOKENS
    per_new_token = statistics.median(steps)
    return JUDGED_PROMPT_TOKENS * per_prompt_token + JUDGED_NEW_TOKENS * per_new_token


def _seconds(function: Callable[[], object]) -> float:
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


def _key(model: PreTrainedModel, plans: list[CpuPlan]) -> str:
    tried = ",".join(f"{plan.precision}x{plan.threads}" for plan in plans)
    shape = f"{model.config.model_type}-{model.num_parameters()}"
    processor = torch.cpu.get_capabilities().get("cpu_name") or platform.machine()
    return f"{processor}/torch-{torch.__version__}/{shape}/{tried}"


def _read(file: Path) -> dict[str, CpuPlan]:
    try:
        known = json.loads(file.read_text(encoding="utf-8"))
        return {key: CpuPlan(row["precision"], row["threads"]) for key, row in known.items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}  # missing or damaged: try again


def _write(file: Path, known: dict[str, CpuPlan]) -> None:
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        rows = {key: asdict(plan) for key, plan in known.items()}
        file.write_text(json.dumps(rows, indent=1), encoding="utf-8")
    except OSError as error:
        logger.warning("the calibration could not be kept: %s", error)

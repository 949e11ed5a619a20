"""The engine that runs models in this process, with transformers, on one thread.

torch and transformers take seconds to import, and the page must not wait for them: they are
imported on the models' thread with the first load.
"""

from __future__ import annotations

import gc
from pathlib import Path
from typing import TYPE_CHECKING

from model.engine.base import (
    Capabilities,
    Health,
    LoadProgress,
    ReportProgress,
    ResidentModel,
)
from model.engine.generation import Generation, GenerationRequest, Slot
from model.engine.worker import Worker
from model.errors import CheckpointError, EngineClosedError, OutOfMemoryError
from model.presets import ModelPreset
from model.prompts.dialogue import detect_dialogue
from model.prompts.infill import detect_infill

if TYPE_CHECKING:
    from transformers import PreTrainedModel

    from model.engine.runner import ModelRunner
    from model.tokenization import ModelTokenizer

# What ends a file: without `<file_sep>` StarCoder 2 goes on to invent the next one.
END_TOKENS = ("<|endoftext|>", "<file_sep>")


class LocalEngine:
    """Owns the models of both slots. The same folder in both is one copy of the weights.

    Args:
        device: "auto", "cpu" or "cuda".
        precision: "auto", "float32", "bfloat16" or "float16".
        threads: intra-op threads on a CPU; 0 finds the fastest by trial.
        max_waiting: bound of the line.
        prefill_chunk: prompt tokens per forward pass.
        cache_folder: where the trial's result is kept.
    """

    capabilities = Capabilities()

    def __init__(
        self,
        *,
        cache_folder: Path,
        device: str = "auto",
        precision: str = "auto",
        threads: int = 0,
        max_waiting: int = 32,
        prefill_chunk: int = 256,
    ) -> None:
        self._device = device
        self._precision = precision
        self._threads = threads
        self._prefill_chunk = prefill_chunk
        self._cache_folder = cache_folder
        self._worker = Worker(self._run, max_waiting)
        # Used on the worker's thread only.
        self._runners: dict[Slot, ModelRunner] = {}
        self._loaded: dict[Path, tuple[ModelRunner, ResidentModel]] = {}

    @property
    def health(self) -> Health:
        return self._worker.health

    def load(
        self, slot: Slot, preset: ModelPreset, folder: Path | None, report: ReportProgress
    ) -> ResidentModel:
        if folder is None:
            raise CheckpointError("This engine needs a checkpoint folder.")
        return self._worker.call(self._load, slot, preset, folder, report)

    def submit(self, request: GenerationRequest, client: str) -> Generation:
        return self._worker.submit(request)

    def close(self) -> None:
        self._worker.close()
        self._runners.clear()
        self._loaded.clear()

    def _load(
        self, slot: Slot, preset: ModelPreset, folder: Path, report: ReportProgress
    ) -> ResidentModel:
        folder = folder.resolve()
        if folder not in self._loaded:
            self._loaded[folder] = self._load_folder(preset, folder, report)
        runner, resident = self._loaded[folder]
        self._runners[slot] = runner
        self._forget_unused()
        return resident

    def _load_folder(
        self, preset: ModelPreset, folder: Path, report: ReportProgress
    ) -> tuple[ModelRunner, ResidentModel]:
        report(LoadProgress("importing torch and transformers"))
        from model.engine.runner import ModelRunner
        from model.loading.checkpoint import DevicePlan, context_length_of, load_checkpoint
        from model.tokenization import load_tokenizer

        report(LoadProgress("loading the tokenizer"))
        tokenizer = load_tokenizer(folder)
        report(LoadProgress("loading the weights"))
        plan = DevicePlan(self._device, self._precision, self._threads)
        loaded = load_checkpoint(folder, plan, self._cache_folder)
        _check_vocabulary(loaded.model, tokenizer)
        context_length = context_length_of(loaded.model.config)
        runner = ModelRunner(
            loaded.model, tokenizer, context_length, self._prefill_chunk, loaded.threads
        )
        resident = ResidentModel(
            preset=preset,
            tokenizer=tokenizer,
            context_length=context_length,
            device=str(loaded.model.device),
            precision=loaded.precision,
            infill=detect_infill(tokenizer.special_id),
            dialogue=detect_dialogue(tokenizer.special_id),
            stop_token_ids=_stop_token_ids(tokenizer),
            can_heal=runner.can_heal,
        )
        return runner, resident

    def _forget_unused(self) -> None:
        used = set(map(id, self._runners.values()))
        for folder, (runner, _) in list(self._loaded.items()):
            if id(runner) not in used:
                del self._loaded[folder]

    def _run(self, generation: Generation) -> None:
        runner = self._runners.get(generation.request.slot)
        if runner is None:
            raise EngineClosedError(
                "No model is resident in this slot.", "Wait until it is loaded."
            )
        is_out_of_memory = False
        try:
            runner.run(generation)
        except Exception as error:
            if not _is_out_of_memory(error):
                raise
            is_out_of_memory = True
        # Out of the except block: the traceback's frames held the tensors until here.
        if is_out_of_memory:
            _free_memory()
            raise OutOfMemoryError(
                "The device ran out of memory.", "Shorten the prompt or ask for fewer new tokens."
            )


def _check_vocabulary(model: PreTrainedModel, tokenizer: ModelTokenizer) -> None:
    num_embeddings = model.get_input_embeddings().num_embeddings
    if tokenizer.vocab_size > num_embeddings:
        raise CheckpointError(
            f"The tokenizer has {tokenizer.vocab_size:,} tokens, the model {num_embeddings:,}.",
            "They do not belong together: fetch both from the same checkpoint.",
        )


def _stop_token_ids(tokenizer: ModelTokenizer) -> tuple[int, ...]:
    ids = [tokenizer.eos_token_id, *map(tokenizer.special_id, END_TOKENS)]
    return tuple(dict.fromkeys(token_id for token_id in ids if token_id is not None))


def _is_out_of_memory(error: Exception) -> bool:
    """CUDA raises `torch.OutOfMemoryError`, the CPU allocator a plain RuntimeError."""
    import torch

    return isinstance(error, torch.OutOfMemoryError | MemoryError) or (
        isinstance(error, RuntimeError) and "DefaultCPUAllocator" in str(error)
    )


def _free_memory() -> None:
    import torch

    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()

"""The engine that runs models in this process, with transformers, on one thread.

torch and transformers take seconds to import, and the page must not wait for them: they are
imported on the models' thread with the first load.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
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
from model.errors import (
    CheckpointError,
    EngineClosedError,
    LoadMemoryError,
    OutOfMemoryError,
    PlaygroundError,
)
from model.loading.memory_plan import MemoryBudget, MemoryPlan, Quantization, QuantizationWish
from model.presets import ModelPreset
from model.prompts.infill import detect_infill
from model.prompts.template import find_dialogue

if TYPE_CHECKING:
    from transformers import PreTrainedConfig, PreTrainedModel

    from model.engine.runner import ModelRunner
    from model.tokenization import ModelTokenizer

logger = logging.getLogger(__name__)

PLENTY = MemoryBudget("cpu", 1 << 60, (1 << 60,))
# What ends a file: without `<file_sep>` StarCoder 2 goes on to invent the next one.
END_TOKENS = ("<|endoftext|>", "<file_sep>")


@dataclass(frozen=True)
class _Loaded:
    """A model in memory, whichever slots it serves.

    `footprint` is the bytes of its weights, `kv_cache` those of its cache at the full context.
    """

    folder: Path
    quantization: Quantization
    runner: ModelRunner
    resident: ResidentModel
    footprint: int
    kv_cache: int


class LocalEngine:
    """Owns the models of both slots. The same folder in both is one copy of the weights.

    Args:
        device: "auto", "cpu" or "cuda".
        precision: "auto", "float32", "bfloat16" or "float16".
        threads: intra-op threads on a CPU; 0 finds the fastest by trial.
        max_waiting: bound of the line.
        prefill_chunk: prompt tokens per forward pass.
        cache_folder: where the trial's result is kept.
        memory_limit: bytes of the device's memory for all models together; None is all of it.
    """

    capabilities = Capabilities(alternatives=True)

    def __init__(
        self,
        *,
        cache_folder: Path,
        device: str = "auto",
        precision: str = "auto",
        threads: int = 0,
        max_waiting: int = 32,
        prefill_chunk: int = 256,
        memory_limit: int | None = None,
    ) -> None:
        self._device = device
        self._precision = precision
        self._threads = threads
        self._prefill_chunk = prefill_chunk
        self._cache_folder = cache_folder
        self._memory_limit = memory_limit
        self._worker = Worker(self._run, max_waiting)
        # Changed on the worker's thread only.
        self._loaded: dict[Slot, _Loaded] = {}

    @property
    def health(self) -> Health:
        return self._worker.health

    def plan(
        self,
        slot: Slot,
        preset: ModelPreset,
        folder: Path | None,
        wish: QuantizationWish = "auto",
        *,
        without: Collection[Slot] = (),
    ) -> MemoryPlan | None:
        loaded = dict(self._loaded)
        others = [each for name, each in loaded.items() if name not in {slot, *without}]
        if folder is not None and any(
            each.folder == folder.resolve() and wish in ("auto", each.quantization)
            for each in others
        ):
            return None
        # Here and not on the models' thread: it would wait for all the generations in line.
        from model.loading.checkpoint_files import read_config
        from model.loading.footprint import config_of

        if folder is not None:
            config = read_config(folder)
        elif preset.shape is not None:
            config = config_of(preset.shape)
        else:
            return None
        staying = {id(each): each for name, each in loaded.items() if name not in without}
        leaving = {
            id(each): each
            for name, each in loaded.items()
            if name in without and id(each) not in staying
        }
        budget = self._budget(staying.values(), leaving.values())
        return self._plan(preset.title, config, budget)

    def _plan(self, title: str, config: PreTrainedConfig, budget: MemoryBudget) -> MemoryPlan:
        from model.loading.footprint import plan_memory

        return plan_memory(
            title, config, budget, chunk=self._prefill_chunk, precision=self._precision
        )

    def _budget(self, staying: Iterable[_Loaded], leaving: Iterable[_Loaded]) -> MemoryBudget:
        """What is free once `leaving` has left, beside what `staying` may come to need."""
        from model.loading.budget import measure_budget

        staying = list(staying)
        freed = sum(each.footprint + each.runner.num_cached_bytes for each in leaving)
        # A model that was asked little holds a small cache still, and may fill it any time.
        reserved = sum(max(0, each.kv_cache - each.runner.num_cached_bytes) for each in staying)
        budget = measure_budget(self._device).with_freed(freed - reserved)
        if self._memory_limit is None:
            return budget
        held = sum(each.footprint + each.kv_cache for each in staying)
        return budget.limited_to(self._memory_limit - held)

    def load(
        self,
        slot: Slot,
        preset: ModelPreset,
        folder: Path | None,
        report: ReportProgress,
        quantization: Quantization | None = None,
    ) -> ResidentModel:
        if folder is None:
            raise CheckpointError("This engine needs a checkpoint folder.")
        return self._worker.call(self._load, slot, preset, folder.resolve(), report, quantization)

    def unload(self, slot: Slot) -> None:
        self._worker.call(self._unload, slot)

    def submit(self, request: GenerationRequest, client: str) -> Generation:
        return self._worker.submit(request)

    def close(self) -> None:
        self._worker.close()
        self._loaded.clear()

    def _load(
        self,
        slot: Slot,
        preset: ModelPreset,
        folder: Path,
        report: ReportProgress,
        quantization: Quantization | None,
    ) -> ResidentModel:
        same = (
            each
            for each in self._loaded.values()
            if each.folder == folder and quantization in (None, each.quantization)
        )
        loaded = next(same, None) or self._read(preset, folder, report, quantization or "none")
        self._loaded[slot] = loaded
        _free_memory()
        return loaded.resident

    def _unload(self, slot: Slot) -> None:
        if self._loaded.pop(slot, None) is not None:
            _free_memory()

    def _read(
        self,
        preset: ModelPreset,
        folder: Path,
        report: ReportProgress,
        quantization: Quantization,
    ) -> _Loaded:
        """The checkpoint in memory; after a failure nothing of it is left there."""
        failure: Exception
        try:
            return self._read_folder(preset, folder, report, quantization)
        except PlaygroundError as error:
            failure = error
        except Exception as error:
            from model.loading.checkpoint import is_memory_error

            logger.exception("loading %s failed", folder.name)
            failure = error
            if is_memory_error(error):
                failure = LoadMemoryError(
                    "The device ran out of memory while the model was loaded.",
                    "Choose a smaller model or --quantization 4bit, or close what else uses the "
                    "memory.",
                )
        # Out of the except block: the frames of a traceback hold tensors.
        failure.__cause__ = failure.__context__ = None
        failure = failure.with_traceback(None)
        _free_memory()
        raise failure

    def _read_folder(
        self,
        preset: ModelPreset,
        folder: Path,
        report: ReportProgress,
        quantization: Quantization,
    ) -> _Loaded:
        report(LoadProgress("importing torch and transformers"))
        from model.engine.runner import ModelRunner
        from model.loading.checkpoint import DevicePlan, load_checkpoint
        from model.loading.footprint import context_length_of
        from model.tokenization import load_tokenizer

        report(LoadProgress("loading the tokenizer"))
        tokenizer = load_tokenizer(folder)
        report(LoadProgress("loading the weights"))
        plan = DevicePlan(
            self._device, self._precision, self._threads, quantization, self._prefill_chunk
        )
        loaded = load_checkpoint(folder, plan, self._cache_folder)
        _check_vocabulary(loaded.model, tokenizer)
        context_length = context_length_of(loaded.model.config)
        device = "cpu" if loaded.model.device.type == "cpu" else "cuda:0"
        runner = ModelRunner(
            loaded.model, tokenizer, context_length, self._prefill_chunk, loaded.threads
        )
        resident = ResidentModel(
            preset=preset,
            tokenizer=tokenizer,
            context_length=context_length,
            device=loaded.devices,
            precision=loaded.precision,
            infill=detect_infill(tokenizer.special_id),
            dialogue=find_dialogue(preset.dialogue, tokenizer.special_id, tokenizer.chat_template),
            stop_token_ids=stop_token_ids(tokenizer),
            can_heal=runner.can_heal,
            footprint=loaded.footprint,
            is_offloaded=loaded.is_offloaded,
        )
        # Against plenty, so that no row is left out for want of room.
        memory = self._plan(preset.title, loaded.model.config, replace(PLENTY, device=device))
        kv_cache = max(row.kv_cache for row in memory.rows_for(quantization))
        # The last moment to call it off: from here on the new model serves.
        report(LoadProgress("putting the model in its place"))
        return _Loaded(folder, quantization, runner, resident, loaded.footprint, kv_cache)

    def _run(self, generation: Generation) -> None:
        loaded = self._loaded.get(generation.request.slot)
        if loaded is None:
            raise EngineClosedError(
                "No model is resident in this slot.", "Wait until it is loaded."
            )
        is_out_of_memory = False
        try:
            loaded.runner.run(generation)
        except Exception as error:
            from model.loading.checkpoint import is_memory_error

            if not is_memory_error(error):
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


def stop_token_ids(tokenizer: ModelTokenizer) -> tuple[int, ...]:
    ids = [tokenizer.eos_token_id, *map(tokenizer.special_id, END_TOKENS)]
    return tuple(dict.fromkeys(token_id for token_id in ids if token_id is not None))


def _free_memory() -> None:
    from model.loading.checkpoint import free_memory

    free_memory()

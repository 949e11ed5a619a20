"""The local engine over tiny random checkpoints: slots, faults, and what it leaves behind."""

from __future__ import annotations

import asyncio
import gc
import threading
from collections.abc import AsyncIterator
from pathlib import Path

import psutil
import pytest
import pytest_asyncio
import torch

from model.engine.base import LoadProgress, ResidentModel
from model.engine.events import Event, Failed, Finished, FinishReason, Prefill, Token
from model.engine.generation import Generation, GenerationRequest, Slot
from model.engine.local import LocalEngine
from model.errors import (
    CheckpointError,
    EngineClosedError,
    GenerationError,
    OutOfMemoryError,
)
from model.presets import ModelPreset
from model.sampling import SamplingParams
from tests import checkpoints

PRESET = ModelPreset("tiny", "Tiny")
CHUNK = 64


@pytest.fixture(scope="module")
def llama_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return checkpoints.write_llama(tmp_path_factory.mktemp("llama"))


@pytest_asyncio.fixture
async def engine(tmp_path: Path, llama_folder: Path) -> AsyncIterator[LocalEngine]:
    engine = LocalEngine(
        cache_folder=tmp_path,
        device="cpu",
        precision="float32",
        threads=1,
        max_waiting=100,
        prefill_chunk=CHUNK,
    )
    await load(engine, "base", llama_folder)
    yield engine
    await asyncio.to_thread(engine.close)


async def load(engine: LocalEngine, slot: Slot, folder: Path) -> ResidentModel:
    return await asyncio.to_thread(engine.load, slot, PRESET, folder, lambda progress: None)


def submit(
    engine: LocalEngine,
    slot: Slot = "base",
    *,
    num_prompt: int = 20,
    num_new: int = 8,
    first_id: int = 40,
) -> Generation:
    prompt = (first_id, *(40 + index % 60 for index in range(num_prompt - 1)))
    params = SamplingParams(temperature=0, max_new_tokens=num_new)
    return engine.submit(GenerationRequest(slot, prompt, params, (10_000,)), "test")


async def read(generation: Generation) -> list[Event]:
    return [event async for event in generation]


def model_of(engine: LocalEngine, slot: Slot = "base") -> torch.nn.Module:
    return engine._loaded[slot].runner._model


async def test_a_loaded_model_says_what_it_is_and_generates(
    engine: LocalEngine, llama_folder: Path
) -> None:
    stages: list[str] = []
    resident = await asyncio.to_thread(
        engine.load, "base", PRESET, llama_folder, lambda progress: stages.append(progress.stage)
    )
    assert resident.preset is PRESET
    assert (resident.device, resident.precision) == ("cpu", "float32")
    assert resident.context_length == 8192
    assert resident.tokenizer.special_id("<|endoftext|>") in resident.stop_token_ids
    finished = (await read(submit(engine)))[-1]
    assert isinstance(finished, Finished)
    assert finished.reason is FinishReason.LENGTH


async def test_the_same_folder_in_both_slots_is_one_copy_of_the_weights(
    engine: LocalEngine, llama_folder: Path
) -> None:
    await load(engine, "chat", llama_folder)
    assert model_of(engine, "chat") is model_of(engine, "base")


async def test_a_replaced_model_is_freed(
    engine: LocalEngine, llama_folder: Path, tmp_path: Path
) -> None:
    other = checkpoints.write_gpt_bigcode(tmp_path / "other")
    await load(engine, "base", other)
    assert {each.folder for each in engine._loaded.values()} == {other.resolve()}
    finished = (await read(submit(engine)))[-1]
    assert isinstance(finished, Finished)


@pytest.mark.parametrize("damage", ["no config", "no weights", "truncated", "missing tensors"])
async def test_a_damaged_folder_is_refused_and_the_old_model_still_serves(
    engine: LocalEngine, tmp_path: Path, damage: str
) -> None:
    folder = checkpoints.write_llama(tmp_path / "damaged")
    weights = folder / "model.safetensors"
    match damage:
        case "no config":
            (folder / "config.json").unlink()
        case "no weights":
            weights.unlink()
        case "truncated":
            weights.write_bytes(weights.read_bytes()[:-1000])
        case "missing tensors":
            from safetensors.torch import load_file, save_file

            tensors = load_file(weights)
            tensors.pop("model.layers.1.mlp.up_proj.weight")
            save_file(tensors, weights, metadata={"format": "pt"})
    with pytest.raises(CheckpointError) as caught:
        await load(engine, "base", folder)
    assert caught.value.advice
    assert isinstance((await read(submit(engine)))[-1], Finished)


async def test_a_slot_without_a_model_refuses(engine: LocalEngine) -> None:
    (failed,) = await read(submit(engine, "chat"))
    assert isinstance(failed, Failed)
    assert isinstance(failed.error, EngineClosedError)


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        (RuntimeError("kernel failure"), GenerationError),
        (torch.OutOfMemoryError("CUDA out of memory"), OutOfMemoryError),
        (MemoryError(), OutOfMemoryError),
        (
            RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory"),
            OutOfMemoryError,
        ),
    ],
    ids=["kernel", "cuda", "python", "cpu"],
)
@pytest.mark.parametrize("when", ["prefill", "decode"])
async def test_a_fault_inside_forward_fails_its_request_alone(
    engine: LocalEngine, fault: Exception, expected: type[Exception], when: str
) -> None:
    clean = [event for event in await read(submit(engine)) if isinstance(event, Token)]
    num_passes = 0

    def strike(*args: object) -> None:
        nonlocal num_passes
        num_passes += 1
        if num_passes == (1 if when == "prefill" else 4):
            raise fault

    handle = model_of(engine).base_model.layers[1].register_forward_pre_hook(strike)
    struck, waiting = submit(engine, num_prompt=150), submit(engine)
    failed = (await read(struck))[-1]
    assert isinstance(failed, Failed)
    assert type(failed.error) is expected
    handle.remove()
    after = [event for event in await read(waiting) if isinstance(event, Token)]
    assert [token.id for token in after] == [token.id for token in clean]
    assert engine.health.is_alive


async def test_a_hundred_cancelled_generations_leave_nothing_behind(engine: LocalEngine) -> None:
    await read(submit(engine, num_prompt=4000, num_new=4))  # warm-up: buffers, thread pools
    num_threads = threading.active_count()
    process = psutil.Process()
    gc.collect()
    num_known = num_generations()
    memory = process.memory_info().rss
    for index in range(100):
        where = ("queue", "prefill", "decode")[index % 3]
        await cancel_one(engine, where, first_id=40 + index % 60)
    await asyncio.to_thread(engine._worker.call, int)  # the thread has left the last one
    gc.collect()
    assert engine.health.num_running == engine.health.num_waiting == 0
    assert threading.active_count() <= num_threads
    assert num_generations() <= num_known
    grown = process.memory_info().rss - memory
    assert grown < 40_000_000, f"{grown / 1e6:.0f} MB more than before"
    finished = (await read(submit(engine)))[-1]
    assert isinstance(finished, Finished)
    assert finished.reason is FinishReason.LENGTH


def num_generations() -> int:
    return sum(type(each) is Generation for each in gc.get_objects())


async def cancel_one(engine: LocalEngine, where: str, first_id: int) -> None:
    """Cancel a generation in the queue, while its prompt is read, or while it decodes.

    Its first token is new each time, so that its prompt is not in the kept cache.
    """
    ahead = submit(engine, num_new=200) if where == "queue" else None
    generation = submit(engine, num_prompt=2000, num_new=200, first_id=first_id)
    awaited = {"queue": object, "prefill": Prefill, "decode": Token}[where]
    async for event in generation:
        if isinstance(event, awaited):
            generation.cancel()
            break
    rest = await read(generation)
    finished = rest[-1]
    assert isinstance(finished, Finished)
    assert finished.reason is FinishReason.CANCELLED
    if where != "decode":
        assert finished.usage.completion_tokens == 0
    if ahead is not None:
        ahead.cancel()
        await read(ahead)


async def test_loading_reports_its_stages(engine: LocalEngine, tmp_path: Path) -> None:
    folder = checkpoints.write_gpt_bigcode(tmp_path / "fresh")
    stages: list[LoadProgress] = []
    await asyncio.to_thread(engine.load, "chat", PRESET, folder, stages.append)
    assert [progress.stage for progress in stages] == [
        "importing torch and transformers",
        "loading the tokenizer",
        "loading the weights",
        "putting the model in its place",
    ]


async def test_a_tokenizer_with_more_tokens_than_the_model_is_refused(
    engine: LocalEngine, tmp_path: Path
) -> None:
    folder = checkpoints.write_llama(tmp_path / "mixed")
    checkpoints.write_tokenizer(folder, checkpoints.STARCODER2_TOKENS, ("<more>",))
    with pytest.raises(CheckpointError, match="do not belong together"):
        await load(engine, "base", folder)

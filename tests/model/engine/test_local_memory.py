"""What the local engine plans, holds and gives back: two tiny models and a limit on memory."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Iterator
from pathlib import Path

import pytest
from safetensors.torch import load_file, save_file
from transformers import GPTBigCodeForCausalLM

from model.engine.base import LoadProgress
from model.engine.events import Finished
from model.engine.generation import GenerationRequest
from model.engine.local import LocalEngine
from model.errors import CheckpointError, DoesNotFitError, LoadCancelledError, ModelLoadError
from model.loading.job import LoadJob
from model.loading.residency import Residency
from model.loading.slot import LoadFailed, Parked, Ready
from model.loading.sources import folder_source
from model.presets import ModelPreset, find_hub_preset
from model.requests import CompletionRequest
from model.sampling import SamplingParams
from model.service import GenerationService
from tests import checkpoints

PRESET = ModelPreset("tiny", "Tiny")


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    root = tmp_path_factory.mktemp("checkpoints")
    return (
        checkpoints.write_gpt_bigcode(root / "first"),
        checkpoints.write_gpt_bigcode(root / "second", seed=1),
    )


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[LocalEngine]:
    engine = build_engine(tmp_path)
    yield engine
    engine.close()


def build_engine(cache: Path, memory_limit: int | None = None) -> LocalEngine:
    return LocalEngine(
        cache_folder=cache,
        device="cpu",
        precision="float32",
        threads=1,
        memory_limit=memory_limit,
    )


def load(engine: LocalEngine, slot: str, folder: Path, **options: str) -> None:
    engine.load(slot, PRESET, folder, lambda progress: None, **options)  # type: ignore[arg-type]


def room_for_one(engine: LocalEngine, folder: Path) -> int:
    plan = engine.plan("base", PRESET, folder)
    assert plan is not None
    return plan.rows[0].total + plan.rows[0].weights // 2


def test_a_model_is_planned_from_its_folder_or_from_its_presets_shape(
    engine: LocalEngine, folders: tuple[Path, Path]
) -> None:
    plan = engine.plan("base", PRESET, folders[0])
    assert plan is not None
    assert [row.precision for row in plan.rows] == ["float32", "8-bit", "4-bit"]
    assert (plan.title, plan.num_kv_heads, plan.context_length) == ("Tiny", 1, 8192)
    starcoder = find_hub_preset("starcoder")
    assert starcoder is not None
    plan = engine.plan("base", starcoder, None)
    assert plan is not None
    assert plan.rows[0].weights == pytest.approx(4 * 15.5e9, rel=0.03)


def test_a_model_that_the_other_slot_has_needs_nothing(
    engine: LocalEngine, folders: tuple[Path, Path]
) -> None:
    load(engine, "base", folders[0])
    assert engine.plan("chat", PRESET, folders[0]) is None
    assert engine.plan("chat", PRESET, folders[0], "none") is None
    assert engine.plan("chat", PRESET, folders[0], "8bit") is not None
    assert engine.plan("chat", PRESET, folders[1]) is not None


def test_what_would_leave_is_counted_as_free(
    engine: LocalEngine, folders: tuple[Path, Path]
) -> None:
    load(engine, "base", folders[0])
    limited = build_engine(Path(), 10_000_000_000)
    loaded = engine._loaded["base"]
    limited._loaded["base"] = loaded
    beside = limited.plan("chat", PRESET, folders[1])
    alone = limited.plan("chat", PRESET, folders[1], without=("base",))
    assert beside is not None
    assert alone is not None
    assert alone.budget.free - beside.budget.free == loaded.footprint + loaded.kv_cache
    limited.close()


def test_unloading_frees_a_model_unless_the_other_slot_has_the_same(
    engine: LocalEngine, folders: tuple[Path, Path]
) -> None:
    for slot in ("base", "chat"):
        load(engine, slot, folders[0])
    assert engine._loaded["base"] is engine._loaded["chat"]
    engine.unload("base")
    assert set(engine._loaded) == {"chat"}
    engine.unload("chat")
    engine.unload("chat")
    assert not engine._loaded


def test_one_folder_in_two_precisions_is_two_models(
    engine: LocalEngine, folders: tuple[Path, Path]
) -> None:
    load(engine, "base", folders[0], quantization="none")
    load(engine, "chat", folders[0], quantization="8bit")
    precisions = [engine._loaded[slot].resident.precision for slot in ("base", "chat")]
    assert precisions == ["float32", "8-bit"]


def test_a_load_can_be_called_off_before_the_weights_are_read(
    engine: LocalEngine, folders: tuple[Path, Path]
) -> None:
    job = LoadJob(lambda progress: None)

    def report(progress: LoadProgress) -> None:
        if progress.stage == "loading the weights":
            job.cancel()
        job.report(progress)

    with pytest.raises(LoadCancelledError):
        engine.load("base", PRESET, folders[0], report)
    assert not engine._loaded


@pytest.mark.parametrize("damage", ["missing tensors", "a larger vocabulary", "called off"])
def test_nothing_of_a_model_that_could_not_be_loaded_stays_in_memory(
    engine: LocalEngine, folders: tuple[Path, Path], tmp_path: Path, damage: str
) -> None:
    load(engine, "base", folders[0])
    broken = checkpoints.write_gpt_bigcode(tmp_path / "broken")
    if damage == "missing tensors":
        tensors = load_file(broken / "model.safetensors")
        tensors.pop("transformer.h.1.mlp.c_fc.weight")
        save_file(tensors, broken / "model.safetensors", metadata={"format": "pt"})
    elif damage == "a larger vocabulary":
        checkpoints.write_tokenizer(broken, [f"<{number}>" for number in range(500)])

    def report(progress: LoadProgress) -> None:
        if damage == "called off" and progress.stage == "putting the model in its place":
            raise LoadCancelledError("Called off.")

    with pytest.raises(ModelLoadError) as caught:
        engine.load("base", PRESET, broken, report)
    # By type: isinstance asks some of torch's objects for attributes that warn.
    assert sum(type(each) is GPTBigCodeForCausalLM for each in gc.get_objects()) == 1
    assert caught.value.__context__ is None
    assert engine._loaded["base"].folder == folders[0].resolve()


def test_what_is_kept_between_requests_is_known(
    engine: LocalEngine, folders: tuple[Path, Path]
) -> None:
    load(engine, "base", folders[0])
    loaded = engine._loaded["base"]
    assert loaded.runner.num_cached_bytes == 0

    async def run() -> None:
        params = SamplingParams(temperature=0, max_new_tokens=4)
        request = GenerationRequest("base", tuple(range(40, 100)), params, (10_000,))
        async for _ in engine.submit(request, "test"):
            pass

    asyncio.run(run())
    # Two layers, keys and values of one head of 8 numbers, four bytes each, 63 positions.
    assert loaded.runner.num_cached_bytes == 2 * 2 * 8 * 4 * 63


def test_a_folder_without_a_config_cannot_be_planned(engine: LocalEngine, tmp_path: Path) -> None:
    with pytest.raises(CheckpointError):
        engine.plan("base", PRESET, tmp_path)


async def ask(service: GenerationService) -> None:
    request = CompletionRequest("a = 1", SamplingParams(temperature=0, max_new_tokens=4))
    events = [event async for event in service.start(request, "t", overflow="refuse").events()]
    assert isinstance(events[-1], Finished)


async def settle(residency: Residency) -> None:
    async with asyncio.timeout(60):
        for slot in ("base", "chat"):
            while residency.is_busy(slot):  # type: ignore[arg-type]
                await residency.wait_for_change(slot)  # type: ignore[arg-type]


async def test_two_models_over_the_limit_take_turns_in_real_memory(
    engine: LocalEngine, folders: tuple[Path, Path], tmp_path: Path
) -> None:
    limited = build_engine(tmp_path, room_for_one(engine, folders[0]))
    sources = {"base": folder_source(folders[0]), "chat": folder_source(folders[1])}
    residency = Residency(limited, sources)  # type: ignore[arg-type]
    residency.start()
    await settle(residency)
    assert isinstance(residency.status("base"), Parked)
    assert set(limited._loaded) == {"chat"}
    await ask(GenerationService(residency, limited))
    assert isinstance(residency.status("chat"), Parked)
    assert set(limited._loaded) == {"base"}
    await residency.close()
    await asyncio.to_thread(limited.close)


async def test_where_turns_are_not_allowed_the_second_model_does_not_fit(
    engine: LocalEngine, folders: tuple[Path, Path], tmp_path: Path
) -> None:
    limited = build_engine(tmp_path, room_for_one(engine, folders[0]))
    sources = {"base": folder_source(folders[0]), "chat": folder_source(folders[1])}
    residency = Residency(limited, sources, may_swap=False)  # type: ignore[arg-type]
    residency.start()
    await settle(residency)
    assert isinstance(residency.status("base"), Ready)
    status = residency.status("chat")
    assert isinstance(status, LoadFailed)
    assert isinstance(status.error, DoesNotFitError)
    await residency.close()
    await asyncio.to_thread(limited.close)

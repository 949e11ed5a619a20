"""Each family in each precision: it continues, fills in and chats, and takes the memory planned."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from itertools import product
from pathlib import Path

import pytest
import torch

from model.engine.events import Token
from model.engine.local import LocalEngine
from model.loading.embedded import prepare_embedded
from model.loading.memory_plan import MemoryPlan, Quantization
from model.loading.residency import Residency
from model.loading.sources import resolve_source
from model.prompts.dialogue import Message
from model.requests import ChatRequest, CompletionRequest, InfillRequest
from model.sampling import SamplingParams
from model.service import GenerationService
from tests import checkpoints
from tests.model.test_families import CHAT, INFILL, Writer, assert_generated, prompt_of, run

PARAMS = SamplingParams(temperature=0, max_new_tokens=8)
PRECISIONS: dict[Quantization, str] = {"none": "float32", "8bit": "8-bit", "4bit": "4-bit"}
CONTEXT = 512

# With a context that is quickly filled.
SMALL: dict[str, Writer] = {
    "StarCoder": partial(checkpoints.write_gpt_bigcode, n_positions=CONTEXT),
    "StarCoder without multi-query": partial(
        checkpoints.write_gpt_bigcode, n_positions=CONTEXT, multi_query=False
    ),
    "StarCoder 2": partial(checkpoints.write_starcoder2, max_position_embeddings=CONTEXT),
    "StarCoder 2, its window passed": partial(
        checkpoints.write_starcoder2, max_position_embeddings=CONTEXT, sliding_window=64
    ),
    "SantaCoder": partial(checkpoints.write_santacoder, n_positions=CONTEXT),
    "StarChat": partial(checkpoints.write_starchat, n_positions=CONTEXT),
    "Llama": partial(checkpoints.write_llama, max_position_embeddings=CONTEXT),
}


class Served:
    """A service over one folder in both slots, and the engine below it."""

    def __init__(self, service: GenerationService, engine: LocalEngine) -> None:
        self.service = service
        self._engine = engine

    def plan(self) -> MemoryPlan:
        plan = self.service.residency.plan("base")
        assert plan is not None
        return plan

    def measure(self) -> tuple[int, int]:
        """Bytes of the weights and of the cache that the last request left."""
        runner = self._engine._loaded["base"].runner
        kept = runner._prefixes._kept
        assert kept is not None
        cache = sum(layer.keys.nbytes + layer.values.nbytes for layer in kept.cache.layers)
        return runner._model.get_memory_footprint(), cache


@asynccontextmanager
async def serving(
    folder: Path, cache: Path, quantization: Quantization, precision: str = "float32"
) -> AsyncIterator[Served]:
    engine = LocalEngine(cache_folder=cache, device="cpu", precision=precision, threads=1)
    sources = {slot: resolve_source(slot, str(folder), quantization) for slot in ("base", "chat")}
    residency = Residency(engine, sources)
    residency.start()
    try:
        yield Served(GenerationService(residency, engine), engine)
    finally:
        await residency.close()
        await asyncio.to_thread(engine.close)


@pytest.mark.parametrize(("family", "quantization"), [*product(INFILL, PRECISIONS)])
async def test_a_base_model_continues_and_fills_in_the_middle_in_each_precision(
    family: str, quantization: Quantization, tmp_path: Path
) -> None:
    write, expected = INFILL[family]
    async with serving(write(tmp_path / "checkpoint"), tmp_path, quantization) as served:
        events = await run(served.service, CompletionRequest("def f():", PARAMS))
        assert_generated(events)
        events = await run(served.service, InfillRequest("a", "b", PARAMS))
        assert_generated(events)
        assert prompt_of(events) == expected
        async with served.service.residency.lease("base") as resident:
            assert resident.precision == PRECISIONS[quantization]


@pytest.mark.parametrize(("family", "quantization"), [*product(CHAT, PRECISIONS)])
async def test_a_chat_model_answers_in_its_own_markup_in_each_precision(
    family: str, quantization: Quantization, tmp_path: Path
) -> None:
    write, expected = CHAT[family]
    async with serving(write(tmp_path / "checkpoint"), tmp_path, quantization) as served:
        events = await run(served.service, ChatRequest("", (Message("user", "hi"),), PARAMS))
        assert_generated(events)
        assert prompt_of(events).endswith(expected)


@pytest.mark.parametrize(("family", "quantization"), [*product(SMALL, PRECISIONS)])
async def test_weights_and_a_full_cache_take_what_was_planned(
    family: str, quantization: Quantization, tmp_path: Path
) -> None:
    folder = SMALL[family](tmp_path / "checkpoint")
    async with serving(folder, tmp_path, quantization) as served:
        text = "x" * (CONTEXT - PARAMS.max_new_tokens)
        finished = assert_generated(await run(served.service, CompletionRequest(text, PARAMS)))
        assert finished.usage.prompt_tokens + finished.usage.completion_tokens == CONTEXT
        weights, cache = served.measure()
        row = served.plan().row(PRECISIONS[quantization])
        async with served.service.residency.lease("base") as resident:
            assert resident.footprint == weights == row.weights
        assert cache == pytest.approx(row.kv_cache, rel=0.05)
        assert weights + cache == pytest.approx(row.weights + row.kv_cache, rel=0.1)


@pytest.mark.parametrize("quantization", ["8bit", "4bit"])
@pytest.mark.parametrize("family", ["StarCoder", "StarCoder 2", "Llama"])
async def test_a_quantised_model_reuses_its_cache_and_heals_white_space(
    family: str, quantization: Quantization, tmp_path: Path
) -> None:
    folder = SMALL[family](tmp_path / "checkpoint")
    params = SamplingParams(temperature=1.5, seed=5, max_new_tokens=8)
    async with serving(folder, tmp_path, quantization) as served:
        start = "x = 1\n" * 50
        await run(served.service, CompletionRequest(start, PARAMS))
        request = CompletionRequest(start + "def f():\n    ", params)
        events = await run(served.service, request)
        assert assert_generated(events).usage.reused_tokens > 0
        ids = [event.id for event in events if isinstance(event, Token) and event.id is not None]
        async with served.service.residency.lease("base") as resident:
            assert resident.tokenizer.decode(ids).startswith("\n    ")
        again = await run(served.service, request)
        assert [event.id for event in again if isinstance(event, Token)] == [
            event.id for event in events if isinstance(event, Token)
        ]


async def test_the_cache_of_a_quantised_model_has_the_precision_it_computes_in(
    tmp_path: Path,
) -> None:
    folder = checkpoints.write_gpt_bigcode(tmp_path / "checkpoint", n_positions=CONTEXT)
    async with serving(folder, tmp_path, "4bit", "bfloat16") as served:
        assert_generated(await run(served.service, CompletionRequest("x" * 100, PARAMS)))
        kept = served._engine._loaded["base"].runner._prefixes._kept
        assert kept is not None
        assert {layer.keys.dtype for layer in kept.cache.layers} == {torch.bfloat16}


@pytest.mark.real
@pytest.mark.timeout(600)
@pytest.mark.parametrize("quantization", ["8bit", "4bit"])
async def test_the_embedded_model_writes_code_in_fewer_bits_and_takes_what_was_planned(
    quantization: Quantization, tmp_path: Path
) -> None:
    folder = await asyncio.to_thread(prepare_embedded, "base", lambda progress: None)
    params = SamplingParams(temperature=0, max_new_tokens=24)
    async with serving(folder, tmp_path, quantization) as served:
        prompt = "def add(a, b):\n    return"
        events = await run(served.service, CompletionRequest(prompt, params))
        text = "".join(event.text for event in events if isinstance(event, Token))
        assert "a + b" in text
        weights, cache = served.measure()
        plan, usage = served.plan(), assert_generated(events).usage
        row = plan.row(PRECISIONS[quantization])
        # Its last token was not fed back.
        filled = (usage.prompt_tokens + usage.completion_tokens - 1) / plan.context_length
        assert weights + cache == pytest.approx(row.weights + row.kv_cache * filled, rel=0.1)
        assert weights < plan.row("float32").weights / 2

"""Tiny random checkpoints of the families go the whole way: folder, residency, prompt, engine."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from model.engine.events import Finished, FinishReason, Token
from model.engine.local import LocalEngine
from model.errors import CapabilityError, ContextLengthError
from model.loading.residency import Residency
from model.loading.sources import resolve_source
from model.prompts.dialogue import Message
from model.prompts.metadata import NotebookCell
from model.prompts.segments import render
from model.requests import (
    ChatRequest,
    CompletionRequest,
    InfillRequest,
    NotebookRequest,
    PlaygroundRequest,
)
from model.sampling import SamplingParams
from model.service import GenerationService, Prepared, RunEvent
from tests import checkpoints

PARAMS = SamplingParams(temperature=0, max_new_tokens=8)
Writer = Callable[[Path], Path]

INFILL: dict[str, tuple[Writer, str]] = {
    "StarCoder": (checkpoints.write_gpt_bigcode, "<fim_prefix>a<fim_suffix>b<fim_middle>"),
    "StarCoder without multi-query": (
        lambda folder: checkpoints.write_gpt_bigcode(folder, multi_query=False),
        "<fim_prefix>a<fim_suffix>b<fim_middle>",
    ),
    "StarCoder 2": (checkpoints.write_starcoder2, "<fim_prefix>a<fim_suffix>b<fim_middle>"),
    "SantaCoder": (checkpoints.write_santacoder, "<fim-prefix>a<fim-suffix>b<fim-middle>"),
    "embedded base": (checkpoints.write_embedded_base, "<fim_prefix><fim_suffix>b<fim_middle>a"),
}
CHAT: dict[str, tuple[Writer, str]] = {
    "StarChat": (
        checkpoints.write_starchat,
        "<|system|>\n<|end|>\n<|user|>\nhi<|end|>\n<|assistant|>",
    ),
    "StarChat2": (
        checkpoints.write_starchat2,
        "<|im_start|>user\nhi<|im_end|>\n<|im_start|>assistant\n",
    ),
    "embedded chat": (
        checkpoints.write_llama,
        "<|im_start|>user\nhi<|im_end|>\n<|im_start|>assistant\n",
    ),
}


@asynccontextmanager
async def serving(folder: Path, cache: Path) -> AsyncIterator[GenerationService]:
    """`folder` resident in both slots."""
    engine = LocalEngine(cache_folder=cache, device="cpu", precision="float32", threads=1)
    sources = {slot: resolve_source(slot, str(folder)) for slot in ("base", "chat")}
    residency = Residency(engine, sources)
    residency.start()
    yield GenerationService(residency, engine)
    await residency.close()
    await asyncio.to_thread(engine.close)


async def run(service: GenerationService, request: PlaygroundRequest) -> list[RunEvent]:
    events = service.start(request, "test", overflow="refuse").events()
    return [event async for event in events]


def assert_generated(events: list[RunEvent]) -> Finished:
    finished = events[-1]
    assert isinstance(finished, Finished)
    assert finished.usage.completion_tokens == sum(
        isinstance(event, Token) and event.id is not None for event in events
    )
    assert finished.usage.completion_tokens > 0
    return finished


def prompt_of(events: list[RunEvent]) -> str:
    return next(render(event.fitted.prompt) for event in events if isinstance(event, Prepared))


@pytest.mark.parametrize("family", INFILL)
async def test_a_base_model_continues_and_fills_in_the_middle(family: str, tmp_path: Path) -> None:
    write, expected = INFILL[family]
    folder = write(tmp_path / "checkpoint")
    async with serving(folder, tmp_path) as service:
        events = await run(service, CompletionRequest("def f():", PARAMS))
        assert_generated(events)
        assert prompt_of(events) == "def f():"
        events = await run(service, InfillRequest("a", "b", PARAMS))
        assert_generated(events)
        assert prompt_of(events) == expected


@pytest.mark.parametrize("family", ["StarCoder", "StarCoder 2"])
async def test_a_base_model_writes_the_next_cell_of_a_notebook(family: str, tmp_path: Path) -> None:
    folder = INFILL[family][0](tmp_path / "checkpoint")
    cells = (NotebookCell("text", "Add"), NotebookCell("code", "1 + 1"))
    async with serving(folder, tmp_path) as service:
        events = await run(service, NotebookRequest(cells, "output", PARAMS))
        assert_generated(events)
        before = "<jupyter_start><jupyter_text>Add<jupyter_code>1 + 1"
        assert prompt_of(events) == f"{before}<jupyter_output>"
        events = await run(service, NotebookRequest(cells, None, PARAMS))
        assert_generated(events)
        assert prompt_of(events) == before


@pytest.mark.parametrize("family", CHAT)
async def test_a_chat_model_answers_in_its_own_markup(family: str, tmp_path: Path) -> None:
    write, expected = CHAT[family]
    folder = write(tmp_path / "checkpoint")
    async with serving(folder, tmp_path) as service:
        events = await run(service, ChatRequest("", (Message("user", "hi"),), PARAMS))
        assert_generated(events)
        assert prompt_of(events).endswith(expected)


async def test_a_base_model_refuses_to_chat_and_a_chat_model_to_infill(tmp_path: Path) -> None:
    async with serving(checkpoints.write_gpt_bigcode(tmp_path / "base"), tmp_path) as service:
        with pytest.raises(CapabilityError, match="not tuned on dialogues"):
            await run(service, ChatRequest("", (Message("user", "hi"),), PARAMS))
    async with serving(checkpoints.write_llama(tmp_path / "chat"), tmp_path) as service:
        with pytest.raises(CapabilityError, match="no fill-in-the-middle tokens"):
            await run(service, InfillRequest("a", "b", PARAMS))


async def test_all_8192_positions_of_starcoder_are_used_and_not_one_more(tmp_path: Path) -> None:
    folder = checkpoints.write_gpt_bigcode(tmp_path / "starcoder", n_positions=8192)
    async with serving(folder, tmp_path) as service:
        events = await run(service, CompletionRequest("x" * 8188, PARAMS))
        finished = assert_generated(events)
        assert finished.reason is FinishReason.LENGTH
        assert finished.usage.prompt_tokens + finished.usage.completion_tokens == 8192
        with pytest.raises(ContextLengthError) as caught:
            await run(service, CompletionRequest("x" * 8192, PARAMS))
        assert (caught.value.num_tokens, caught.value.limit) == (8192, 8191)
        assert_generated(await run(service, CompletionRequest("still alive", PARAMS)))


async def test_the_space_that_a_prompt_ends_in_is_healed(tmp_path: Path) -> None:
    folder = checkpoints.write_gpt_bigcode(tmp_path / "starcoder")
    async with serving(folder, tmp_path) as service:
        events = await run(service, CompletionRequest("def f():\n    ", PARAMS))
        finished = assert_generated(events)
        assert prompt_of(events) == "def f():"
        ids = [event.id for event in events if isinstance(event, Token) and event.id is not None]
        async with service.residency.lease("base") as resident:
            spelt = resident.tokenizer.decode(ids)
        shown = "".join(event.text for event in events if isinstance(event, Token))
        assert spelt == "\n    " + shown
        assert finished.usage.completion_tokens == 8

"""The whole context is usable, from the request to the last position, and no position more."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from model.engine.base import ResidentModel
from model.engine.events import Finished, FinishReason
from model.engine.local import LocalEngine
from model.fitting import FittedRequest, fit, measure
from model.presets import ModelPreset
from model.prompts.assistant import AssistantPrompt
from model.prompts.dialogue import Message
from model.prompts.segments import Text, render
from model.requests import (
    AssistantRequest,
    ChatRequest,
    CompletionRequest,
    InfillRequest,
    PlaygroundRequest,
)
from model.sampling import SamplingParams
from tests import checkpoints

PARAMS = SamplingParams(temperature=0, max_new_tokens=8)

Writer = Callable[[Path], Path]
WINDOWS: dict[str, tuple[Writer, int]] = {
    "StarCoder": (checkpoints.write_gpt_bigcode, 8192),
    "StarCoder 2": (checkpoints.write_starcoder2, 16_384),
    "SantaCoder": (checkpoints.write_santacoder, 2048),
}


@asynccontextmanager
async def loaded(folder: Path, cache: Path) -> AsyncIterator[tuple[LocalEngine, ResidentModel]]:
    """`folder` resident in both slots."""
    engine = LocalEngine(cache_folder=cache, device="cpu", precision="float32", threads=1)
    preset = ModelPreset("tiny", "Tiny model")
    try:
        for slot in ("base", "chat"):
            resident = await asyncio.to_thread(engine.load, slot, preset, folder, lambda _: None)
        yield engine, resident
    finally:
        await asyncio.to_thread(engine.close)


async def run(
    engine: LocalEngine, resident: ResidentModel, request: PlaygroundRequest
) -> tuple[FittedRequest, Finished]:
    fitted = fit(request, resident, overflow="trim")
    finished = [event async for event in engine.submit(fitted.generation, "test")][-1]
    assert isinstance(finished, Finished)
    return fitted, finished


@pytest.mark.parametrize("family", WINDOWS)
async def test_a_prompt_over_the_window_is_trimmed_to_it_and_every_position_is_used(
    family: str, tmp_path: Path
) -> None:
    write, window = WINDOWS[family]
    async with loaded(write(tmp_path / "checkpoint"), tmp_path) as (engine, resident):
        assert resident.context_length == window
        request = InfillRequest("a" * window + "p", "s" + "b" * window, PARAMS)
        assert measure(request, resident).prompt_tokens == 2 * window + 2 + 3
        fitted, finished = await run(engine, resident, request)
        prefix, suffix = (item.text for item in fitted.prompt if isinstance(item, Text))
        assert (prefix[-1], suffix[0]) == ("p", "s")
        assert finished.usage.prompt_tokens == window - 8
        assert finished.usage.prompt_tokens + finished.usage.completion_tokens == window
        assert finished.reason is FinishReason.LENGTH
        # What is left out is told, and the model is none the worse for it.
        assert [(item.part, item.side) for item in fitted.dropped] == [
            ("prefix", "start"),
            ("suffix", "end"),
        ]
        _, finished = await run(engine, resident, CompletionRequest("still alive", PARAMS))
        assert finished.usage.completion_tokens == 8


async def test_a_chat_over_the_window_drops_old_turns_and_never_its_system_prompt(
    tmp_path: Path,
) -> None:
    folder = checkpoints.write_starchat2(tmp_path / "checkpoint")
    async with loaded(folder, tmp_path) as (engine, resident):
        turns = tuple(
            Message("assistant" if number % 2 else "user", f"{number} " + "x" * 2000)
            for number in range(19)
        )
        fitted, finished = await run(engine, resident, ChatRequest("Be brief.", turns, PARAMS))
        text = render(fitted.prompt)
        assert text.startswith("<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\n")
        assert "18 xx" in text
        [dropped] = fitted.dropped
        assert dropped.num_turns == 6
        assert f"<|im_start|>user\n{2 * dropped.num_turns} xx" in text
        assert finished.usage.prompt_tokens > 16_384 - 4100  # one more turn would not fit
        assert finished.usage.completion_tokens > 0


async def test_the_tech_assistants_preamble_is_read_once_by_the_engine(tmp_path: Path) -> None:
    folder = checkpoints.write_gpt_bigcode(tmp_path / "checkpoint")
    preamble = AssistantPrompt("Dialogues. " * 270 + "\n\n-----", "a test")
    async with loaded(folder, tmp_path) as (engine, resident):

        def ask(text: str) -> AssistantRequest:
            return AssistantRequest((Message("user", text),), PARAMS, preamble)

        _, first = await run(engine, resident, ask("What is a list?"))
        _, other = await run(engine, resident, CompletionRequest("def f():", PARAMS))
        fitted, second = await run(engine, resident, ask("And a tuple?"))
        assert first.usage.reused_tokens == other.usage.reused_tokens == 0
        assert second.usage.reused_tokens == len(preamble.text) > 2900
        assert render(fitted.prompt).endswith("-----\n\nHuman: And a tuple?\n\nAssistant:")


async def test_a_model_with_its_own_template_is_talked_to_in_it(tmp_path: Path) -> None:
    folder = checkpoints.write_llama(tmp_path / "checkpoint", tokens=("<s>", "<|endoftext|>"))
    (folder / "chat_template.jinja").write_text(
        "{{ bos_token }}{% for m in messages %}[{{ m['role'] }}] {{ m['content'] | trim }}\n"
        "{% endfor %}[assistant]"
    )
    async with loaded(folder, tmp_path) as (engine, resident):
        assert resident.dialogue is not None
        request = ChatRequest("Be brief.", (Message("user", " Hi <s> "),), PARAMS)
        fitted, finished = await run(engine, resident, request)
        assert render(fitted.prompt) == (
            "<|endoftext|>[system] Be brief.\n[user] Hi <s>\n[assistant]"
        )
        assert resident.tokenizer.special_id("<s>") not in fitted.generation.prompt_ids
        assert finished.usage.completion_tokens > 0

"""One request through residency, fitting and engine, over the scripted engine."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from dataclasses import replace
from pathlib import Path

import pytest
import pytest_asyncio

from model.engine.base import Capabilities, LoadProgress
from model.engine.events import Failed, Finished, FinishReason, Token
from model.engine.scripted import CODE_SCRIPT, ScriptedEngine
from model.errors import (
    CapabilityError,
    ContextLengthError,
    ModelLoadError,
    OutOfMemoryError,
    PromptError,
)
from model.loading.job import LoadJob
from model.loading.residency import Residency
from model.loading.slot import ModelSource
from model.presets import ModelPreset
from model.prompts.dialogue import Message
from model.requests import (
    ChatRequest,
    CompletionRequest,
    InfillRequest,
    PlaygroundRequest,
)
from model.sampling import SamplingParams
from model.service import GenerationService, Prepared, Run, RunEvent, Waiting

PARAMS = SamplingParams(max_new_tokens=500)
PRESET = ModelPreset("scripted", "Scripted")


def no_files(job: LoadJob) -> Path | None:
    return None


def build(
    engine: ScriptedEngine, prepare: Callable[[LoadJob], Path | None] = no_files
) -> GenerationService:
    source = ModelSource(PRESET, prepare)
    return GenerationService(Residency(engine, {"base": source, "chat": source}), engine)


@pytest_asyncio.fixture
async def service() -> AsyncIterator[GenerationService]:
    """Loaded, typing without pause."""
    async with started(build(ScriptedEngine())) as service:
        yield service


class started:
    """A service that loads on entry and is gone afterwards."""

    def __init__(self, service: GenerationService) -> None:
        self._service = service

    async def __aenter__(self) -> GenerationService:
        self._service.residency.start()
        return self._service

    async def __aexit__(self, *exc: object) -> None:
        await self._service.residency.close()
        await asyncio.to_thread(self._service.engine.close)


def start(service: GenerationService, request: PlaygroundRequest) -> Run:
    return service.start(request, "test", overflow="refuse")


async def read(run: Run) -> list[RunEvent]:
    return [event async for event in run.events()]


def text_of(events: list[RunEvent]) -> str:
    return "".join(event.text for event in events if isinstance(event, Token))


@pytest.mark.parametrize(
    "request_",
    [
        CompletionRequest("SAY: typed\n", PARAMS),
        InfillRequest("a = 1\n", "SAY: typed\n", PARAMS),
        ChatRequest("", (Message("user", "SAY: typed\n"),), PARAMS),
    ],
    ids=["completion", "infill", "chat"],
)
async def test_each_kind_of_request_waits_is_prepared_and_streams(
    service: GenerationService, request_: PlaygroundRequest
) -> None:
    events = await read(start(service, request_))
    kinds = [type(event) for event in events]
    assert set(kinds[: kinds.index(Prepared)]) <= {Waiting}
    assert text_of(events).startswith("typed\n")
    finished = events[-1]
    assert isinstance(finished, Finished)
    assert finished.reason is FinishReason.EOS_TOKEN


async def test_a_request_that_cannot_be_run_raises_before_anything_is_queued(
    service: GenerationService,
) -> None:
    with pytest.raises(PromptError):
        await read(start(service, CompletionRequest("", PARAMS)))
    with pytest.raises(ContextLengthError):
        await read(start(service, CompletionRequest("x" * 9000, PARAMS)))
    assert service.engine.health.num_running == 0


async def test_a_fault_of_the_engine_comes_after_the_text_before_it(
    service: GenerationService,
) -> None:
    events = await read(start(service, CompletionRequest("OOM\n", PARAMS)))
    assert CODE_SCRIPT.startswith(text_of(events))
    assert text_of(events)
    assert isinstance(events[-1], Failed)
    assert isinstance(events[-1].error, OutOfMemoryError)


async def test_cancelling_goes_on_to_the_figures() -> None:
    async with started(build(ScriptedEngine(tokens_per_second=200))) as service:
        run = start(service, CompletionRequest("def f():", PARAMS))
        events = []
        async for event in run.events():
            events.append(event)
            if isinstance(event, Token):
                run.cancel()
        finished = events[-1]
        assert isinstance(finished, Finished)
        assert finished.reason is FinishReason.CANCELLED
        assert finished.usage.completion_tokens < len(CODE_SCRIPT)


async def test_a_reader_that_goes_away_frees_the_engine_and_the_lease() -> None:
    async with started(build(ScriptedEngine(tokens_per_second=50))) as service:
        async with aclosing(start(service, CompletionRequest("def f():", PARAMS)).events()) as run:
            async for event in run:
                if isinstance(event, Token):
                    break
        await asyncio.to_thread(service.engine._worker.call, int)  # the thread is free again
        assert service.engine.health.num_running == 0
        assert service.residency._slots["base"].num_leases == 0


async def test_cancelling_while_the_model_loads_just_ends() -> None:
    engine = ScriptedEngine(load_seconds=1)
    async with started(build(engine)) as service:
        run = start(service, CompletionRequest("def f():", PARAMS))
        events = []
        async for event in run.events():
            events.append(event)
            run.cancel()
        assert events
        assert all(isinstance(event, Waiting) for event in events)


async def test_a_model_that_cannot_be_loaded_is_told_to_who_waits() -> None:
    def prepare(job: LoadJob) -> Path | None:
        job.report(LoadProgress("downloading", 0.1))
        raise ModelLoadError("The hub knows no such model.", "Check the name.")

    async with started(build(ScriptedEngine(), prepare)) as service:
        with pytest.raises(ModelLoadError, match="knows no such model"):
            await read(start(service, CompletionRequest("def f():", PARAMS)))


async def test_token_probabilities_are_refused_where_the_engine_tells_none(
    service: GenerationService, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service.engine, "capabilities", Capabilities(alternatives=False))
    asked = CompletionRequest("SAY: x", replace(PARAMS, logprobs=5))
    with pytest.raises(CapabilityError, match="does not tell how likely"):
        await read(start(service, asked))

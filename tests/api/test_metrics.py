"""The figures at /metrics, read by Prometheus' own parser."""

from __future__ import annotations

import contextlib

import pytest
from prometheus_client.parser import text_string_to_metric_families

from api.asking import Asker
from api.metrics import Metrics
from model.engine.scripted import ScriptedEngine
from model.errors import ContextLengthError, GenerationError
from model.requests import CompletionRequest
from model.sampling import SamplingParams
from model.service import GenerationService
from tests.api.clients import Client, api_client, build_service, wait_until_ready

Figures = dict[tuple[str, tuple[tuple[str, str], ...]], float]


def read(text: str) -> Figures:
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def figure(figures: Figures, name: str, **labels: str) -> float:
    return figures[f"starcoder_{name}", tuple(sorted(labels.items()))]


async def figures_of(client: Client) -> Figures:
    response = await client.get("/metrics")
    assert response.headers["content-type"].startswith("text/plain; version=0.0.4")
    return read(response.text)


async def test_requests_are_counted_by_their_route_not_their_path() -> None:
    async with api_client() as client:
        await client.post("/overlap?x=1", json={"document": ""})
        await client.post("/overlap?x=2", json={"document": ""})
        await client.post("/overlap", content=b"{")
        await client.get("/wp-login.php")
        figures = await figures_of(client)
    labels = {"method": "POST", "route": "/overlap"}
    assert figure(figures, "requests_total", **labels, status="501") == 2
    assert figure(figures, "requests_total", **labels, status="422") == 1
    assert figure(figures, "request_seconds_count", route="/overlap") == 3
    assert "wp-login" not in str(figures)


async def test_two_apps_count_apart() -> None:
    async with api_client() as first, api_client() as second:
        await first.post("/overlap", json={"document": ""})
        assert "/overlap" in str(await figures_of(first))
        assert "/overlap" not in str(await figures_of(second))


async def test_models_and_engine_show_how_they_are() -> None:
    service = build_service()
    metrics = Metrics(service)
    service.residency.start()
    await wait_until_ready(service)
    figures = read(metrics.render().decode())
    assert figure(figures, "model_ready", slot="base") == 1
    assert figure(figures, "engine_up") == 1
    service.engine.close()
    assert figure(read(metrics.render().decode()), "engine_up") == 0
    await service.residency.close()


@contextlib.asynccontextmanager
async def observed(engine: ScriptedEngine | None = None):  # type: ignore[no-untyped-def]
    service: GenerationService = build_service(engine)
    metrics = Metrics(service)
    service.residency.start()
    await wait_until_ready(service)
    try:
        yield Asker(service, observers=[metrics.count_generation]), metrics
    finally:
        service.engine.close()
        await service.residency.close()


def ask(prompt: str, num_tokens: int = 5) -> CompletionRequest:
    return CompletionRequest(prompt, SamplingParams(max_new_tokens=num_tokens))


async def test_tokens_and_times_of_a_generation_are_counted() -> None:
    async with observed() as (asker, metrics):
        async with asker.ask(ask("abc"), "me") as answer:
            await answer.whole()
        figures = read(metrics.render().decode())
    assert figure(figures, "generations_total", slot="base", outcome="length") == 1
    assert figure(figures, "prompt_tokens_total", slot="base") == 3
    assert figure(figures, "generated_tokens_total", slot="base") == 5
    assert figure(figures, "time_to_first_token_seconds_count", slot="base") == 1
    assert figure(figures, "time_per_token_seconds_count", slot="base") == 1
    assert figure(figures, "queue_seconds_count", slot="base") == 1


async def test_one_that_is_left_and_one_that_fails_are_told_apart() -> None:
    async with observed(ScriptedEngine(tokens_per_second=50)) as (asker, metrics):
        async with asker.ask(ask("abc", 100), "me") as answer:
            async for _ in answer:
                break
            running = read(metrics.render().decode())
        with pytest.raises(GenerationError):
            async with asker.ask(ask("FAIL", 1000), "me") as answer:
                await answer.whole()
        with pytest.raises(ContextLengthError):
            async with asker.ask(ask("x" * 9000), "me") as answer:
                pass
        figures = read(metrics.render().decode())
    assert figure(running, "running") == 1
    for outcome in ("abandoned", "GenerationError", "ContextLengthError"):
        assert figure(figures, "generations_total", slot="base", outcome=outcome) == 1

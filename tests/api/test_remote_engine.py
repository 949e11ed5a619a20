"""The API over a remote engine: what clients and monitors are told of a server behind it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from api.server import build_server
from model.engine.generation import SLOTS
from model.loading.residency import Residency
from model.loading.slot import ModelSource
from model.service import GenerationService
from tests.api.clients import Client, client_of, wait_until_ready
from tests.endpoint_server import MODEL, EndpointServer, Reply, endpoint_server, piece, refusal
from tests.model.engine.remotes import PRESET, build_engine
from tests.remote_tokenizer import write_scripted_tokenizer

PATH = "/v1/completions"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_scripted_tokenizer(tmp_path_factory.mktemp("tokenizer"))


@pytest.fixture(scope="module")
def server() -> Iterator[EndpointServer]:
    with endpoint_server() as server:
        yield server


@asynccontextmanager
async def client_over(
    server: EndpointServer, folder: Path | None, **options: Any
) -> AsyncIterator[Client]:
    server.reset()
    engine = build_engine(server, **options)
    sources = {slot: ModelSource(PRESET, lambda job: folder) for slot in SLOTS}
    service = GenerationService(Residency(engine, sources), engine)
    app = build_server(service, max_body_bytes=100_000, is_public=False)
    async with client_of(app) as client:
        await wait_until_ready(service)
        yield client


async def test_a_busy_server_is_a_429_with_its_own_retry_after(
    server: EndpointServer, folder: Path
) -> None:
    async with client_over(server, folder) as client:
        server.replies.append(refusal(429, "Slow down", **{"retry-after": "30"}))
        response = await client.post(PATH, json={"prompt": "x"})
        assert (response.status_code, response.headers["retry-after"]) == (429, "30")
        assert "Slow down" in response.json()["error"]["message"]
        assert (await client.post(PATH, json={"prompt": "x"})).status_code == 200


async def test_a_request_that_the_server_refuses_is_the_clients(
    server: EndpointServer, folder: Path
) -> None:
    async with client_over(server, folder) as client:
        server.replies.extend([refusal(400, "Too long for 4096.")] * 2)
        response = await client.post(PATH, json={"prompt": "x"})
    assert response.status_code == 400
    assert "Too long for 4096." in response.json()["error"]["message"]


async def test_a_stream_that_breaks_off_ends_with_an_error(
    server: EndpointServer, folder: Path
) -> None:
    async with client_over(server, folder) as client:
        server.replies.append(Reply([piece("one ")], then="cut"))
        response = await client.post(PATH, json={"prompt": "x", "stream": True})
    assert response.status_code == 200
    assert '"text":"one "' in response.text
    assert "broke off before its end" in response.text
    assert "[DONE]" not in response.text


async def test_tgis_clients_get_a_text_and_are_refused_details_that_the_server_does_not_tell(
    server: EndpointServer, folder: Path
) -> None:
    async with client_over(server, folder) as client:
        for path in ("/generate", "/generate_stream"):
            response = await client.post(path, json={"inputs": "x"})
            assert '"generated_text":"one two"' in response.text
        detailed = {"inputs": "x", "parameters": {"details": True}}
        refused = await client.post("/generate", json=detailed)
    assert refused.status_code == 422
    assert "how likely its tokens are" in refused.json()["error"]


async def test_without_tokenizer_files_infill_is_refused_and_chat_works(
    server: EndpointServer,
) -> None:
    async with client_over(server, None) as client:
        refused = await client.post(PATH, json={"prompt": "a", "suffix": "b"})
        said = {"messages": [{"role": "user", "content": "hi"}]}
        answer = await client.post("/v1/chat/completions", json=said)
    assert refused.status_code == 400
    assert "cannot infill" in refused.json()["error"]["message"]
    assert answer.json()["choices"][0]["message"]["content"] == "one two"
    assert server.asked[-1][0] == "/v1/chat/completions"


async def test_health_and_readiness_follow_the_server(server: EndpointServer, folder: Path) -> None:
    async with client_over(server, folder, probe_seconds=0.02) as client:
        assert [await status(client, path) for path in ("/health", "/ready")] == [200, 200]
        server.models = None
        await until(client, 503)
        assert await status(client, "/ready") == 503
        server.models = [{"id": MODEL}]
        await until(client, 200)
        assert await status(client, "/ready") == 200


async def status(client: Client, path: str) -> int:
    return (await client.get(path)).status_code


async def until(client: Client, expected: int) -> None:
    async with asyncio.timeout(10):
        while await status(client, "/health") != expected:  # noqa: ASYNC110 - it is asked, as here
            await asyncio.sleep(0.01)

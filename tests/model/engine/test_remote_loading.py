"""A model of a server becomes resident: what the server is asked first, and whether it is there."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path

import pytest

from model.engine.base import LoadProgress
from model.engine.remote import PLAIN_CONTEXT
from model.errors import (
    CheckpointError,
    EngineClosedError,
    LoadCancelledError,
    RemoteKeyError,
    RemoteModelError,
)
from model.remote_host import RemoteHost
from tests.endpoint_server import (
    MODEL,
    EndpointServer,
)
from tests.model.engine.remotes import (
    PRESET,
    build_engine,
    load,
    loaded,
    request,
    until,
)

VLLM_ROW = {"id": MODEL, "owned_by": "vllm", "max_model_len": 2048}
LLAMACPP_ROW = {"id": "model.gguf", "owned_by": "llamacpp"}


async def test_the_servers_context_counts(server: EndpointServer, folder: Path) -> None:
    async with loaded(server, folder) as engine:
        resident = await asyncio.to_thread(load, engine, folder)
        assert resident.context_length == 4096
        assert resident.device == f"remote:{engine._host.name}"


async def test_llamacpps_context_is_asked_for(server: EndpointServer, folder: Path) -> None:
    server.models = [LLAMACPP_ROW]
    async with loaded(server, folder) as engine:
        assert (await asyncio.to_thread(load, engine, folder)).context_length == 1234


async def test_a_model_that_the_server_lacks_is_named_with_those_it_has(
    server: EndpointServer, folder: Path
) -> None:
    server.models = [VLLM_ROW | {"id": "other"}]
    with pytest.raises(RemoteModelError, match=f"no model {MODEL}. It has: other"):
        await asyncio.to_thread(load, build_engine(server), folder)


async def test_a_key_that_is_not_accepted_ends_the_load_and_is_never_told(
    server: EndpointServer, folder: Path
) -> None:
    engine = build_engine(server)
    engine._host = RemoteHost(server.url, "sk-wrong-1", settings="STARCODER_ENDPOINT")
    with pytest.raises(RemoteKeyError) as caught:
        await asyncio.to_thread(load, engine, folder)
    assert "STARCODER_ENDPOINT_KEY" in caught.value.advice
    assert "sk-wrong" not in str(caught.value) + repr(engine._host)


async def test_a_server_that_is_not_there_yet_is_waited_for(
    server: EndpointServer, folder: Path
) -> None:
    server.models = None
    engine = build_engine(server)
    said: list[LoadProgress] = []
    is_waiting = threading.Event()

    def report(progress: LoadProgress) -> None:
        said.append(progress)
        if progress.stage.startswith("waiting: "):
            is_waiting.set()

    loading = asyncio.create_task(asyncio.to_thread(engine.load, "base", PRESET, folder, report))
    assert await asyncio.to_thread(is_waiting.wait, 10)
    server.models = [{"id": MODEL, "max_model_len": 64}]
    assert (await loading).context_length == 64
    assert any("status 500" in progress.stage for progress in said)
    engine.close()


async def test_a_model_that_this_app_has_yet_to_load_is_waited_for(
    server: EndpointServer, folder: Path
) -> None:
    base = {"id": "b", "max_model_len": 64, "capabilities": {"infill": True, "completion": True}}
    chat = {"id": "c", "max_model_len": 32, "capabilities": {"infill": False, "chat": True}}
    server.models, server.is_loading = [], True
    engine = build_engine(server)
    is_waiting = threading.Event()

    def report(progress: LoadProgress) -> None:
        if "lists no model yet" in progress.stage:
            is_waiting.set()

    loading = asyncio.create_task(asyncio.to_thread(engine.load, "chat", PRESET, folder, report))
    for models in ([base], [base, chat]):
        assert await asyncio.to_thread(is_waiting.wait, 10)
        is_waiting.clear()
        server.models = models
    assert (await loading).context_length == 32
    engine.close()


async def test_another_server_need_not_list_its_models(server: EndpointServer) -> None:
    server.models = []
    engine = build_engine(server)
    resident = await asyncio.to_thread(load, engine, None)
    assert resident.context_length == PLAIN_CONTEXT
    engine.close()


async def test_a_server_without_a_list_of_models_is_taken_as_it_is(
    server: EndpointServer, folder: Path
) -> None:
    server.models_status = 404
    engine = build_engine(server)
    with pytest.raises(CheckpointError, match=r"config\.json"):  # which would tell the context
        await asyncio.to_thread(load, engine, folder)
    resident = await asyncio.to_thread(load, engine, None)
    assert resident.context_length == PLAIN_CONTEXT
    engine.close()


async def test_waiting_for_a_server_can_be_called_off(server: EndpointServer, folder: Path) -> None:
    server.models = None

    def report(progress: LoadProgress) -> None:
        if progress.stage.startswith("waiting: "):
            raise LoadCancelledError("Loading was cancelled.")

    with pytest.raises(LoadCancelledError):
        await asyncio.to_thread(build_engine(server).load, "base", PRESET, folder, report)


async def test_health_tells_of_a_server_that_goes_and_comes_back(
    server: EndpointServer, folder: Path
) -> None:
    async with loaded(server, folder, probe_seconds=0.02) as engine:
        assert engine.health.is_alive
        server.models = None
        await until(lambda: not engine.health.is_alive)
        assert "status 500" in (engine.health.last_error or "")
        server.models = [VLLM_ROW]
        await until(lambda: engine.health.is_alive)


async def test_an_empty_slot_is_told(server: EndpointServer) -> None:
    with pytest.raises(EngineClosedError, match="No model"):
        build_engine(server).submit(request(), "test")

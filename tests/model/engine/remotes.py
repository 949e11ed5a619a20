"""A remote engine over a server on this machine, for tests."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from model.engine.base import ResidentModel
from model.engine.events import Event, Failed, Finished, Token
from model.engine.generation import Generation, GenerationRequest
from model.engine.remote import RemoteEngine
from model.engine.remote_call import Patience
from model.errors import PlaygroundError
from model.presets import ModelPreset
from model.remote_host import RemoteHost
from model.sampling import SamplingParams
from tests.endpoint_server import KEY, MODEL, EndpointServer

# Nothing here waits for long but what is meant to.
QUICK = Patience(connect=5, first_word=5, silence=5, retry=0.01)
PRESET = ModelPreset("tiny", "Tiny model")


def build_engine(server: EndpointServer, **options: Any) -> RemoteEngine:
    host = RemoteHost(server.url, KEY, settings="STARCODER_ENDPOINT")
    defaults = {"patience": QUICK, "probe_seconds": 3600}
    return RemoteEngine(host, {"base": MODEL, "chat": MODEL}, **(defaults | options))


def load(engine: RemoteEngine, folder: Path | None) -> ResidentModel:
    """Into both slots."""
    engine.load("chat", PRESET, folder, lambda progress: None)
    return engine.load("base", PRESET, folder, lambda progress: None)


@asynccontextmanager
async def loaded(
    server: EndpointServer, folder: Path | None, **options: Any
) -> AsyncIterator[RemoteEngine]:
    engine = build_engine(server, **options)
    await asyncio.to_thread(load, engine, folder)
    try:
        yield engine
    finally:
        await asyncio.to_thread(engine.close)


def request(ids: Sequence[int] = tuple(b"go"), **params: Any) -> GenerationRequest:
    stop_ids = params.pop("stop_token_ids", (256,))
    more = {name: params.pop(name) for name in ("deadline", "slot") if name in params}
    sampling = SamplingParams(**params)
    return GenerationRequest(
        more.get("slot", "base"), tuple(ids), sampling, stop_ids, more.get("deadline")
    )


async def read(generation: Generation) -> list[Event]:
    return [event async for event in generation]


async def ask(engine: RemoteEngine, *args: Any, **params: Any) -> list[Event]:
    return await read(engine.submit(request(*args, **params), "test"))


def text_of(events: Sequence[Event]) -> str:
    return "".join(event.text for event in events if isinstance(event, Token))


def end_of(events: Sequence[Event]) -> Finished:
    assert isinstance(events[-1], Finished), events[-1]
    return events[-1]


def failure_of(events: Sequence[Event]) -> PlaygroundError:
    assert isinstance(events[-1], Failed), events[-1]
    return events[-1].error


async def until(holds: Any) -> None:
    async with asyncio.timeout(10):
        while not holds():  # noqa: ASYNC110 it is a count, which tells nobody of its changes
            await asyncio.sleep(0.01)

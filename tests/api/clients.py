"""The server without a page, over the scripted engine, and a client of it in the same process."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import httpx
from fastapi import FastAPI

from api.server import build_server
from model.engine.generation import SLOTS
from model.engine.scripted import ScriptedEngine
from model.loading.residency import Residency
from model.loading.slot import ModelSource
from model.presets import ModelPreset
from model.service import GenerationService

Client = httpx.AsyncClient
PRESET = ModelPreset("scripted", "Script")


def build_service(
    engine: ScriptedEngine | None = None, prepare: Callable[[Any], None] = lambda report: None
) -> GenerationService:
    engine = engine or ScriptedEngine()
    sources = {slot: ModelSource(PRESET, prepare) for slot in SLOTS}
    return GenerationService(Residency(engine, sources), engine)


@asynccontextmanager
async def client_of(app: FastAPI, host: str = "127.0.0.1:7860") -> AsyncIterator[Client]:
    transport = httpx.ASGITransport(app)
    async with (
        app.router.lifespan_context(app),
        Client(transport=transport, base_url=f"http://{host}") as client,
    ):
        yield client


async def wait_until_ready(service: GenerationService) -> None:
    for slot in SLOTS:
        async for _ in service.residency.wait(slot):
            pass


@asynccontextmanager
async def api_client(engine: ScriptedEngine | None = None, **options: Any) -> AsyncIterator[Client]:
    """A client of a server whose models are ready. `options` are `build_server`'s."""
    service = build_service(engine)
    options = {"max_body_bytes": 1_000_000, "is_public": False} | options
    async with client_of(build_server(service, **options)) as client:
        await wait_until_ready(service)
        yield client

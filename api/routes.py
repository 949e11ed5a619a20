"""The routes of every protocol, over one way to the engine."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from fastapi import APIRouter, FastAPI

from api import shared
from api.asking import Asker
from api.llamacpp import routes as llamacpp
from api.ollama import routes as ollama
from api.openai import routes as openai
from api.tgi import routes as tgi

# Each protocol's package has one; a path that two protocols share is in `api.shared`.
BUILDERS: Sequence[Callable[[Asker], APIRouter]] = (
    llamacpp.build_routes,
    ollama.build_routes,
    shared.build_routes,
    tgi.build_routes,
    openai.build_routes,
)


def add_routes(app: FastAPI, asker: Asker) -> None:
    for build in BUILDERS:
        app.include_router(build(asker))

"""All of OpenAI's routes, and a refusal of everything else below /v1."""

from __future__ import annotations

from fastapi import APIRouter, FastAPI, Request
from fastapi.responses import Response
from starlette.exceptions import HTTPException

from api.asking import Asker
from api.methods import METHODS
from api.openai import chat, completions, models

SERVED = ("/v1/completions", "/v1/chat/completions", "/v1/models", "/v1/health")


def build_routes(asker: Asker) -> APIRouter:
    router = APIRouter()
    for file in (completions, chat, models):
        router.include_router(file.build_routes(asker))
    return router


def refuse_the_rest(app: FastAPI) -> None:
    """Call it after the last route: else the page would answer what is left below /v1."""
    app.router.add_route("/v1/{rest:path}", _refuse, METHODS, include_in_schema=False)


async def _refuse(request: Request) -> Response:
    served = ", ".join(SERVED)
    raise HTTPException(
        404, f"{request.method} {request.url.path[:100]} is not served. There are: {served}."
    )

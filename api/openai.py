"""All of OpenAI's routes, and a refusal of everything else below /v1."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import Response
from starlette.exceptions import HTTPException

from api import openai_chat, openai_completions, openai_models
from api.asking import Asker

METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"]
SERVED: dict[str, str] = {
    "/v1/completions": "POST",
    "/v1/chat/completions": "POST",
    "/v1/models": "GET",
    "/v1/health": "GET",
}


def build_routes(asker: Asker) -> APIRouter:
    """Add it after every other router: its last route takes all that is left below /v1."""
    router = APIRouter()
    for file in (openai_completions, openai_chat, openai_models):
        router.include_router(file.build_routes(asker))

    async def refuse(request: Request) -> Response:
        """Else the page would answer, in a form that no client of OpenAI's reads."""
        path = request.url.path.rstrip("/")
        method = SERVED.get(path)
        if method is not None and request.url.path == path:
            raise HTTPException(405, f"{path} takes {method}.", {"Allow": method})
        served = ", ".join(SERVED)
        raise HTTPException(
            404, f"{request.method} {request.url.path[:100]} is not served. There are: {served}."
        )

    # Starlette's own kind of route: it is none of the API's, and is described nowhere.
    router.add_route("/v1/{rest:path}", refuse, methods=METHODS, include_in_schema=False)
    return router

"""Requests that none of our routes takes: another method of their paths, or a path beside them.

Else the page would get them, and answer in a form that no client of an API reads.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from fastapi import FastAPI, Request
from fastapi.responses import Response
from starlette.exceptions import HTTPException

from api.own_routes import OwnRoutes

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
# All that begins so is OpenAI's and Ollama's: nothing of the page's.
OURS = ("/v1", "/api")


def refuse_other_methods(app: FastAPI, routes: OwnRoutes) -> None:
    """Call it after the last route. "/" is left to the page, which has it for GET."""
    for path, methods in routes.methods_by_path().items():
        others = [method for method in METHODS if method not in methods]
        if path != "/":
            # Starlette's own kind of route: it is none of the API's, and is described nowhere.
            app.router.add_route(path, _refusal(methods), others, include_in_schema=False)


def _refusal(methods: list[str]) -> Callable[[Request], Awaitable[Response]]:
    async def refuse(request: Request) -> Response:
        told = " and ".join(methods)
        allowed = {"Allow": ", ".join(methods)}
        raise HTTPException(405, f"{request.url.path[:100]} takes {told}.", allowed)

    return refuse


def refuse_other_paths(app: FastAPI, routes: OwnRoutes) -> None:
    """Of `OURS`. Call it after the last route."""
    for start in OURS:
        served = sorted({path for _, path in routes.all() if path.startswith(f"{start}/")})
        refuse = _unknown(", ".join(path for path in served if not path.endswith("/")))
        app.router.add_route(f"{start}/{{rest:path}}", refuse, METHODS, include_in_schema=False)


def _unknown(served: str) -> Callable[[Request], Awaitable[Response]]:
    async def refuse(request: Request) -> Response:
        asked = f"{request.method} {request.url.path[:100]}"
        raise HTTPException(404, f"{asked} is not served. There are: {served}.")

    return refuse

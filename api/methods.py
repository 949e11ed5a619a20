"""Requests for a path of ours by a method that it does not take, and for a path beside ours.

Else the page would get them, and answer in a form that no client of an API reads.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from fastapi import FastAPI, Request
from fastapi.responses import Response
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.own_routes import OwnRoutes

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
# All that begins so is OpenAI's and Ollama's: nothing of the page's.
OURS = ("/v1", "/api")


class HeadAsGet:
    """Answers HEAD as GET without its body, as monitors ask (RFC 9110, section 9.3.2).

    It stands outside of every wall, so that they judge what will be answered.
    """

    def __init__(self, app: ASGIApp, routes: OwnRoutes) -> None:
        self._app = app
        self._routes = routes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["method"] == "HEAD":
            as_get = {**scope, "method": "GET"}
            if self._routes.template_of(as_get) is not None:
                await self._app(as_get, receive, _without_body(send))
                return
        await self._app(scope, receive, send)


def _without_body(send: Send) -> Send:
    async def send_head(message: Message) -> None:
        if message["type"] == "http.response.body":
            message = {**message, "body": b""}
        await send(message)

    return send_head


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

"""Bodies whose client did not say that they are JSON."""

from __future__ import annotations

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Receive, Scope, Send

from api.own_routes import OwnRoutes

JSON = "application/json"
# What `curl -d` sends where nothing is said, as in most examples of ollama/ollama, docs/api.md.
UNSAID = ("", "application/x-www-form-urlencoded")


class JsonBodies:
    """Has them read as JSON, as Ollama's and llama.cpp's servers do.

    A browser lets any page send such a body anywhere without asking first, but says whose page it
    is. So what comes with an `Origin` stays as it is, and is refused.
    """

    def __init__(self, app: ASGIApp, routes: OwnRoutes) -> None:
        self._app = app
        self._routes = routes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._routes.template_of(scope) is not None and scope["method"] == "POST":
            scope = {**scope, "headers": list(scope["headers"])}
            headers = MutableHeaders(scope=scope)
            kind = headers.get("content-type", "").partition(";")[0].strip().lower()
            if kind in UNSAID and "origin" not in headers:
                headers["content-type"] = JSON
        await self._app(scope, receive, send)

"""A name for each request: in its answer, in the log's lines, and in one line at its end."""

from __future__ import annotations

import logging
import re
import secrets
import time
from contextvars import ContextVar
from dataclasses import dataclass

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.own_routes import OwnRoutes
from model.engine.events import Finished
from model.engine.generation import Slot
from model.errors import PlaygroundError

logger = logging.getLogger(__name__)

HEADER = "X-Request-ID"
# What a client sends is shown in the log, so it must not be able to write lines there.
SANE_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
# Asked every few seconds by monitors: told of at the level for debugging only.
QUIET_ROUTES = frozenset({"/health", "/v1/health", "/ready", "/metrics"})

HUNG_UP = "hung up"


@dataclass(slots=True)
class Call:
    """One request under way. `generated_tokens` is None where nothing was generated."""

    request_id: str
    generated_tokens: int | None = None


_current: ContextVar[Call | None] = ContextVar("call", default=None)


class RequestIdFilter(logging.Filter):
    """Gives each record `request_id`: the request's that it was logged for, or ""."""

    def filter(self, record: logging.LogRecord) -> bool:
        call = _current.get()
        record.request_id = call.request_id if call else ""
        return True


class RequestIds:
    """Takes a request's id from the client or makes one, and logs each request for the API.

    The line holds the route, not the path or the query, and nothing of the body.
    """

    def __init__(self, app: ASGIApp, routes: OwnRoutes) -> None:
        self._app = app
        self._routes = routes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        call = Call(_id_of(scope))
        status: int | None = None

        async def send_with_id(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message)[HEADER] = call.request_id
            await send(message)

        route = self._routes.template_of(scope)
        started = time.monotonic()
        token = _current.set(call)
        try:
            await self._app(scope, receive, send_with_id)
        finally:
            if route is not None:
                _log(call, scope["method"], route, status, time.monotonic() - started)
            _current.reset(token)


def count_tokens(slot: Slot, end: Finished | PlaygroundError | None) -> None:
    """An `api.asking.Observer`: adds what was generated to the request's line."""
    call = _current.get()
    if call is not None and isinstance(end, Finished):
        call.generated_tokens = (call.generated_tokens or 0) + end.usage.completion_tokens


def _id_of(scope: Scope) -> str:
    given = Headers(scope=scope).get(HEADER, "")
    return given if SANE_ID.fullmatch(given) else secrets.token_hex(8)


def _log(call: Call, method: str, route: str, status: int | None, seconds: float) -> None:
    level = logging.DEBUG if route in QUIET_ROUTES else logging.INFO
    num_tokens = call.generated_tokens
    tokens = "" if num_tokens is None else f", {num_tokens} tokens"
    logger.log(level, "%s %s: %s, %.2f s%s", method, route, status or HUNG_UP, seconds, tokens)

"""What every request passes before a route or Gradio sees it: small ASGI wrappers.

`api.server` says in which order. What they refuse is answered in the protocol of the path.
"""

from __future__ import annotations

import logging
import traceback
from collections.abc import Collection, Mapping

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.errors import Kind, Problem, answer_problem, protocol_of
from api.own_routes import OwnRoutes

logger = logging.getLogger(__name__)

LOOPBACK_HOSTS = frozenset({"127.0.0.1", "localhost", "[::1]"})
LOOPBACK_ORIGINS = r"https?://(127\.0\.0\.1|localhost|\[::1\])(:\d+)?"

# What clients in a browser read besides the few that a browser shows anyway.
EXPOSED_HEADERS = (
    "X-Request-ID",
    "Retry-After",
    # TGI's (router/src/server.rs)
    "x-compute-type",
    "x-compute-time",
    "x-compute-characters",
    "x-total-time",
    "x-validation-time",
    "x-queue-time",
    "x-inference-time",
    "x-time-per-token",
    "x-prompt-tokens",
    "x-generated-tokens",
)

# Sent bytes over the limit that are still read, and thrown away: a browser whose upload is cut
# short shows "connection lost" and never the answer.
DRAINED_BYTES = 64 * 1024**2

# Parts of Gradio that our page does not use and that are open to everybody.
SHUT_DOORS = (
    "/gradio_api/file",  # serves files of this machine; with a URL, an open proxy
    "/gradio_api/proxy=",  # fetches from other Spaces
    "/gradio_api/upload",  # fills the disk
    "/gradio_api/stream",  # media streams
    "/gradio_api/process_recording",
    "/gradio_api/deep_link",  # writes a visitor's texts to the disk
    "/gradio_api/runs",  # run history
    "/gradio_api/run-history",
    "/gradio_api/call",  # starts events that nobody listens to
    "/gradio_api/api",
    "/gradio_api/openapi.json",
    "/gradio_api/custom_component",
    "/gradio_api/dev",
    "/gradio_api/vibe",
    "/gradio_api/undo-vibe",
    "/gradio_api/profiling",
    "/gradio_api/token",
    "/monitoring",
    "/svelte",
    "/login",
    "/logout",
)


def content_security_policy(*, may_be_framed_by_hugging_face: bool) -> str:
    """A policy under which nothing that a model writes can fetch from, or post to, elsewhere.

    Gradio's page needs inline scripts and `Function(...)`, so scripts are held by origin only.
    """
    ancestors = "'self'"
    if may_be_framed_by_hugging_face:
        ancestors += " https://huggingface.co https://*.hf.space"
    directives = (
        "default-src 'self'",
        "script-src 'self' 'unsafe-inline' 'unsafe-eval'",
        "style-src 'self' 'unsafe-inline'",
        "img-src 'self' data: blob:",
        "media-src 'self' data: blob:",
        "font-src 'self' data:",
        "connect-src 'self'",
        "worker-src 'self' blob:",
        "object-src 'none'",
        "base-uri 'self'",
        "form-action 'self'",
        f"frame-ancestors {ancestors}",
    )
    return "; ".join(directives)


class SecurityHeaders:
    """Adds the same headers to every answer."""

    def __init__(self, app: ASGIApp, headers: Mapping[str, str]) -> None:
        self._app = app
        self._headers = headers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(self._headers)
            await send(message)

        await self._app(scope, receive, send_with_headers if scope["type"] == "http" else send)


class BodyLimit:
    """Refuses a body that says it is longer than `max_bytes`, in words that the page can show.

    Gradio's page shows `detail` of a JSON answer. A body of unstated length is left to
    Starlette's `RequestBodyLimitMiddleware`, which counts.
    """

    def __init__(self, app: ASGIApp, max_bytes: int) -> None:
        self._app = app
        self._max_bytes = max_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        length = Headers(scope=scope).get("content-length", "") if scope["type"] == "http" else ""
        if not length.isdecimal() or int(length) <= self._max_bytes:
            await self._app(scope, receive, send)
            return
        await _drain(receive)
        message = (
            f"That is too much at once: {_megabytes(int(length))} were sent, and at most "
            f"{_megabytes(self._max_bytes)} are read. Shorten the text."
        )
        await _refuse(Problem(Kind.TOO_LARGE, message, "BodyTooLarge"), scope, receive, send)


class HostGuard:
    """Refuses requests for a `Host` that is not ours.

    A page elsewhere can point a name of its own at 127.0.0.1 (DNS rebinding) and would then be
    of one origin with this app.
    """

    def __init__(self, app: ASGIApp, hosts: Collection[str]) -> None:
        self._app = app
        self._hosts = LOOPBACK_HOSTS | set(hosts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket") or self._is_ours(scope):
            await self._app(scope, receive, send)
            return
        message = "This app does not answer under that host name. --allowed-hosts adds names."
        await _refuse(Problem(Kind.WRONG_HOST, message, "HostNotAllowed"), scope, receive, send)

    def _is_ours(self, scope: Scope) -> bool:
        name, colon, port = Headers(scope=scope).get("host", "").lower().rpartition(":")
        # Without a port there is no colon, or only those inside an IPv6 address.
        host = name if colon and port.isdecimal() else f"{name}{colon}{port}"
        return host in self._hosts


class ShutDoors:
    """Answers 404 for the parts of Gradio in `SHUT_DOORS`, with any method."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"].startswith(SHUT_DOORS):
            response = JSONResponse({"detail": "Not Found"}, status_code=404)
            await response(scope, receive, send)
            return
        await self._app(scope, receive, send)


class Faults:
    """Answers 500 for what a route of ours raises and nobody foresaw.

    It stands inside of the other walls, so that this answer too has their headers. The log gets
    the place and the type only: an exception's text may hold what a client sent.
    """

    def __init__(self, app: ASGIApp, routes: OwnRoutes) -> None:
        self._app = app
        self._routes = routes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._routes.template_of(scope) is None:
            await self._app(scope, receive, send)
            return
        is_begun = False

        async def send_and_see(message: Message) -> None:
            nonlocal is_begun
            is_begun = True
            await send(message)

        try:
            await self._app(scope, receive, send_and_see)
        except Exception as error:  # noqa: BLE001 - the border of the routes
            places = "".join(traceback.format_tb(error.__traceback__))
            logger.error("a route failed: %s\n%s", type(error).__name__, places)
            if is_begun:
                # An answer that breaks off must not look whole: uvicorn cuts the connection.
                raise BrokenAnswerError(type(error).__name__) from None
            message = "The server failed on this request. Its log says why."
            problem = Problem(Kind.GENERATION, message, "InternalError")
            response = answer_problem(problem, protocol_of(scope["method"], scope["path"]))
            response.status_code = 500
            await response(scope, receive, send)


class BrokenAnswerError(Exception):
    """An answer that has begun cannot be finished."""


async def _refuse(problem: Problem, scope: Scope, receive: Receive, send: Send) -> None:
    response = answer_problem(problem, protocol_of(scope.get("method", "GET"), scope["path"]))
    await response(scope, receive, send)


async def _drain(receive: Receive) -> None:
    num_bytes = 0
    while num_bytes <= DRAINED_BYTES:
        message = await receive()
        num_bytes += len(message.get("body", b""))
        if not message.get("more_body", False):
            return


def _megabytes(num_bytes: int) -> str:
    return f"{num_bytes / 1e6:,.1f} MB"

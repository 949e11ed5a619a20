"""What every request passes before a route or Gradio sees it: small ASGI wrappers.

From outside in: security headers, size of the body, `Host`, Gradio's open doors.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

LOOPBACK_HOSTS = frozenset({"127.0.0.1", "localhost", "[::1]"})
LOOPBACK_ORIGINS = r"https?://(127\.0\.0\.1|localhost|\[::1\])(:\d+)?"

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
    "/openapi.json",  # Gradio's own schema; its end points are not meant as an API
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
        response = JSONResponse(
            {
                "detail": f"That is too much at once: {_megabytes(int(length))} were sent, and at "
                f"most {_megabytes(self._max_bytes)} are read. Shorten the text.",
                "error_type": "BodyTooLarge",
            },
            status_code=413,
        )
        await response(scope, receive, send)


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
        response = JSONResponse(
            {
                "detail": "This app does not answer under that host name. --allowed-hosts adds "
                "names.",
                "error_type": "HostNotAllowed",
            },
            status_code=421,
        )
        await response(scope, receive, send)

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


async def _drain(receive: Receive) -> None:
    num_bytes = 0
    while num_bytes <= DRAINED_BYTES:
        message = await receive()
        num_bytes += len(message.get("body", b""))
        if not message.get("more_body", False):
            return


def _megabytes(num_bytes: int) -> str:
    return f"{num_bytes / 1e6:,.1f} MB"

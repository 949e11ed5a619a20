"""The keys that may ask, where there are any, and the guard that asks for one.

The guard stands before the API's routes only: the page has doors of its own.
"""

from __future__ import annotations

import base64
import hmac
from collections.abc import Sequence

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from api.errors import Kind, Problem, answer_problem, protocol_of
from api.own_routes import OwnRoutes

OPEN_ROUTES = frozenset({"/health"})  # a monitor asks it, with no way to send a key
# A browser opens these. It asks its user for a name and a password where it is offered "Basic".
BROWSER_ROUTES = frozenset({"/docs", "/docs/{name}", "/openapi.json"})

MISSING = (
    "This server wants a key. Send the header 'Authorization: Bearer KEY', with the key that its "
    "owner gave you; in a browser's dialog it is the password, with any user name."
)
WRONG = "This server does not know that key. Ask its owner for the right one."


class Keys:
    """The keys of this server. They are compared in constant time, and shown nowhere.

    Args:
        keys: empty lets everybody in.
    """

    def __init__(self, keys: Sequence[str]) -> None:
        self._keys = [key.encode() for key in keys]

    def __bool__(self) -> bool:
        return bool(self._keys)

    def fits(self, given: bytes) -> bool:
        # All of them, so that the time tells nothing of which one it was.
        matches = [hmac.compare_digest(given, key) for key in self._keys]
        return any(matches)


class KeyGuard:
    """Answers 401 in the path's protocol, before the body is read, where no key of ours comes.

    A key is sent as OpenAI's, TGI's and Ollama's clients send it, `Authorization: Bearer KEY`; in
    `X-Api-Key`, which llama.cpp's server takes as well (tools/server/server-http.cpp); or as the
    password that a browser asks for (RFC 7617).
    """

    def __init__(self, app: ASGIApp, keys: Keys, routes: OwnRoutes) -> None:
        self._app = app
        self._keys = keys
        self._routes = routes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        route = self._routes.template_of(scope)
        if route is None or route in OPEN_ROUTES:
            await self._app(scope, receive, send)
            return
        given = _given_key(Headers(scope=scope))
        if self._keys.fits(given):
            await self._app(scope, receive, send)
            return
        problem = Problem(Kind.UNAUTHORIZED, WRONG if given else MISSING, "InvalidApiKey")
        response = answer_problem(problem, protocol_of(scope["method"], scope["path"]))
        if route in BROWSER_ROUTES:
            response.headers["WWW-Authenticate"] = 'Basic realm="API", charset="UTF-8"'
        await response(scope, receive, send)


def _given_key(headers: Headers) -> bytes:
    scheme, _, credentials = headers.get("authorization", "").partition(" ")
    credentials = credentials.strip()
    match scheme.lower():
        case "bearer" if credentials:
            return credentials.encode("latin-1")  # as Starlette decoded it
        case "basic":
            return _password(credentials)
        case _:
            return headers.get("x-api-key", "").encode("latin-1")


def _password(credentials: str) -> bytes:
    """Of RFC 7617's base64 of `user:password`; empty where it is none."""
    try:
        pair = base64.b64decode(credentials, validate=True)
    except ValueError:
        return b""
    return pair.partition(b":")[2]

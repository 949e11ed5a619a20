"""One request to a remote server: sent, sent again where that is safe, and read as it comes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx2

from model.remote_chunks import read_error
from model.remote_errors import error_of_failure, error_of_status, silent
from model.remote_host import RemoteHost

# Neither has begun to work on the request: a load balancer without a server, and a full house.
_MAY_PASS = (429, 502, 503)


@dataclass(frozen=True, slots=True)
class Patience:
    """How long is waited for what, in seconds.

    Attributes:
        connect: for the connection.
        first_word: for the answer's first bytes: the server may have a line, and a long prompt
            takes time to read.
        silence: between two pieces of an answer.
        retry: before the second attempt; twice as long before the third.
        retry_after: at most so long a server is waited for that names a time; who asks is told
            a longer one.
    """

    connect: float = 10.0
    first_word: float = 120.0
    silence: float = 60.0
    retry: float = 0.5
    retry_after: float = 5.0
    num_attempts: int = 3


class RemoteCaller:
    """Posts to one server over connections that it keeps. Use it on one event loop."""

    def __init__(self, host: RemoteHost, patience: Patience) -> None:
        self.host = host
        self.patience = patience
        # Silence is watched below: httpx has one limit for the first byte and all others. A
        # redirect would take prompt and key to another host.
        timeout = httpx2.Timeout(None, connect=patience.connect)
        limits = httpx2.Limits(max_connections=None, max_keepalive_connections=20)
        self._client = httpx2.AsyncClient(timeout=timeout, limits=limits, follow_redirects=False)

    async def close(self) -> None:
        await self._client.aclose()

    @asynccontextmanager
    async def post(
        self, path: str, body: Mapping[str, Any]
    ) -> AsyncIterator[AsyncGenerator[bytes, None]]:
        """The pieces of the answer to `body`. Leaving the block closes the connection, where the
        answer is not at its end.

        Raises:
            RemoteError: there is no answer, or it is a refusal; a piece that fails to come raises
                it too.
        """
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self.patience.first_word
        response = await self._send(path, body, deadline)
        pieces = self._pieces(response, deadline)
        try:
            yield pieces
        finally:
            await pieces.aclose()
            await response.aclose()

    async def _send(self, path: str, body: Mapping[str, Any], deadline: float) -> httpx2.Response:
        """The answer's head, once it is that of an answer. Before that nothing was told to anyone,
        and asking again costs nothing but the time."""
        for attempt in range(1, self.patience.num_attempts + 1):
            is_last = attempt == self.patience.num_attempts
            pause: float | None = self.patience.retry * 2 ** (attempt - 1)
            try:
                response = await self._send_once(path, body, deadline)
            except TimeoutError:
                raise silent(self.host, self.patience.first_word) from None
            except httpx2.TransportError as error:
                if is_last:
                    raise error_of_failure(error, self.host, self.patience.connect) from error
            else:
                if response.status_code == httpx2.codes.OK:
                    return response
                pause = None if is_last else self._pause_of(response, pause)
                if pause is None:
                    raise await self._refusal(response)
                await response.aclose()
            await asyncio.sleep(pause or 0)
        raise AssertionError

    async def _send_once(
        self, path: str, body: Mapping[str, Any], deadline: float
    ) -> httpx2.Response:
        request = self._client.build_request(
            "POST", self.host.address(path), json=body, headers=self.host.headers
        )
        async with asyncio.timeout_at(deadline):
            return await self._client.send(request, stream=True)

    def _pause_of(self, response: httpx2.Response, pause: float | None) -> float | None:
        """Seconds to wait before asking again; None where that is no use."""
        if response.status_code not in _MAY_PASS:
            return None
        named = retry_after_of(response)
        if named is not None:
            return named if named <= self.patience.retry_after else None
        # One that turns clients away and says no more is not helped by more of them.
        return None if response.status_code == httpx2.codes.TOO_MANY_REQUESTS else pause

    async def _refusal(self, response: httpx2.Response) -> Exception:
        said = ""
        try:
            async with asyncio.timeout(self.patience.connect):
                said = self.host.told(await read_error(response))
        except (TimeoutError, httpx2.HTTPError):
            pass  # the status says enough
        finally:
            await response.aclose()
        return error_of_status(response.status_code, self.host, said, retry_after_of(response))

    async def _pieces(
        self, response: httpx2.Response, deadline: float
    ) -> AsyncGenerator[bytes, None]:
        loop = asyncio.get_running_loop()
        pieces = aiter(response.aiter_bytes())
        limit = self.patience.first_word
        while True:
            try:
                async with asyncio.timeout_at(deadline):
                    piece = await anext(pieces, None)
            except TimeoutError:
                raise silent(self.host, limit) from None
            except httpx2.HTTPError as error:
                raise error_of_failure(error, self.host, limit) from error
            if piece is None:
                return
            yield piece
            limit = self.patience.silence
            deadline = loop.time() + limit


def retry_after_of(response: httpx2.Response) -> float | None:
    """The header's seconds; None for a date, which nobody sends here, and for nonsense."""
    try:
        seconds = float(response.headers.get("retry-after", ""))
    except ValueError:
        return None
    return seconds if 0 <= seconds < 86_400 else None

"""A model on another machine, behind OpenAI's `/v1/completions`: what one request to it tells.

It has no tokenizer, no slot and no place in the line here: text goes out and text comes in. So it
is asked beside `GenerationService`, and its run has the same two methods as one of that.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing, suppress
from dataclasses import dataclass, field
from typing import Any

import httpx2

from model.engine.events import Finished, FinishReason, Timings, Usage
from model.prompts.texts import check_texts
from model.remote_chunks import read_chunks, read_error
from model.remote_errors import broken_off, error_of_failure, error_of_status
from model.remote_host import RemoteHost
from model.requests import CompletionRequest, boxes_of, check_complete
from model.sampling import SamplingParams
from model.stopping import StopMatcher

CONNECT_SECONDS = 10.0
# Without a word for so long, it will not come; a large model may take its time to read a prompt.
PATIENCE_SECONDS = 60.0
# What OpenAI's own API has no name for, and the value that is off. Servers that know them take
# them; one that does not says so, which is better than a text under other settings.
_FURTHER = {"top_k": 0, "min_p": 0, "repetition_penalty": 1}


@dataclass(frozen=True, slots=True)
class Piece:
    """Text as it came in, about one token."""

    text: str


RemoteEvent = Piece | Finished


@dataclass(frozen=True, slots=True)
class RemoteModel:
    """
    Attributes:
        url: what its clients call the base URL, "https://host/v1".
        name: what the server calls the model.
        key: sent to that server alone, and never told.
        tells_reasons: what the server says of a refusal is passed on. It may name its customer.
        patience: seconds that it may send nothing.
    """

    url: str
    name: str
    key: str = field(default="", repr=False)
    tells_reasons: bool = True
    patience: float = PATIENCE_SECONDS

    @property
    def server(self) -> RemoteHost:
        return RemoteHost(self.url, self.key, tells_reasons=self.tells_reasons)

    @property
    def host(self) -> str:
        return self.server.name

    @property
    def title(self) -> str:
        return f"{self.name} at {self.host}"

    def start(self, request: CompletionRequest, deadline: float | None = None) -> RemoteRun:
        """A run of `request`; nothing is sent until its events are read."""
        return RemoteRun(self, request, deadline)


class RemoteRun:
    """One request under way.

    `async for event in run.events()` gives `Piece*` and `Finished`. Closing that iterator, or
    cancelling the task that reads it, closes the connection.
    """

    def __init__(
        self, model: RemoteModel, request: CompletionRequest, deadline: float | None
    ) -> None:
        self._model = model
        self._request = request
        self._deadline = deadline
        self._is_cancelled = False
        self._reading: asyncio.Task[FinishReason] | None = None
        self._usage = Usage(0, 0, 0)
        self._begun_at = 0.0
        self._first_at: float | None = None

    def cancel(self) -> None:
        """Stop, from any thread: the connection is closed, and `Finished(CANCELLED)` follows.
        Before anything was sent the iterator just ends."""
        self._is_cancelled = True
        if self._reading is not None:
            with suppress(RuntimeError):  # the loop is closed, and with it all that it read
                self._reading.get_loop().call_soon_threadsafe(self._reading.cancel)

    async def events(self) -> AsyncGenerator[RemoteEvent, None]:
        """
        Raises:
            PromptError: there is nothing to go on from, or a text that cannot be sent.
            RemoteError: the server did not answer as it should.
        """
        check_complete(self._request)
        check_texts(boxes_of(self._request))
        if self._is_cancelled:
            return
        pieces: asyncio.Queue[Piece | None] = asyncio.Queue()
        self._begun_at = time.monotonic()
        self._reading = asyncio.create_task(self._read(pieces.put_nowait))
        self._reading.add_done_callback(lambda _: pieces.put_nowait(None))
        try:
            while (piece := await pieces.get()) is not None:
                if self._first_at is None:
                    self._first_at = time.monotonic()
                yield piece
            yield self._finished(self._reason())
        finally:
            self._reading.cancel()
            with suppress(asyncio.CancelledError, Exception):
                await self._reading

    def _reason(self) -> FinishReason:
        """How the reading ended."""
        assert self._reading is not None
        if self._reading.cancelled():
            return FinishReason.CANCELLED
        try:
            return self._reading.result()
        except TimeoutError:
            return FinishReason.DEADLINE
        except httpx2.HTTPError as error:
            raise error_of_failure(error, self._model.server, self._model.patience) from error

    def _finished(self, reason: FinishReason) -> Finished:
        first = None if self._first_at is None else self._first_at - self._begun_at
        timings = Timings(0.0, first, time.monotonic() - self._begun_at)
        return Finished(reason, self._usage, timings, self._request.params.seed)

    async def _read(self, publish: Callable[[Piece], None]) -> FinishReason:
        model, server = self._model, self._model.server
        body = _body(model.name, self._request)
        timeout = httpx2.Timeout(model.patience, connect=CONNECT_SECONDS)
        # A redirect would take prompt and key to another host.
        client = httpx2.AsyncClient(timeout=timeout, follow_redirects=False)
        address = server.address("completions")
        async with (
            asyncio.timeout(self._deadline),
            client,
            client.stream("POST", address, json=body, headers=server.headers) as response,
        ):
            if response.status_code != httpx2.codes.OK:
                said = server.told(await read_error(response))
                raise error_of_status(response.status_code, server, said)
            return await self._follow(response, publish)

    async def _follow(
        self, response: httpx2.Response, publish: Callable[[Piece], None]
    ) -> FinishReason:
        """Stop strings are matched here: servers take four at most, and do not tell a met one from
        the text's own end."""
        matcher = StopMatcher(self._request.params.stop)
        reason: FinishReason | None = None
        told: Usage | None = None
        num_pieces = 0
        async with aclosing(read_chunks(response.aiter_bytes(), self._model.server)) as chunks:
            async for chunk in chunks:
                if chunk.text:
                    num_pieces += 1
                    publish(Piece(matcher.feed(chunk.text)))
                told = chunk.usage or told
                self._usage = told or Usage(0, 0, num_pieces)
                if matcher.matched is not None:
                    return FinishReason.STOP_SEQUENCE
                reason = reason or chunk.ended
        if rest := matcher.flush():
            publish(Piece(rest))
        if reason is None:
            raise broken_off(self._model.server)
        return reason


def _body(name: str, request: CompletionRequest) -> dict[str, Any]:
    params: SamplingParams = request.params
    further = {
        field: getattr(params, field)
        for field, off in _FURTHER.items()
        if getattr(params, field) != off
    }
    seed = {} if params.seed is None else {"seed": params.seed}
    return {
        "model": name,
        "prompt": request.prompt,
        "max_tokens": params.max_new_tokens,
        "temperature": params.temperature,
        "top_p": params.top_p,
        "stream": True,
        "stream_options": {"include_usage": True},
        **seed,
        **further,
    }

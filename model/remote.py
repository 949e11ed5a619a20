"""A model on another machine, behind OpenAI's `/v1/completions`: what one request to it tells.

It has no tokenizer, no slot and no place in the line here: text goes out and text comes in. So it
is asked beside `GenerationService`, and its run has the same two methods as one of that.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import httpx2

from model.engine.events import Finished, FinishReason, Timings, Usage
from model.errors import RemoteAnswerError
from model.prompts.texts import check_texts
from model.remote_errors import broken_off, error_of_failure, error_of_status, no_stream
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
    def host(self) -> str:
        return urlsplit(self.url).netloc

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
            raise error_of_failure(error, self._model.host, self._model.patience) from error

    def _finished(self, reason: FinishReason) -> Finished:
        first = None if self._first_at is None else self._first_at - self._begun_at
        timings = Timings(0.0, first, time.monotonic() - self._begun_at)
        return Finished(reason, self._usage, timings, self._request.params.seed)

    async def _read(self, publish: Callable[[Piece], None]) -> FinishReason:
        model = self._model
        headers = {"authorization": f"Bearer {model.key}"} if model.key else {}
        body = _body(model.name, self._request)
        timeout = httpx2.Timeout(model.patience, connect=CONNECT_SECONDS)
        # A redirect would take prompt and key to another host.
        client = httpx2.AsyncClient(timeout=timeout, follow_redirects=False)
        address = f"{model.url.rstrip('/')}/completions"
        async with (
            asyncio.timeout(self._deadline),
            client,
            client.stream("POST", address, json=body, headers=headers) as response,
        ):
            if response.status_code != httpx2.codes.OK:
                said = _message_of(await response.aread())
                raise error_of_status(response.status_code, model.host, self._told(said))
            return await self._follow(response, publish)

    async def _follow(
        self, response: httpx2.Response, publish: Callable[[Piece], None]
    ) -> FinishReason:
        """Stop strings are matched here: servers take four at most, and do not tell a met one from
        the text's own end."""
        matcher = StopMatcher(self._request.params.stop)
        reason: FinishReason | None = None
        is_stream, num_pieces = False, 0
        async for line in response.aiter_lines():
            if not line.startswith("data:"):
                continue
            is_stream = True
            data = line.removeprefix("data:").strip()
            if data == "[DONE]":
                reason = reason or FinishReason.EOS_TOKEN
                break
            chunk = self._parse(data)
            text, ended = _choice_of(chunk)
            if text:
                num_pieces += 1
                publish(Piece(matcher.feed(text)))
            self._usage = _usage_of(chunk) or Usage(0, 0, num_pieces)
            if matcher.matched is not None:
                return FinishReason.STOP_SEQUENCE
            reason = self._reason_of(ended) or reason
        if rest := matcher.flush():
            publish(Piece(rest))
        if not is_stream:
            raise no_stream(self._model.host)
        if reason is None:
            raise broken_off(self._model.host)
        return reason

    def _parse(self, data: str) -> dict[str, Any]:
        try:
            chunk = json.loads(data)
            said = chunk.get("error")
        except (ValueError, AttributeError, RecursionError):
            raise no_stream(self._model.host) from None
        if said:
            reason = self._told(_message_of(data.encode()))
            raise RemoteAnswerError(f"{self._model.host} failed.{reason}", "Try again.")
        return dict(chunk)

    def _reason_of(self, ended: object) -> FinishReason | None:
        if ended == "content_filter":
            raise RemoteAnswerError(f"{self._model.host} held the rest of the text back.")
        if ended is None:
            return None
        return FinishReason.LENGTH if ended == "length" else FinishReason.EOS_TOKEN

    def _told(self, said: str) -> str:
        """What the server said, for people: without the key, which some repeat."""
        if not (said and self._model.tells_reasons):
            return ""
        if self._model.key:
            said = said.replace(self._model.key, "***")
        return f" It says: {said[:300]}"


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


def _choice_of(chunk: dict[str, Any]) -> tuple[str, object]:
    """The text of a chunk, and how the text ended; the one with the counts has neither."""
    choices = chunk.get("choices")
    choice = choices[0] if isinstance(choices, list) and choices else {}
    if not isinstance(choice, dict):
        return "", None
    text = choice.get("text")
    return text if isinstance(text, str) else "", choice.get("finish_reason")


def _usage_of(chunk: dict[str, Any]) -> Usage | None:
    usage = chunk.get("usage")
    counts = [
        usage.get(name) if isinstance(usage, dict) else None
        for name in ("prompt_tokens", "completion_tokens")
    ]
    if not all(type(count) is int for count in counts):
        return None
    return Usage(int(counts[0] or 0), 0, int(counts[1] or 0))


def _message_of(body: bytes) -> str:
    """What an error's body says, in the forms that servers have; "" where it cannot be read."""
    try:
        data = json.loads(body)
        error = data.get("error", data) if isinstance(data, dict) else data
        said = error.get("message", error.get("detail")) if isinstance(error, dict) else error
    except (ValueError, RecursionError):
        return ""
    return " ".join(said.split()) if isinstance(said, str) else ""

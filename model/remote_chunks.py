"""Answers of `/v1/completions` and `/v1/chat/completions` as they stream: events made of lines.

Form: OpenAI's API reference ("The completion object", "The chat completion chunk object"); the
token counts come with `stream_options.include_usage`, in an event of their own or in each.
"""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import httpx2

from model.engine.events import FinishReason, Usage
from model.errors import RemoteAnswerError
from model.remote_errors import no_stream
from model.remote_host import RemoteHost

# More than any event with log-probabilities; without a bound a stream of nonsense fills the memory.
MAX_LINE_BYTES = 4 * 1024**2
MAX_ERROR_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class Chunk:
    """One event.

    Attributes:
        ended: why the text ended, where this says so. A stop string counts as the text's own end:
            servers do not tell them apart.
        usage: token counts up to here.
        choice: all of it that is told of the text, for what only some servers tell.
    """

    text: str = ""
    ended: FinishReason | None = None
    usage: Usage | None = None
    choice: dict[str, Any] = field(default_factory=dict)


async def read_chunks(
    pieces: AsyncIterator[bytes], host: RemoteHost
) -> AsyncGenerator[Chunk, None]:
    """The events of an answer that comes in `pieces`, up to "[DONE]", or as far as there are any.

    Raises:
        RemoteAnswerError: it is no stream of completions, or tells of an error.
    """
    is_stream = False
    async for line in _lines(pieces, host):
        if not line.startswith(b"data:"):
            continue
        is_stream = True
        data = line.removeprefix(b"data:").strip()
        if data == b"[DONE]":
            yield Chunk(ended=FinishReason.EOS_TOKEN)
            return
        yield _parse(data, host)
    if not is_stream:
        raise no_stream(host)


async def read_error(response: httpx2.Response) -> str:
    """What an error's body says, in the forms that servers have; "" where it cannot be read."""
    body = b""
    async for piece in response.aiter_bytes():
        body += piece
        if len(body) > MAX_ERROR_BYTES:
            return ""
    return message_of(body)


def message_of(body: bytes) -> str:
    try:
        data = json.loads(body)
        error = data.get("error", data) if isinstance(data, dict) else data
        said = error.get("message", error.get("detail")) if isinstance(error, dict) else error
    except (ValueError, RecursionError):
        return ""
    return " ".join(said.split()) if isinstance(said, str) else ""


async def _lines(pieces: AsyncIterator[bytes], host: RemoteHost) -> AsyncGenerator[bytes, None]:
    held = b""
    async for piece in pieces:
        *lines, held = (held + piece).split(b"\n")
        for line in lines:
            yield line.rstrip(b"\r")
        if len(held) > MAX_LINE_BYTES:
            raise no_stream(host)
    if held:
        yield held.rstrip(b"\r")


def _parse(data: bytes, host: RemoteHost) -> Chunk:
    try:
        chunk = json.loads(data)
        said = chunk.get("error")
    except (ValueError, AttributeError, RecursionError):
        raise no_stream(host) from None
    if said:
        raise RemoteAnswerError(f"{host.name} failed.{host.told(message_of(data))}", "Try again.")
    choices = chunk.get("choices")
    choice = choices[0] if isinstance(choices, list) and choices else {}
    if not isinstance(choice, dict):
        choice = {}
    ended = _reason_of(choice.get("finish_reason"), host)
    return Chunk(_text_of(choice), ended, _usage_of(chunk.get("usage")), choice)


def _text_of(choice: dict[str, Any]) -> str:
    delta = choice.get("delta")
    text = delta.get("content") if isinstance(delta, dict) else choice.get("text")
    return text if isinstance(text, str) else ""


def _reason_of(ended: object, host: RemoteHost) -> FinishReason | None:
    if ended == "content_filter":
        raise RemoteAnswerError(f"{host.name} held the rest of the text back.")
    if not isinstance(ended, str):
        return None
    return FinishReason.LENGTH if ended == "length" else FinishReason.EOS_TOKEN


def _usage_of(usage: object) -> Usage | None:
    if not isinstance(usage, dict):
        return None
    prompt, completion = usage.get("prompt_tokens"), usage.get("completion_tokens")
    if type(prompt) is not int or type(completion) is not int:
        return None
    details = usage.get("prompt_tokens_details")
    cached = details.get("cached_tokens") if isinstance(details, dict) else 0
    return Usage(prompt, cached if type(cached) is int else 0, completion)

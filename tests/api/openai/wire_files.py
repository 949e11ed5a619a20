"""Answers in OpenAI's form, for tests: without what differs each time, and put together again."""

from __future__ import annotations

import json
import re
from typing import Any

import httpx

ID = re.compile(r'"(cmpl|chatcmpl)-[0-9a-f-]{32,36}"')
CREATED = re.compile(r'"created":\d{10}')
DONE = "[DONE]"


def without_ids(response: httpx.Response) -> httpx.Response:
    """The same answer with one id for all of its kind, at the beginning of time."""
    text = CREATED.sub('"created":0', ID.sub(r'"\1-ID"', response.text))
    headers = {"content-type": response.headers["content-type"]}
    return httpx.Response(response.status_code, text=text, headers=headers)


def events_of(response: httpx.Response) -> list[dict[str, Any]]:
    """The objects of a stream that was sent to its end."""
    assert response.status_code == 200, response.text
    assert response.headers["content-type"].startswith("text/event-stream")
    *events, end = re.findall(r"^data: (.*)$", response.text, re.MULTILINE)
    assert end == DONE
    return [json.loads(event) for event in events]


def put_together(events: list[dict[str, Any]]) -> dict[int, dict[str, Any]]:
    """Text, scores and ending of each choice of a stream."""
    whole: dict[int, dict[str, Any]] = {}
    for event in events:
        for choice in event["choices"]:
            kept = whole.setdefault(choice["index"], {"text": "", "scores": [], "ending": None})
            assert kept["ending"] is None, "a choice went on after its end"
            kept["text"] += text_of(choice)
            kept["scores"] += scores_of(choice)
            kept["ending"] = choice["finish_reason"]
    return whole


def taken_apart(body: dict[str, Any]) -> dict[int, dict[str, Any]]:
    """The same of a whole answer."""
    return {
        choice["index"]: {
            "text": text_of(choice),
            "scores": scores_of(choice),
            "ending": choice["finish_reason"],
        }
        for choice in body["choices"]
    }


def text_of(choice: dict[str, Any]) -> str:
    message = choice.get("message", choice.get("delta"))
    return str(choice["text"] if message is None else message.get("content", ""))


def scores_of(choice: dict[str, Any]) -> list[Any]:
    """One entry for each token."""
    logprobs = choice["logprobs"]
    if logprobs is None:
        return []
    if "content" in logprobs:
        return list(logprobs["content"])
    top = logprobs["top_logprobs"] or [None] * len(logprobs["tokens"])
    columns = (logprobs["tokens"], logprobs["token_logprobs"], top, logprobs["text_offset"])
    return list(zip(*columns, strict=True))

"""`POST /v1/chat/completions` over the scripted engine."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from model.engine.base import ResidentModel
from model.engine.generation import Generation, GenerationRequest
from model.engine.scripted import ScriptedEngine
from model.prompts.dialogue import SMOLLM2
from tests.api.clients import Client, api_client
from tests.api.openai.wire_files import events_of, put_together, taken_apart

PATH = "/v1/chat/completions"


class WatchedEngine(ScriptedEngine):
    """Keeps what it was asked. Its chat model has a system prompt of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[GenerationRequest] = []

    def load(self, *args: Any, **options: Any) -> ResidentModel:
        resident = super().load(*args, **options)
        dialogue = resident.dialogue
        assert dialogue is not None
        return replace(resident, dialogue=replace(dialogue, default_system=SMOLLM2.default_system))

    def submit(self, request: GenerationRequest, client: str) -> Generation:
        self.asked.append(request)
        return super().submit(request, client)


def said(text: str, role: str = "user") -> dict[str, Any]:
    return {"role": role, "content": text}


async def asked(body: dict[str, Any]) -> GenerationRequest:
    engine = WatchedEngine()
    async with api_client(engine) as client:
        response = await client.post(PATH, json=body)
        assert response.status_code == 200, response.text
    return engine.asked[0]


def prompt_of(request: GenerationRequest) -> str:
    """With a bar where a special token stands."""
    return "".join(chr(id_) if id_ < 256 else "|" for id_ in request.prompt_ids)


async def post(client: Client, body: dict[str, Any]) -> Any:
    return await client.post(PATH, json=body)


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"n": 2, "seed": 3},
        {"logprobs": True, "top_logprobs": 2, "stop": ["nd", "x"]},
        {"max_tokens": 3},
    ],
    ids=json.dumps,
)
async def test_what_is_streamed_is_what_is_answered_whole(more: dict[str, Any]) -> None:
    body = {"messages": [said("SAY: é and 𝒳")], "temperature": 0} | more
    async with api_client() as client:
        whole = taken_apart((await post(client, body)).json())
        events = events_of(await post(client, body | {"stream": True}))
    assert put_together(events) == whole
    first = next(choice["delta"] for event in events for choice in event["choices"])
    assert first == {"role": "assistant", "content": ""}


async def test_system_and_developer_messages_are_the_system_prompt() -> None:
    messages = [said("A", "system"), said("B", "developer"), said("C"), said("D", "assistant")]
    request = await asked({"messages": [*messages, said("E")]})
    assert prompt_of(request) == "|\nA\n\nB|\n|\nC|\n|\nD|\n|\nE|\n|"


async def test_without_a_system_message_the_model_gets_its_own() -> None:
    request = await asked({"messages": [said("C")]})
    assert prompt_of(request) == f"|\n{SMOLLM2.default_system}|\n|\nC|\n|"


async def test_an_empty_system_message_is_none() -> None:
    request = await asked({"messages": [said("", "system"), said("C")]})
    assert prompt_of(request) == "|\n|\n|\nC|\n|"


async def test_content_may_come_in_parts_and_markup_in_it_is_text() -> None:
    parts = [{"type": "text", "text": "<|end|>"}, {"type": "text", "text": "b"}]
    request = await asked({"messages": [said("", "system"), {"role": "user", "content": parts}]})
    assert prompt_of(request) == "|\n|\n|\n<|end|>b|\n|"


async def test_the_newer_name_of_the_length_counts_before_the_older() -> None:
    body = {"messages": [said("x")], "max_tokens": 5, "max_completion_tokens": 6}
    assert (await asked(body)).params.max_new_tokens == 6


async def test_a_chat_without_a_length_is_not_cut_like_code() -> None:
    assert (await asked({"messages": [said("x")]})).params.max_new_tokens == 1024


async def test_what_asks_for_nothing_is_let_through() -> None:
    await asked(
        {
            "messages": [
                said("x") | {"name": "ann"},
                said("y", "assistant") | {"tool_calls": [], "refusal": None},
                said("z"),
            ],
            "tools": [],
            "tool_choice": "auto",
            "parallel_tool_calls": True,
            "response_format": {"type": "text"},
            "logit_bias": {},
            "logprobs": False,
            "metadata": {"chat": "1"},
            "modalities": ["text"],
        }
    )


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"tools": [{"type": "function"}]}, "tools"),
        ({"tool_choice": "required"}, "tool_choice"),
        ({"functions": [{}]}, "functions"),
        ({"response_format": {"type": "json_object"}}, "response_format"),
        ({"modalities": ["audio"]}, "modalities"),
        ({"presence_penalty": 1}, "presence_penalty"),
        ({"reasoning_effort": "high"}, "reasoning_effort"),
        ({"web_search_options": {}}, "web_search_options"),
        ({"top_logprobs": 1}, "top_logprobs"),
        ({"logprobs": 1}, "logprobs"),
        ({"top_logprobs": 21, "logprobs": True}, "top_logprobs"),
        ({"max_completion_tokens": 0}, "max_completion_tokens"),
        ({"n": 100}, "n"),
        ({"messages": None}, "messages"),
        ({"messages": []}, None),
        ({"messages": [said("")]}, None),
        ({"messages": [said("x", "assistant")]}, None),
        ({"messages": [said("x"), said("late", "system"), said("y")]}, None),
        ({"messages": [said("x", "tool")]}, "messages.0.role"),
        ({"messages": [{"role": "user", "content": 5}]}, "messages.0.content"),
        (
            {"messages": [{"role": "user", "content": [{"type": "image_url"}]}]},
            "messages.0.content",
        ),
        ({"messages": [said("x") | {"tool_calls": [{}]}]}, "messages.0"),
    ],
    ids=repr,
)
async def test_what_is_not_served_is_refused_by_its_name(
    body: dict[str, Any], field: str | None
) -> None:
    async with api_client() as client:
        response = await post(client, {"messages": [said("secret")]} | body)
    assert response.status_code == 400, response.text
    error = response.json()["error"]
    assert error["param"] == field
    assert "secret" not in response.text

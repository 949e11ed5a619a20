"""`POST /v1/completions` with token ids, as one app asks another: which model, what ends it, and
what comes back."""

from __future__ import annotations

from typing import Any

import pytest

from model.engine.generation import GenerationRequest
from model.engine.scripted import CHAT_SCRIPT, CODE_SCRIPT
from tests.api.clients import Client, api_client
from tests.api.openai.test_completions import WatchedEngine
from tests.api.openai.wire_files import events_of

PATH = "/v1/completions"
GREEDY = {"temperature": 0, "max_tokens": 400}


async def ask(body: dict[str, Any]) -> tuple[dict[str, Any], GenerationRequest]:
    engine = WatchedEngine()
    async with api_client(engine) as client:
        response = await client.post(PATH, json=GREEDY | body)
        assert response.status_code == 200, response.text
    [choice] = response.json()["choices"]
    return choice, engine.asked[-1]


@pytest.mark.parametrize(
    ("model", "slot", "script"),
    [
        ("scripted-chat", "chat", CHAT_SCRIPT),
        ("chat", "chat", CHAT_SCRIPT),
        ("scripted-base", "base", CODE_SCRIPT),
        ("scripted", "base", CODE_SCRIPT),
        (None, "base", CODE_SCRIPT),
    ],
)
async def test_ids_go_to_the_model_whose_name_is_given(
    model: str | None, slot: str, script: str
) -> None:
    choice, asked = await ask({"prompt": [104, 105], "model": model})
    assert (choice["text"], asked.slot) == (script, slot)


async def test_a_text_for_the_chat_model_is_still_refused() -> None:
    async with api_client() as client:
        response = await client.post(PATH, json={"prompt": "hi", "model": "scripted-chat"})
    assert response.status_code == 404


async def test_stop_tokens_are_the_clients_beside_the_models_own() -> None:
    _, asked = await ask({"prompt": [104], "stop_token_ids": [263, 97]})
    assert {256, 263, 97} <= set(asked.stop_token_ids)


async def test_ids_are_told_back_whole_and_streamed() -> None:
    text = list("SAY: aé".encode())
    expected = [*"aé".encode(), 256]
    choice, _ = await ask({"prompt": text, "return_token_ids": True})
    assert (choice["text"], choice["token_ids"]) == ("aé", expected)
    async with api_client() as client:
        body = GREEDY | {"prompt": text, "return_token_ids": True, "stream": True}
        events = events_of(await client.post(PATH, json=body))
    choices = [event["choices"][0] for event in events if event["choices"]]
    assert [choice.get("token_ids") for choice in choices] == [[97], [0xC3], [0xA9], [256], None]
    assert "".join(choice["text"] for choice in choices) == "aé"


async def test_without_being_asked_for_no_ids_are_told() -> None:
    choice, _ = await ask({"prompt": [104]})
    assert "token_ids" not in choice


async def test_scores_name_their_tokens_by_id_where_that_is_asked_for() -> None:
    body = {"prompt": list(b"SAY: a"), "logprobs": 1, "return_tokens_as_token_ids": True}
    choice, _ = await ask(body)
    scores = choice["logprobs"]
    assert scores["tokens"] == ["token_id:97", "token_id:256"]
    assert [list(best) for best in scores["top_logprobs"]] == [["token_id:97"], ["token_id:256"]]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"prompt": "text", "stop_token_ids": [1]}, "stop_token_ids"),
        ({"prompt": [1], "stop_token_ids": [-1]}, "stop_token_ids.0"),
        ({"prompt": [1], "stop_token_ids": [2**31]}, "stop_token_ids.0"),
        ({"prompt": [1], "return_token_ids": True, "logprobs": 1}, "return_token_ids"),
    ],
)
async def test_what_cannot_be_meant_is_refused_by_name(body: dict[str, Any], field: str) -> None:
    async with api_client() as client:
        assert await refused_field(client, body) == field


async def refused_field(client: Client, body: dict[str, Any]) -> str:
    response = await client.post(PATH, json=body)
    assert response.status_code == 400, response.text
    field: str = response.json()["error"]["param"]
    return field

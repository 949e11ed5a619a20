"""`POST /v1/completions` with token ids, as one app asks another: which model, what ends it, and
what comes back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from api.server import build_server
from model.engine.generation import SLOTS, GenerationRequest
from model.engine.local import LocalEngine
from model.engine.scripted import CHAT_SCRIPT, CODE_SCRIPT
from model.loading.residency import Residency
from model.loading.sources import folder_source
from model.service import GenerationService
from tests.api.clients import Client, api_client, client_of, wait_until_ready
from tests.api.openai.test_completions import WatchedEngine
from tests.api.openai.wire_files import events_of
from tests.checkpoints import write_starcoder2

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


async def test_white_space_that_the_model_cannot_heal_is_refused() -> None:
    async with api_client() as client:
        [error] = [
            (await client.post(PATH, json={"prompt": [104], "healed_space": " "})).json()["error"]
        ]
        models = (await client.get("/v1/models")).json()["data"]
    assert error["code"] == "CapabilityError"
    assert all("heals" not in model["capabilities"] for model in models)


async def test_white_space_that_is_healed_is_left_out_of_the_answer(tmp_path: Path) -> None:
    service = GenerationService(*folder_service(write_starcoder2(tmp_path)))
    async with client_of(build_server(service, max_body_bytes=10_000, is_public=False)) as client:
        await wait_until_ready(service)
        row = (await client.get("/v1/models")).json()["data"][0]
        assert row["capabilities"]["heals"]
        body = {"max_tokens": 12, "temperature": 0}
        text = await client.post(PATH, json=body | {"prompt": "def f():\n    "})
        ids = (await client.post("/tokenize", json={"content": "def f():"})).json()["tokens"]
        healed = body | {"prompt": ids, "healed_space": "\n    "}
        answer = await client.post(PATH, json=healed)
    [expected], [choice] = text.json()["choices"], answer.json()["choices"]
    assert choice["text"] == expected["text"] != ""


def folder_service(folder: Path) -> tuple[Residency, LocalEngine]:
    engine = LocalEngine(cache_folder=folder, threads=1)
    sources = {slot: folder_source(folder) for slot in SLOTS}
    return Residency(engine, sources), engine


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"prompt": "text", "healed_space": " "}, "healed_space"),
        ({"prompt": [1], "healed_space": "a"}, "healed_space"),
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

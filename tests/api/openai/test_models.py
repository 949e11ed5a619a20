"""`/v1/models`, and the names under which a request may ask for a model."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from api.server import build_server
from model.engine.generation import SLOTS
from model.engine.scripted import ScriptedEngine
from model.loading.residency import Residency
from model.loading.slot import ModelSource
from model.presets import ModelPreset
from model.service import GenerationService
from tests.api.clients import Client, api_client, build_service, client_of, wait_until_ready
from tests.api.tokenized import ContinuingEngine, hub_preset

COMPLETE, CHAT = "/v1/completions", "/v1/chat/completions"
MESSAGES = [{"role": "user", "content": "SAY: x"}]


def service_with(base: ModelPreset, chat: ModelPreset, **options: Any) -> GenerationService:
    engine = ScriptedEngine(**options)
    presets = dict(zip(SLOTS, (base, chat), strict=True))
    sources = {slot: ModelSource(presets[slot], lambda report: Path()) for slot in SLOTS}
    return GenerationService(Residency(engine, sources), engine)


async def ask(client: Client, path: str, model: str | None) -> Any:
    body = {"prompt": "SAY: x"} if path == COMPLETE else {"messages": MESSAGES}
    content = json.dumps(body | {"model": model})
    return await client.post(path, content=content, headers={"content-type": "application/json"})


@pytest.mark.parametrize(
    "name",
    [
        *("scripted-base", "scripted", "SCRIPTED", "scripted:latest", "base"),
        *(None, "", "default", "auto", "tgi", "local-model", "AUTODETECT"),
        *("bigcode/starcoder", "starcoder", "bigcode/starcoder2-15b", "starcoder2:3b"),
        *("starcoder2", "starcoderbase", "bigcode/gpt_bigcode-santacoder"),
    ],
)
async def test_names_that_the_base_model_answers_to(name: str | None) -> None:
    async with api_client() as client:
        response = await ask(client, COMPLETE, name)
    assert response.status_code == 200, response.text
    assert response.json()["model"] == "scripted-base", "the answer says who wrote it"


@pytest.mark.parametrize(
    "name", [None, "scripted", "scripted-chat", "chat", "HuggingFaceH4/starchat-beta", "starchat"]
)
async def test_names_that_the_chat_model_answers_to(name: str | None) -> None:
    async with api_client() as client:
        response = await ask(client, CHAT, name)
    assert response.status_code == 200, response.text
    assert response.json()["model"] == "scripted-chat"


@pytest.mark.parametrize(
    ("path", "name"),
    [
        *((path, name) for path in (COMPLETE, CHAT) for name in ("gpt-4", "a/b", "\ud800")),
        *((COMPLETE, name) for name in ("scripted-chat", "chat", "starchat-beta")),
        *((CHAT, name) for name in ("scripted-base", "base", "bigcode/starcoder", "starcoder2")),
        (COMPLETE, "codellama/CodeLlama-13b-hf"),
    ],
    ids=repr,
)
async def test_other_names_are_unknown_and_the_answer_lists_those_there_are(
    path: str, name: str
) -> None:
    async with api_client() as client:
        response = await ask(client, path, name)
    assert response.status_code == 404
    error = response.json()["error"]
    assert (error["param"], error["code"]) == ("model", "model_not_found")
    assert "scripted-base (/v1/completions)" in error["message"]
    assert "scripted-chat (/v1/chat/completions)" in error["message"]


async def test_a_model_from_the_hub_has_its_repositorys_name() -> None:
    service = service_with(hub_preset("starcoder"), hub_preset("starchat-beta"))
    async with client_of(build_server(service, max_body_bytes=1000, is_public=False)) as client:
        await wait_until_ready(service)
        listed = (await client.get("/v1/models")).json()["data"]
        one = (await client.get("/v1/models/bigcode/starcoder")).json()
        short = (await client.get("/v1/models/starcoder")).json()
        other = await client.get("/v1/models/bigcode/starcoder2-3b")
    assert [model["id"] for model in listed] == ["bigcode/starcoder", "HuggingFaceH4/starchat-beta"]
    assert listed[0] == one == short
    assert one["owned_by"] == "bigcode"
    assert other.status_code == 404


async def test_one_model_in_both_slots_is_listed_once() -> None:
    both = hub_preset("starchat-beta")
    service = service_with(both, both)
    async with client_of(build_server(service, max_body_bytes=1000, is_public=False)) as client:
        await wait_until_ready(service)
        [model] = (await client.get("/v1/models")).json()["data"]
        for path in (COMPLETE, CHAT):
            assert (await ask(client, path, model["id"])).status_code == 200
    assert model["capabilities"] == {"completion": True, "infill": True, "chat": True}


async def test_a_parked_model_is_listed_and_comes_back_when_it_is_asked() -> None:
    service = service_with(hub_preset("starcoder"), hub_preset("starchat-beta"), room=1)
    async with client_of(build_server(service, max_body_bytes=1000, is_public=False)) as client:
        await wait_until_ready(service)
        listed = (await client.get("/v1/models")).json()["data"]
        answers = [await ask(client, path, None) for path in (COMPLETE, CHAT, COMPLETE)]
    assert [model["capabilities"]["infill"] for model in listed] == [True, False]
    assert [model["max_model_len"] for model in listed] == [8192, 8192]
    assert [answer.status_code for answer in answers] == [200] * 3


async def test_a_model_without_infill_tokens_does_not_claim_to_infill() -> None:
    async with api_client(ContinuingEngine()) as client:
        base, _ = (await client.get("/v1/models")).json()["data"]
    assert base["capabilities"] == {"completion": True, "infill": False, "chat": False}


async def test_while_models_load_the_list_is_empty() -> None:
    service = build_service(ScriptedEngine(load_seconds=0.2))
    async with client_of(build_server(service, max_body_bytes=1000, is_public=False)) as client:
        response = await client.get("/v1/models")
        assert response.json() == {"object": "list", "data": []}
        assert (await ask(client, CHAT, "gpt-4")).status_code == 503
        await wait_until_ready(service)


@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
@pytest.mark.parametrize("path", ["/v1/", "/v1/embeddings", "/v1/fim/completions"])
async def test_other_paths_are_refused_in_openais_form(method: str, path: str) -> None:
    async with api_client() as client:
        response = await client.request(method, path)
    assert response.status_code == 404
    assert COMPLETE in response.json()["error"]["message"]

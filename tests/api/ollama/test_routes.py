"""Ollama's routes over the scripted engine: golden wire files, streams, names and errors."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import httpx
import pytest

from api.server import build_server
from model.engine.scripted import ScriptedEngine
from tests.api.clients import Client, api_client, build_service, client_of, wait_until_ready
from tests.api.hang_up import become_idle, post_and_hang_up
from tests.api.tokenized import ContinuingEngine, TokenizedEngine, hub_preset
from tests.api.wire_files import WireCase, wire_cases
from tests.checkpoints import SANTACODER_TOKENS, STARCODER2_TOKENS, write_tokenizer
from tests.servers import RunningApp

GENERATE = {"model": "scripted", "prompt": "SAY: é and 𝒳"}
QUESTION = {"role": "user", "content": "x"}
CHAT = {"model": "scripted", "messages": [{"role": "user", "content": "SAY: é\nand 𝒳"}]}


async def lines(client: Client, path: str, body: dict[str, Any]) -> list[dict[str, Any]]:
    """The lines of an answer to a `body` that does not speak of streams."""
    response = await client.post(path, json=body)
    assert response.headers["content-type"] == "application/x-ndjson"
    assert response.text.endswith("}\n")
    return [json.loads(line) for line in response.text.splitlines()]


def text_of(body: dict[str, Any]) -> str:
    return str(body["response"] if "response" in body else body["message"]["content"])


@pytest.mark.parametrize("case", wire_cases("ollama"), ids=lambda case: case.name)
async def test_the_wire_is_as_the_golden_file_has_it(case: WireCase) -> None:
    async with api_client() as client:
        case.check(await case.ask(client))


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/api/generate", GENERATE),
        ("/api/generate", GENERATE | {"suffix": "\n"}),
        ("/api/generate", GENERATE | {"options": {"num_predict": 4, "stop": "a"}}),
        ("/api/chat", CHAT),
    ],
)
async def test_what_is_streamed_is_what_is_answered_whole(path: str, body: dict[str, Any]) -> None:
    body = body | {"options": body.get("options", {}) | {"temperature": 0}}
    async with api_client() as client:
        whole = (await client.post(path, json=body | {"stream": False})).json()
        pieces = await lines(client, path, body)
    assert "".join(map(text_of, pieces)) == text_of(whole) != ""
    assert [piece["done"] for piece in pieces] == [False] * (len(pieces) - 1) + [True]
    for name in ("done_reason", "prompt_eval_count", "eval_count"):
        assert pieces[-1][name] == whole[name]
    assert pieces[-1]["total_duration"] >= pieces[-1]["prompt_eval_duration"] > 0


async def test_without_a_suffix_tokens_may_be_spelt_and_with_one_they_are_text() -> None:
    fim = "<fim_prefix>a<fim_suffix>b<fim_middle>"
    asked = {"model": "scripted", "prompt": fim, "stream": False}
    async with api_client() as client:
        spelt = (await client.post("/api/generate", json=asked)).json()
        empty = (await client.post("/api/generate", json=asked | {"suffix": ""})).json()
        filled = (await client.post("/api/generate", json=asked | {"suffix": "c"})).json()
    assert spelt["prompt_eval_count"] == 5
    assert empty["prompt_eval_count"] == len(fim)
    assert filled["prompt_eval_count"] == len(fim) + 4


async def test_continue_reads_every_line_of_the_parameters() -> None:
    """Its pattern, of which a line that does not match breaks the whole."""
    async with api_client() as client:
        shown = (await client.post("/api/show", json={"name": "scripted"})).json()
    for line in shown["parameters"].split("\n"):
        assert re.match(r'^(\S+)\s+((?:".*")|\S+)$', line)


@pytest.mark.parametrize(
    ("tokens", "name", "template"),
    [
        (STARCODER2_TOKENS, "starcoder2-3b", "<fim_prefix>{{ .Prompt }}<fim_suffix>{{ .Suffix }}"),
        (SANTACODER_TOKENS, "santacoder", "<fim-prefix>{{ .Prompt }}<fim-suffix>{{ .Suffix }}"),
    ],
)
async def test_a_models_names_figures_and_dialect_are_its_own(
    tmp_path: Path, tokens: tuple[str, ...], name: str, template: str
) -> None:
    write_tokenizer(tmp_path, tokens)
    preset = hub_preset(name)
    async with api_client(TokenizedEngine(tmp_path, preset)) as client:
        shown = (await client.post("/api/show", json={"model": preset.repo_id})).json()
        [entry] = (await client.get("/api/tags")).json()["models"]
        named = await client.post("/api/generate", json={"model": entry["name"], "prompt": ""})
    assert template in shown["template"]
    assert shown["capabilities"] == ["completion", "insert"]
    assert preset.license is not None
    assert preset.license.url in shown["license"]
    assert entry["name"] == f"{preset.repo_id}:latest"
    assert entry["details"]["parameter_size"] == preset.parameters
    assert re.fullmatch("[0-9a-f]{64}", entry["digest"])
    assert named.json()["done_reason"] == "load"


async def test_a_prompt_over_the_context_is_refused_unless_it_may_be_shortened() -> None:
    long = {"model": "scripted", "prompt": "a" * 9_000, "stream": False}
    async with api_client() as client:
        refused = await client.post("/api/generate", json=long)
        shortened = await client.post("/api/generate", json=long | {"truncate": True})
    assert refused.status_code == 400
    assert "9,000 tokens" in refused.json()["error"]
    assert shortened.status_code == 200


@pytest.mark.parametrize("is_live", [False, True])
async def test_a_model_without_infill_tokens_says_what_can(is_live: bool) -> None:
    async with api_client(ContinuingEngine()) as client:
        shown = (await client.post("/api/show", json={})).json()
        body = GENERATE | {"suffix": "b", "stream": is_live}
        response = await client.post("/api/generate", json=body)
    assert ".Suffix" not in shown["template"]
    assert shown["capabilities"] == ["completion"]
    assert response.status_code == 400
    assert "cannot infill" in response.json()["error"]
    assert "--base-model" in response.json()["error"]


async def test_a_model_that_is_not_for_chats_says_which_is() -> None:
    async with api_client() as client:
        response = await client.post("/api/chat", json=CHAT | {"model": "scripted-base"})
    assert response.status_code == 404
    assert "scripted-chat" in response.json()["error"]


async def test_a_failure_in_the_middle_is_the_last_line_or_the_answer() -> None:
    body = {"model": "scripted", "prompt": "a FAIL b"}
    async with api_client() as client:
        pieces = await lines(client, "/api/generate", body)
        whole = await client.post("/api/generate", json=body | {"stream": False})
    assert pieces[0]["done"] is False
    assert pieces[-1] == whole.json()
    assert set(pieces[-1]) == {"error"}
    assert whole.status_code == 500


async def test_while_the_model_loads_there_is_none_in_the_list_and_llm_ls_is_told() -> None:
    service = build_service(ScriptedEngine(load_seconds=5))
    app = build_server(service, max_body_bytes=10_000, is_public=False)
    async with client_of(app) as client:
        tags = await client.get("/api/tags")
        answers = [
            await client.post("/api/generate", json=GENERATE),
            await client.post("/api/chat", json=CHAT),
            await client.post("/api/show", json={}),
        ]
    assert tags.json() == {"models": []}
    for answer in answers:
        assert answer.status_code == 503
        assert "is currently loading" in answer.json()["error"]


@pytest.mark.parametrize("path", ["/api/generate", "/api/chat"])
@pytest.mark.parametrize("is_live", [False, True])
async def test_who_hangs_up_stops_the_model(path: str, is_live: bool) -> None:
    # The script would take two seconds.
    service = build_service(ScriptedEngine(tokens_per_second=100))
    app = build_server(service, max_body_bytes=10_000, is_public=False)
    asked = {"prompt": "x"} if path == "/api/generate" else {"messages": [QUESTION]}
    async with client_of(app):
        await wait_until_ready(service)
        after = b"{" if is_live else service
        received = await post_and_hang_up(app, path, asked | {"stream": is_live}, after=after)
        assert received.startswith(b"{") if is_live else received == b""
        await become_idle(service, 0.5)


def test_ollamas_own_client_finds_a_server_where_the_page_is(scripted_app: RunningApp) -> None:
    """It asks HEAD / before anything else, and only looks at the number."""
    assert httpx.head(f"{scripted_app.url}/").status_code == 200
    assert re.match(
        r"\d+\.\d+\.\d+", httpx.get(f"{scripted_app.url}/api/version").json()["version"]
    )

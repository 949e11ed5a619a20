"""Paths that two protocols share: the body's keys say whose request it is."""

from __future__ import annotations

import json
import threading
from typing import Any

import pytest

from api.server import build_server
from model.engine.scripted import ScriptedEngine
from tests.api.clients import api_client, build_service, client_of
from tests.api.tokenized import ContinuingEngine
from tests.api.wire_files import WireCase, wire_cases

JSON = {"content-type": "application/json"}
FIM = "<fim_prefix>a<fim_suffix>b<fim_middle>"


@pytest.mark.parametrize("case", wire_cases("legacy"), ids=lambda case: case.name)
async def test_the_wire_is_as_the_golden_file_has_it(case: WireCase) -> None:
    async with api_client() as client:
        case.check(await case.ask(client))


@pytest.mark.parametrize(
    ("body", "keys"),
    [
        ({"inputs": "a"}, {"generated_text", "status"}),
        ({"inputs": "a", "parameters": {"max_new_tokens": 2}}, {"generated_text", "status"}),
        ({"prompt": "a", "stream": False}, {"response", "done", "model"}),
        ({"prompt": "a", "stream": False, "parameters": {"max_new_tokens": 2}}, {"response"}),
        ({}, {"response", "done"}),
    ],
)
@pytest.mark.parametrize("path", ["/api/generate", "/api/generate/"])
async def test_generate_is_answered_in_the_form_that_it_was_asked_in(
    path: str, body: dict[str, Any], keys: set[str]
) -> None:
    async with api_client() as client:
        response = await client.post(path, json=body)
    assert response.status_code == 200
    assert keys <= set(response.json())
    assert not {"generated_text", "response"} <= set(response.json())


@pytest.mark.parametrize(
    ("body", "answer"),
    [
        ({"content": "é"}, {"tokens": [195, 169]}),
        ({"content": "a", "with_pieces": True}, {"tokens": [{"id": 97, "piece": "a"}]}),
        ({"inputs": "a"}, [{"id": 97, "text": "a", "start": 0, "stop": 1}]),
        (
            {"inputs": "a", "parameters": {"max_new_tokens": 2}},
            [{"id": 97, "text": "a", "start": 0, "stop": 1}],
        ),
    ],
)
async def test_tokenize_is_answered_in_the_form_that_it_was_asked_in(
    body: dict[str, Any], answer: Any
) -> None:
    async with api_client() as client:
        assert (await client.post("/tokenize", json=body)).json() == answer


async def test_both_forms_of_tokenize_find_the_same_tokens() -> None:
    async with api_client() as client:
        tgi = (await client.post("/tokenize", json={"inputs": FIM})).json()
        llamacpp = (await client.post("/tokenize", json={"content": FIM})).json()
        back = await client.post("/detokenize", json=llamacpp)
    assert [token["id"] for token in tgi] == llamacpp["tokens"]
    assert back.json() == {"content": FIM}


@pytest.mark.parametrize(
    ("path", "body", "message"),
    [
        ("/api/generate", {"inputs": 1}, "inputs: Input should be a valid string."),
        ("/api/generate", {"prompt": 1}, "prompt: Input should be a valid string."),
        ("/api/generate", {"prompt": "a", "options": {"num_predict": "a"}}, "options.num_predict"),
        ("/api/generate", {"prompt": "a", "options": {"num_predict": 0}}, "num_predict must be"),
        (
            "/api/generate",
            {"prompt": "a", "options": {"repeat_penalty": 0}},
            "repeat_penalty must be",
        ),
        ("/api/generate", [], "body: Input should be a valid dictionary"),
        ("/tokenize", {}, "inputs: Field required."),
        ("/tokenize", {"content": 1}, "content: Input should be a valid string."),
        ("/tokenize", {"content": "a", "model_path": "x"}, "'model_path' is not served here"),
        ("/tokenize", {"content": "\x00"}, "NUL"),
        ("/tokenize", {"inputs": "\x00"}, "NUL"),
    ],
)
async def test_a_fault_is_told_by_its_place_in_the_body(path: str, body: Any, message: str) -> None:
    async with api_client() as client:
        response = await client.post(path, json=body)
    assert 400 <= response.status_code < 500
    assert message in response.json()["error"]


async def test_the_old_plugins_are_told_in_words_that_they_can_read() -> None:
    """They, and llm-ls, look for {"error": string} and nothing else."""
    async with api_client(ContinuingEngine()) as client:
        failed = await client.post("/api/generate/", json={"inputs": "a FAIL b"})
        empty = await client.post("/api/generate/", json={"inputs": ""})
    assert failed.status_code == 500
    assert isinstance(failed.json()["error"], str)
    assert "empty" in empty.json()["error"]


async def test_a_wait_for_the_model_is_told_to_the_old_plugins_too() -> None:
    service = build_service(ScriptedEngine(load_seconds=5))
    app = build_server(service, max_body_bytes=10_000, is_public=False)
    async with client_of(app) as client:
        answers = [
            await client.post("/api/generate/", json={"inputs": "a"}),
            await client.post("/tokenize", json={"inputs": "a"}),
            await client.post("/tokenize", json={"content": "a"}),
        ]
    for answer in answers:
        assert answer.status_code == 503
        assert "is currently loading" in answer.json()["error"]


@pytest.mark.parametrize("inputs", [None, 1, ["a"], "a\x00"])
async def test_inputs_that_are_no_text_are_refused_in_tgis_form(inputs: object) -> None:
    async with api_client() as client:
        answer = await client.post("/tokenize", json={"inputs": inputs})
    assert answer.status_code == 422
    assert answer.json()["error_type"] == "validation"


@pytest.mark.parametrize("body", [{"inputs": "x "}, {"content": "x ", "with_pieces": True}])
async def test_tokens_are_told_one_by_one_and_off_the_loop(
    body: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A megabyte has half a million: in one go, or on the loop, everybody would wait for them."""
    writers: list[int] = []
    dumps = json.dumps

    def watched(item: Any, **options: Any) -> str:
        writers.append(threading.get_ident())
        return dumps(item, **options)

    async with api_client() as client:
        monkeypatch.setattr(json, "dumps", watched)
        response = await client.post("/tokenize", content=dumps(body), headers=JSON)
        monkeypatch.undo()
    tokens = response.json()
    assert len(writers) == len(tokens["tokens"] if "content" in body else tokens) == 2
    assert threading.get_ident() not in writers

"""Tabby's clients: completions with `segments` on OpenAI's path, and their health check."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from api.tabby import DebugOptions, Segments, TabbyBody
from model.engine.base import ResidentModel
from model.fitting import fit
from model.prompts.infill import RepositoryFile
from model.requests import InfillRequest, RawRequest
from tests.api.clients import Client, api_client
from tests.api.tokenized import TokenizedEngine, hub_preset
from tests.checkpoints import STARCODER2_TOKENS, write_tokenizer

PATH = "/v1/completions"


async def complete(client: Client, body: dict[str, Any]) -> dict[str, Any]:
    response = await client.post(PATH, json=body)
    assert response.status_code == 200, response.text
    answer: dict[str, Any] = response.json()
    return answer


async def test_segments_are_filled_in_and_answered_in_tabbys_form() -> None:
    body = {
        "language": "python",
        "segments": {"prefix": "def f():\n    SAY: pass", "suffix": "\n\nf()\n", "clipboard": "x"},
        "user": "someone",
    }
    async with api_client() as client:
        answer = await complete(client, body)
    assert answer == {"id": answer["id"], "choices": [{"index": 0, "text": "pass"}]}
    assert answer["id"].startswith("cmpl-")


async def test_a_raw_prompt_takes_the_segments_place_and_can_be_seen() -> None:
    prompt = "<fim_prefix>SAY: a<fim_suffix>b<fim_middle>"
    options = {"raw_prompt": prompt, "return_prompt": True, "return_snippets": True}
    async with api_client() as client:
        answer = await complete(client, {"debug_options": options})
    assert answer["choices"][0]["text"] == "a"
    assert answer["debug_data"] == {"snippets": [], "prompt": prompt}


async def test_the_lines_of_the_answer_end_as_those_around_it_do() -> None:
    segments = {"prefix": "SAY: a\r\nb", "suffix": "\r\n"}
    async with api_client() as client:
        answer = await complete(client, {"segments": segments})
    assert answer["choices"][0]["text"] == "a\r\nb"


async def test_a_long_file_is_shortened() -> None:
    segments = {"prefix": "x" * 9000, "suffix": "\n"}
    async with api_client() as client:
        assert (await complete(client, {"segments": segments}))["choices"][0]["text"]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"segments": {}}, "segments.prefix"),
        ({"segments": {"prefix": "a"}, "mode": "next_edit_suggestion"}, "mode"),
        ({"segments": {"prefix": "a"}, "temperature": 9}, "temperature"),
        ({"segments": {"prefix": "a"}, "stream": True}, None),
        ({"debug_options": {}}, None),
    ],
    ids=repr,
)
async def test_what_is_not_served_is_refused(body: dict[str, Any], field: str | None) -> None:
    async with api_client() as client:
        response = await client.post(PATH, json=body)
    assert response.status_code == 400
    assert response.json()["error"]["param"] == field


@pytest.fixture
def starcoder2(tmp_path: Path) -> ResidentModel:
    write_tokenizer(tmp_path, STARCODER2_TOKENS)
    preset = hub_preset("starcoder2-3b")
    engine = TokenizedEngine(tmp_path, preset)
    resident = engine.load("base", preset, None, lambda progress: None)
    engine.close()
    return resident


SEGMENTS = Segments(
    prefix="a",
    filepath="src/a.py",
    declarations=[{"filepath": "near.py", "body": "n"}],
    relevant_snippets_from_changed_files=[{"filepath": "far.py", "body": "f", "score": 0.5}],
)


def test_a_model_that_reads_other_files_is_told_of_them(starcoder2: ResidentModel) -> None:
    request = TabbyBody(segments=SEGMENTS).request(starcoder2)
    assert isinstance(request, InfillRequest)
    assert (request.path, request.suffix) == ("src/a.py", "\n")
    assert request.context == (RepositoryFile("far.py", "f"), RepositoryFile("near.py", "n"))
    fit(request, starcoder2, overflow="refuse")


def test_other_files_can_be_left_out(starcoder2: ResidentModel) -> None:
    options = DebugOptions(disable_retrieval_augmented_code_completion=True)
    request = TabbyBody(segments=SEGMENTS, debug_options=options).request(starcoder2)
    assert isinstance(request, InfillRequest)
    assert request.context == ()


def test_a_raw_prompt_is_one_with_tokens_spelt_out(starcoder2: ResidentModel) -> None:
    request = TabbyBody(debug_options=DebugOptions(raw_prompt="<fim_prefix>")).request(starcoder2)
    assert isinstance(request, RawRequest)


async def test_the_health_check_tells_tabby_which_models_there_are() -> None:
    async with api_client() as client:
        body = (await client.get("/v1/health")).json()
    assert (body["model"], body["chat_model"]) == ("scripted-base", "scripted-chat")
    assert body["device"] == "cpu"
    assert body["cpu_count"] >= 1
    assert set(body["version"]) == {"build_date", "build_timestamp", "git_sha", "git_describe"}
    assert body["status"] == "ok", "llama.cpp's clients read the same body"

"""llama.cpp's routes over the scripted engine: golden wire files, limits, warm-ups and errors."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from api.server import build_server
from model.engine.scripted import CODE_SCRIPT, CONTEXT_LENGTH, ScriptedEngine
from model.loading.slot import Parked
from tests.api.clients import Client, api_client, build_service, client_of, wait_until_ready
from tests.api.hang_up import become_idle, post_and_hang_up
from tests.api.tokenized import ContinuingEngine, TokenizedEngine, hub_preset
from tests.api.wire_files import WireCase, wire_cases
from tests.checkpoints import STARCODER2_TOKENS, write_tokenizer

BLOCK = {"input_prefix": "def f():\n    SAY: a = 1\n    b = 2\n", "input_suffix": "\n"}


async def events(client: Client, path: str, body: dict[str, Any]) -> list[dict[str, Any]]:
    response = await client.post(path, json=body | {"stream": True})
    assert response.headers["content-type"].startswith("text/event-stream")
    assert "[DONE]" not in response.text
    lines = [line for line in response.text.split("\n") if line.startswith("data: ")]
    return [json.loads(line.removeprefix("data: ")) for line in lines]


@pytest.mark.parametrize("case", wire_cases("llamacpp"), ids=lambda case: case.name)
async def test_the_wire_is_as_the_golden_file_has_it(case: WireCase) -> None:
    async with api_client() as client:
        case.check(await case.ask(client))


async def test_llama_vim_finds_the_text_in_what_it_gets() -> None:
    """It looks for `"content":"` in the raw answer before it reads it as JSON."""
    [case] = [case for case in wire_cases("llamacpp") if case.name == "llama_vim"]
    async with api_client() as client:
        assert '"content":"' in (await case.ask(client)).text


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/infill", {"input_prefix": "def f(n):\n", "input_suffix": "\n"}),
        ("/infill", BLOCK | {"n_indent": 4}),
        ("/infill", BLOCK | {"stop": ["2"]}),
        ("/completion", {"prompt": "SAY: é and 𝒳\n  é"}),
        ("/completion", {"prompt": "a", "n_predict": 7}),
    ],
)
async def test_what_is_streamed_is_what_is_answered_whole(path: str, body: dict[str, Any]) -> None:
    body = body | {"temperature": 0}
    async with api_client() as client:
        whole = (await client.post(path, json=body)).json()
        pieces = await events(client, path, body)
    assert "".join(piece["content"] for piece in pieces) == whole["content"] != ""
    assert [piece["stop"] for piece in pieces] == [False] * (len(pieces) - 1) + [True]
    for name in ("stop_type", "tokens_predicted", "tokens_evaluated", "has_new_line", "truncated"):
        assert pieces[-1][name] == whole[name]


async def test_an_infill_out_of_time_ends_with_its_line_and_frees_the_engine() -> None:
    service = build_service(ScriptedEngine(tokens_per_second=2_000))
    app = build_server(service, max_body_bytes=10_000, is_public=False)
    async with client_of(app) as client:
        await wait_until_ready(service)
        body = {"input_prefix": "a", "input_suffix": "b", "t_max_predict_ms": 1}
        answer = (await client.post("/infill", json=body)).json()
        await become_idle(service)
    first_line = CODE_SCRIPT.partition("\n")[0] + "\n"
    assert (answer["content"], answer["stop_type"]) == (first_line, "limit")
    assert len(first_line) <= answer["tokens_predicted"] < len(CODE_SCRIPT) // 2


async def test_other_files_stand_before_the_gap_where_the_family_has_a_place_for_them(
    tmp_path: Path,
) -> None:
    write_tokenizer(tmp_path, STARCODER2_TOKENS)
    body = {
        "input_prefix": "x = 1\n",
        "input_suffix": "\nz = 3",
        "prompt": "y = ",
        "input_extra": [
            {"filename": "a.py", "text": "a = 0\n", "time": [1, 2]},
            {"text": "<fim_middle>", "time": 3},
        ],
    }
    async with api_client(TokenizedEngine(tmp_path, hub_preset("starcoder2-3b"))) as client:
        answer = (await client.post("/infill", json=body)).json()
    assert answer["prompt"] == (
        "<file_sep>a.py\na = 0\n<file_sep><fim_middle><file_sep>"
        "<fim_prefix>x = 1\ny = <fim_suffix>\nz = 3<fim_middle>"
    )
    assert answer["model"] == "starcoder2-3b"
    assert "notes" not in answer


async def test_other_files_are_left_out_with_a_note_where_it_has_none() -> None:
    body = {"input_prefix": "x", "input_suffix": "", "input_extra": [{"text": "a = 0"}]}
    async with api_client() as client:
        answer = (await client.post("/infill", json=body)).json()
    assert "a = 0" not in answer["prompt"]
    assert "input_extra was left out" in answer["notes"][0]


async def test_an_infill_over_the_context_keeps_what_stands_next_to_the_gap() -> None:
    body = {"input_prefix": "a" * 9_000 + "SAY: 1", "input_suffix": "b" * 9_000}
    async with api_client() as client:
        answer = (await client.post("/infill", json=body)).json()
    assert (answer["content"], answer["truncated"]) == ("1", True)
    assert answer["tokens_evaluated"] < CONTEXT_LENGTH


async def test_a_completion_over_the_context_is_refused_with_the_numbers() -> None:
    async with api_client() as client:
        response = await client.post("/completion", json={"prompt": "a" * 9_000})
    assert response.status_code == 400
    assert "9,000 tokens" in response.json()["error"]["message"]


async def test_a_negative_n_predict_goes_on_to_the_contexts_end() -> None:
    async with api_client() as client:
        answer = await client.post("/completion", json={"prompt": "a" * 8_190, "n_predict": -1})
    assert (answer.json()["tokens_predicted"], answer.json()["stop_type"]) == (2, "limit")


@pytest.mark.parametrize("is_live", [False, True])
async def test_a_model_without_infill_tokens_says_what_can(is_live: bool) -> None:
    body = {"input_prefix": "a", "input_suffix": "b", "stream": is_live}
    async with api_client(ContinuingEngine()) as client:
        response = await client.post("/infill", json=body)
    assert response.status_code == 400
    error = response.json()["error"]
    assert error["type"] == "invalid_request_error"
    assert "cannot infill" in error["message"]
    assert "--base-model" in error["message"]


async def test_a_warm_up_computes_the_prompt_and_writes_nothing(tmp_path: Path) -> None:
    write_tokenizer(tmp_path, STARCODER2_TOKENS)
    extra = [{"filename": "a.py", "text": "a = 0\n" * 20}]
    async with api_client(TokenizedEngine(tmp_path, hub_preset("starcoder2-3b"))) as client:
        body = {"input_extra": extra, "n_predict": 0}
        answer = (await client.post("/infill", json=body)).json()
    assert (answer["content"], answer["tokens_predicted"]) == ("", 0)
    assert answer["tokens_evaluated"] > 100


async def test_a_warm_up_gives_way_to_who_wants_text() -> None:
    service = build_service(ScriptedEngine(tokens_per_second=50))
    app = build_server(service, max_body_bytes=10_000, is_public=False)
    async with client_of(app) as client:
        await wait_until_ready(service)
        writing = asyncio.create_task(client.post("/completion", json={"prompt": "a"}))
        while not service.engine.health.num_running:  # noqa: ASYNC110 - the engine tells nobody
            await asyncio.sleep(0.01)
        async with asyncio.timeout(0.5):
            answer = await client.post("/completion", json={"prompt": "b", "n_predict": 0})
        assert (answer.json()["content"], answer.json()["tokens_evaluated"]) == ("", 0)
        assert not writing.done()
        writing.cancel()


async def test_a_failure_in_the_middle_is_the_last_event_or_the_answer() -> None:
    async with api_client() as client:
        pieces = await events(client, "/completion", {"prompt": "a FAIL b"})
        whole = await client.post("/completion", json={"prompt": "a FAIL b"})
    assert pieces[-1] == whole.json()
    assert pieces[-1]["error"]["type"] == "server_error"
    assert whole.status_code == 500


async def test_while_the_model_loads_it_is_said_as_llamacpp_says_it() -> None:
    service = build_service(ScriptedEngine(load_seconds=5))
    app = build_server(service, max_body_bytes=10_000, is_public=False)
    async with client_of(app) as client:
        answers = [
            await client.post("/infill", json=BLOCK),
            await client.post("/infill", json=BLOCK | {"n_predict": 0}),
            await client.post("/completion", json={"prompt": "a", "stream": True}),
            await client.get("/props"),
        ]
    for answer in answers:
        assert answer.status_code == 503
        assert answer.json()["error"]["type"] == "unavailable_error"
        assert "loading" in answer.json()["error"]["message"]
        assert answer.headers["retry-after"]


@pytest.mark.parametrize("path", ["/infill", "/completion"])
@pytest.mark.parametrize("is_live", [False, True])
async def test_who_hangs_up_stops_the_model(path: str, is_live: bool) -> None:
    # The script would take two seconds.
    service = build_service(ScriptedEngine(tokens_per_second=100))
    app = build_server(service, max_body_bytes=10_000, is_public=False)
    body = {"stream": is_live, "prompt": "x"}
    async with client_of(app):
        await wait_until_ready(service)
        after = b"data: " if is_live else service
        received = await post_and_hang_up(app, path, body, after=after)
        assert received.startswith(b"data: ") if is_live else received == b""
        await become_idle(service, 0.5)


@pytest.mark.parametrize(
    ("body", "what"),
    [
        ({"input_extra": [{"filename": "a.py"}]}, "input_extra.0.text"),
        ({"input_extra": "a"}, "input_extra"),
        ({"input_prefix": 1}, "input_prefix"),
        ({"n_indent": -1}, "n_indent"),
        ({"stop": [1]}, "stop.0"),
        ({"stop": ["a"] * 30}, "stop"),
        ({"seed": 2**70}, "seed"),
        ({"temperature": 9}, "temperature"),
        ({"parameters": {"num_beams": 4}}, "num_beams"),
        ({"logit_bias": [[1, 2.0]]}, "logit_bias"),
        ({"lora": [{"id": 0, "scale": 0.5}]}, "lora"),
        ({"input_prefix": "\x00"}, "NUL"),
    ],
)
async def test_what_is_wrong_or_not_served_is_refused_by_its_name(
    body: dict[str, Any], what: str
) -> None:
    async with api_client() as client:
        response = await client.post("/infill", json=BLOCK | body)
    assert response.status_code == 400
    assert what in response.json()["error"]["message"]


async def test_what_asks_for_nothing_is_let_through() -> None:
    """llama.cpp's own page sends every setting that there is."""
    body = {
        "prompt": "a",
        "n_predict": 2,
        "model": None,
        "dynatemp_range": 0,
        "dynatemp_exponent": 1,
        "typ_p": 1.0,
        "xtc_probability": 0.0,
        "xtc_threshold": 0.1,
        "repeat_last_n": 64,
        "repeat_penalty": 1.0,
        "presence_penalty": 0,
        "frequency_penalty": 0,
        "dry_multiplier": 0,
        "dry_base": 1.75,
        "dry_allowed_length": 2,
        "dry_penalty_last_n": -1,
        "min_p": 0.05,
        "typical_p": 0.9,
        "top_k": -1,
        "seed": -1,
        "temperature": -1.0,
        "samplers": ["penalties", "dry", "top_k", "temperature"],
        "timings_per_token": False,
        "grammar": "",
        "logit_bias": [],
        "n_probs": 0,
    }
    async with api_client() as client:
        response = await client.post("/completion", json=body)
    settings = response.json()["generation_settings"]
    assert (settings["temperature"], settings["top_k"], settings["min_p"]) == (0.0, 0, 0.05)
    assert settings["typical_p"] == 0.9


async def test_props_leave_a_parked_model_where_it_is() -> None:
    service = build_service(ScriptedEngine(room=1))
    app = build_server(service, max_body_bytes=10_000, is_public=False)
    async with client_of(app) as client:
        await wait_until_ready(service)
        await client.post("/api/chat", json={"messages": [{"role": "user", "content": "x"}]})
        assert isinstance(service.residency.status("base"), Parked)
        props = (await client.get("/props")).json()
        assert isinstance(service.residency.status("base"), Parked)
    assert props["model_alias"] == "scripted"


async def test_an_id_that_the_vocabulary_lacks_is_not_passed_over() -> None:
    async with api_client() as client:
        response = await client.post("/detokenize", json={"tokens": [65, 99_999]})
    assert response.status_code == 400
    assert "lacks the token 99999" in response.json()["error"]["message"]

"""TGI's routes, as its clients and llm-ls call them: golden files, settings, refusals, headers."""

from __future__ import annotations

import json
import tomllib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from api.server import build_server
from api.tgi.bodies import GenerateBody
from api.tgi.routes import VERSION
from model.engine.scripted import ScriptedEngine
from model.errors import SamplingParamsError
from model.sampling import MAX_STOP_STRINGS, SamplingParams
from tests.api.clients import Client, api_client, build_service, client_of
from tests.servers import PROJECT

GOLDEN = Path(__file__).parents[1] / "golden" / "tgi"
FIM = "<fim_prefix>a\n    SAY: return 1<fim_suffix>\nb<fim_middle>"


@pytest.fixture
async def client() -> AsyncIterator[Client]:
    async with api_client() as client:
        yield client


@pytest.mark.parametrize("name", sorted(path.stem for path in GOLDEN.glob("*.json")))
async def test_what_clients_send_is_answered_as_on_record(client: Client, name: str) -> None:
    golden = json.loads((GOLDEN / f"{name}.json").read_text(encoding="utf-8"))
    response = await client.request(golden["method"], golden["path"], json=golden["request"])
    assert response.status_code == golden["status"]
    if "answer" in golden:
        assert response.headers["content-type"] == "application/json"
        assert response.json() == golden["answer"]
    else:
        assert response.headers["content-type"].startswith("text/event-stream")
        assert response.headers["x-accel-buffering"] == "no"
        assert response.content == (GOLDEN / f"{name}.txt").read_bytes()


def test_every_recorded_stream_has_a_request() -> None:
    assert all(path.with_suffix(".json").exists() for path in GOLDEN.glob("*.txt"))


def read_by_llm_ls(backend: str, text: str) -> str:
    """What llm-ls takes from an answer, or the error that it shows (backend.rs, `parse_*_text`)."""
    answer = json.loads(text)
    if isinstance(answer, list):
        assert backend != "tgi", "You are attempting to parse a result in the API inference format"
        return str(answer[0]["generated_text"])
    if "generated_text" in answer:
        return str(answer["generated_text"])
    error = answer["error"]
    assert isinstance(error, str)
    return error


@pytest.mark.parametrize(
    ("backend", "path"), [("tgi", "/generate"), ("huggingface", "/models/bigcode/starcoder")]
)
async def test_llm_ls_gets_the_middle_and_nothing_else(
    client: Client, backend: str, path: str
) -> None:
    for parameters in (
        {"max_new_tokens": 60, "temperature": 0.2, "top_p": 0.95, "return_full_text": False},
        {"parameters": {"return_full_text": False}},
    ):
        response = await client.post(path, json={"inputs": FIM, "parameters": parameters})
        assert read_by_llm_ls(backend, response.text) == "return 1"


@pytest.mark.parametrize("path", ["/generate", "/generate_stream", "/models/bigcode/starcoder"])
@pytest.mark.parametrize(
    "body", ["{", "[]", '{"inputs": 1}', '{"inputs": ""}', '{"inputs": "a", "parameters": 1}']
)
async def test_llm_ls_can_read_what_is_wrong_with_a_body(
    client: Client, path: str, body: str
) -> None:
    response = await client.post(path, content=body, headers={"content-type": "application/json"})
    assert response.status_code == 422
    assert response.json()["error_type"] == "validation"
    assert read_by_llm_ls("tgi", response.text)


async def test_infill_tokens_in_a_prompt_are_tokens_and_other_markup_is_text(
    client: Client,
) -> None:
    for prompt, num_tokens in (("<fim_prefix>ab<fim_suffix>c<fim_middle>", 6), ("<|end|>", 7)):
        response = await client.post("/generate", json={"inputs": prompt})
        assert response.headers["x-prompt-tokens"] == str(num_tokens)


async def test_the_full_text_is_the_prompt_as_it_was_sent_and_the_middle(client: Client) -> None:
    body = {"inputs": FIM, "parameters": {"return_full_text": True}}
    response = await client.post("/generate", json=body)
    assert response.json() == {"generated_text": FIM + "return 1"}


async def test_without_a_length_a_completion_is_as_long_as_editors_like_it(client: Client) -> None:
    response = await client.post("/generate", json={"inputs": "SAY: " + "x" * 500})
    assert response.json()["generated_text"] == "x" * 128


async def test_a_length_over_the_context_is_cut_to_what_is_left(client: Client) -> None:
    prompt = "SAY: " + "x" * 5000
    body = {"inputs": prompt, "parameters": {"max_new_tokens": 9000, "details": True}}
    response = await client.post("/generate", json=body)
    details = response.json()["details"]
    assert details["finish_reason"] == "length"
    assert details["generated_tokens"] == 8192 - len(prompt)


async def test_a_prompt_over_the_context_is_refused_with_the_numbers_unless_truncate_is_set(
    client: Client,
) -> None:
    prompt = "x" * 9000 + "SAY: 1"
    response = await client.post("/generate", json={"inputs": prompt})
    assert response.status_code == 422
    assert "9,006 tokens long, 815 over the 8,191" in response.json()["error"]
    for truncate, num_tokens in ((100, 100), (20_000, 8064)):
        body = {"inputs": prompt, "parameters": {"truncate": truncate}}
        response = await client.post("/generate", json=body)
        assert response.json() == {"generated_text": "1"}
        assert response.headers["x-prompt-tokens"] == str(num_tokens)


async def test_the_headers_tell_what_it_cost(client: Client) -> None:
    body = {"inputs": "SAY: é", "parameters": {"max_new_tokens": 20}}
    for path in ("/generate", "/"):
        headers = (await client.post(path, json=body)).headers
        assert headers["x-compute-type"] == "cpu"
        assert headers["x-compute-characters"] == "6"
        assert headers["x-prompt-tokens"] == "7"
        assert headers["x-generated-tokens"] == "3"
        assert float(headers["x-compute-time"]) > 0
        for name in ("total-time", "validation-time", "queue-time", "inference-time"):
            assert int(headers[f"x-{name}"]) >= 0
        assert int(headers["x-time-per-token"]) <= int(headers["x-inference-time"])
    assert (await client.post("/generate_stream", json=body)).headers["x-compute-type"] == "cpu"


def sampling(**parameters: Any) -> SamplingParams:
    body = GenerateBody.model_validate({"inputs": "a", "parameters": parameters})
    return body.request(wants_logprobs=False).params


@pytest.mark.parametrize(
    ("parameters", "temperature", "top_k", "top_p"),
    [
        ({"temperature": 0.2, "top_p": 0.95}, 0.2, 0, 0.95),
        ({"temperature": 0.2, "do_sample": False}, 0.2, 0, 1),
        ({"do_sample": True}, 1, 0, 1),
        ({"top_k": 10}, 1, 10, 1),
        ({"top_p": 0.5}, 1, 0, 0.5),
        ({"typical_p": 0.9}, 1, 0, 1),
        ({"temperature": 1, "top_p": 1, "top_k": 0}, 1, 0, 1),
    ],
)
def test_a_sampling_parameter_means_sampling_and_the_others_are_off(
    parameters: dict[str, Any], temperature: float, top_k: int, top_p: float
) -> None:
    params = sampling(**parameters)
    assert (params.temperature, params.top_k, params.top_p) == (temperature, top_k, top_p)
    assert params.min_p == 0
    assert params.repetition_penalty == 1


def test_what_langchain_sends_unasked_is_taken() -> None:
    """Its `HuggingFaceEndpoint` has defaults of its own for these."""
    params = sampling(temperature=0.8, repetition_penalty=None, top_k=None, typical_p=0.95)
    assert (params.temperature, params.typical_p) == (0.8, 0.95)


@pytest.mark.parametrize(
    "parameters",
    [
        {},
        {"do_sample": False},
        {"temperature": 0},
        {"temperature": 0, "do_sample": True, "top_p": 0.95},
        {"temperature": None, "top_p": None, "max_new_tokens": None},
    ],
)
def test_without_one_or_at_temperature_zero_it_is_greedy(parameters: dict[str, Any]) -> None:
    assert sampling(**parameters).is_greedy


def test_what_else_is_served_reaches_the_model() -> None:
    params = sampling(
        repetition_penalty=1.2, max_new_tokens=7, stop=["a", "b"], stop_sequences=["b", "c"], seed=3
    )
    assert params.repetition_penalty == 1.2
    assert params.max_new_tokens == 7
    assert params.stop == ("a", "b", "c")
    assert params.seed == 3
    assert sampling() == SamplingParams(temperature=0, top_p=0.95, max_new_tokens=128)


@pytest.mark.parametrize("wants_logprobs", [True, False])
def test_log_probabilities_are_asked_for_where_they_are_told(wants_logprobs: bool) -> None:
    for parameters, num in (({}, 0), ({"top_n_tokens": 5}, 5)):
        body = GenerateBody.model_validate({"inputs": "a", "parameters": parameters})
        logprobs = body.request(wants_logprobs=wants_logprobs).params.logprobs
        assert logprobs == (num if wants_logprobs else None)


@pytest.mark.parametrize(
    "parameters",
    [
        {"best_of": 2},
        {"frequency_penalty": 0.5},
        {"watermark": True},
        {"decoder_input_details": True},
        {"grammar": {"type": "json", "value": {}}},
        {"adapter_id": "a/b"},
        {"num_return_sequences": 2},
        {"max_length": 20},
    ],
    ids=lambda parameters: next(iter(parameters)),
)
async def test_what_is_not_served_is_refused_by_name(
    client: Client, parameters: dict[str, Any]
) -> None:
    [name] = parameters
    for path in ("/generate", "/generate_stream", "/", "/models/bigcode/starcoder"):
        response = await client.post(path, json={"inputs": "a", "parameters": parameters})
        assert response.status_code == 422
        assert f"'{name}'" in response.json()["error"]


@pytest.mark.parametrize(
    "parameters",
    [
        {"best_of": 1, "typical_p": 1.0, "frequency_penalty": 0, "watermark": False},
        {"decoder_input_details": False, "grammar": None, "adapter_id": None},
    ],
)
async def test_the_same_is_taken_where_it_asks_for_nothing(
    client: Client, parameters: dict[str, Any]
) -> None:
    response = await client.post("/generate", json={"inputs": "SAY: 1", "parameters": parameters})
    assert response.json() == {"generated_text": "1"}


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("temperature", -0.1),
        ("temperature", "hot"),
        ("temperature", True),
        ("top_p", 0),
        ("top_p", 1.1),
        ("typical_p", 0),
        ("typical_p", 1.5),
        ("top_k", -1),
        ("top_k", 1.5),
        ("repetition_penalty", 0),
        ("max_new_tokens", 0),
        ("max_new_tokens", "60"),
        ("seed", -1),
        ("seed", 2**64),
        ("truncate", 0),
        ("stop", [""]),
        ("stop", "\n"),
        ("stop", [str(number) for number in range(MAX_STOP_STRINGS + 1)]),
        ("top_n_tokens", -1),
        ("top_n_tokens", 21),
        ("details", "yes"),
        ("do_sample", 1),
    ],
)
def test_a_value_that_means_nothing_is_refused_by_its_field(field: str, value: Any) -> None:
    with pytest.raises((ValidationError, SamplingParamsError)) as refusal:
        sampling(**{field: value})
    if isinstance(refusal.value, SamplingParamsError):
        assert refusal.value.field == field
    else:
        assert refusal.value.errors()[0]["loc"][:2] == ("parameters", field)


async def test_while_the_model_loads_llm_vscode_is_told_so_in_the_words_that_it_knows() -> None:
    service = build_service(ScriptedEngine(load_seconds=0.3))
    async with client_of(build_server(service, max_body_bytes=10_000, is_public=False)) as client:
        for path in ("/generate", "/generate_stream", "/models/bigcode/starcoder", "/"):
            response = await client.post(path, json={"inputs": "a"})
            assert response.status_code == 503
            assert "is currently loading" in response.json()["error"]
            assert response.json()["estimated_time"] > 0
        assert (await client.get("/info")).status_code == 503


@pytest.mark.parametrize(
    ("prompt", "status", "error_type"), [("FAIL", 424, "generation"), ("OOM", 503, "unavailable")]
)
async def test_a_model_that_fails_is_an_error_of_the_generation(
    client: Client, prompt: str, status: int, error_type: str
) -> None:
    body = {"inputs": prompt, "parameters": {"max_new_tokens": 1000}}
    response = await client.post("/generate", json=body)
    assert response.status_code == status
    assert response.json()["error_type"] == error_type


async def test_what_the_deadline_cuts_off_was_too_long() -> None:
    engine = ScriptedEngine(tokens_per_second=100)
    async with api_client(engine, deadline=0.5) as client:
        body = {"inputs": "SAY: " + "x" * 100, "parameters": {"details": True}}
        generated = (await client.post("/generate", json=body)).json()
        assert generated["details"]["finish_reason"] == "length"
        assert 0 < len(generated["generated_text"]) < 100
        stream = await client.post("/generate_stream", json=body)
        last = json.loads(stream.text.strip().splitlines()[-1].removeprefix("data:"))
        assert last["details"]["finish_reason"] == "length"


async def test_time_that_is_up_before_the_first_token_is_an_error() -> None:
    async with api_client(ScriptedEngine(tokens_per_second=40), deadline=0.2) as client:
        for path in ("/generate", "/generate_stream"):
            response = await client.post(path, json={"inputs": "SAY: 1"})
            assert "Time was up before the first token." in response.text


async def test_the_page_stays_at_the_root_for_browsers(client: Client) -> None:
    assert (await client.get("/")).status_code in (404, 405), "only the page answers there"


def test_the_version_that_info_tells_is_the_projects() -> None:
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))
    assert project["project"]["version"] == VERSION

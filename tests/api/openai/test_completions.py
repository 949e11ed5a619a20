"""`POST /v1/completions` over the scripted engine: what is asked of the model, and what is not."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from api.openai.bodies import MAX_CHOICES
from api.server import build_server
from model.engine.generation import Generation, GenerationRequest
from model.engine.scripted import ScriptedEngine
from tests.api.clients import Client, api_client, build_service, client_of, wait_until_ready
from tests.api.hang_up import become_idle, post_and_hang_up
from tests.api.openai.wire_files import events_of, put_together, taken_apart
from tests.api.tokenized import ContinuingEngine, TokenizedEngine, hub_preset
from tests.checkpoints import STARCODER2_TOKENS, write_tokenizer

PATH = "/v1/completions"
PREFIX, MIDDLE, SUFFIX = 257, 258, 259


class WatchedEngine(ScriptedEngine):
    """Keeps what it was asked."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.asked: list[GenerationRequest] = []

    def submit(self, request: GenerationRequest, client: str) -> Generation:
        self.asked.append(request)
        return super().submit(request, client)


async def refusal(client: Client, body: dict[str, Any]) -> dict[str, Any]:
    response = await client.post(PATH, json=body)
    assert response.status_code == 400, response.text
    error: dict[str, Any] = response.json()["error"]
    return error


async def asked(body: dict[str, Any]) -> list[GenerationRequest]:
    engine = WatchedEngine()
    async with api_client(engine) as client:
        response = await client.post(PATH, json=body)
        assert response.status_code == 200, response.text
    return engine.asked


@pytest.mark.parametrize(
    "body",
    [
        {"prompt": "SAY: é and 𝒳"},
        {"prompt": "SAY: é and 𝒳", "suffix": "\n"},
        {"prompt": ["SAY: a", "SAY: b. c"], "n": 2, "logprobs": 2, "stop": [". "], "seed": 1},
        {"prompt": "SAY: no stop. at all", "logprobs": 1, "stop": [". b", "ll"]},
        {"prompt": "x", "max_tokens": 7, "logprobs": 0},
        {"prompt": "SAY: x", "echo": True},
        {"prompt": [83, 65, 89, 58, 32, 104], "echo": True},
    ],
    ids=json.dumps,
)
async def test_what_is_streamed_is_what_is_answered_whole(body: dict[str, Any]) -> None:
    body = body | {"temperature": 0}
    async with api_client() as client:
        whole = taken_apart((await client.post(PATH, json=body)).json())
        events = events_of(await client.post(PATH, json=body | {"stream": True}))
    assert put_together(events) == whole
    assert len({event["id"] for event in events}) == 1


async def test_a_suffix_makes_it_infill_and_spelt_tokens_are_text_then() -> None:
    prompt = "a<fim_middle>"
    [request] = await asked({"prompt": prompt, "suffix": "b"})
    assert request.prompt_ids == (PREFIX, *prompt.encode(), SUFFIX, ord("b"), MIDDLE)


async def test_without_a_suffix_spelt_tokens_are_tokens() -> None:
    [request] = await asked({"prompt": "<fim_prefix>a<fim_suffix>b<fim_middle>"})
    assert request.prompt_ids == (PREFIX, ord("a"), SUFFIX, ord("b"), MIDDLE)


async def test_an_empty_suffix_continues_and_spelt_tokens_are_text() -> None:
    prompt = "a<fim_middle>"
    [request] = await asked({"prompt": prompt, "suffix": ""})
    assert request.prompt_ids == tuple(prompt.encode())


async def test_token_ids_reach_the_model_as_they_are() -> None:
    requests = await asked({"prompt": [[97, PREFIX], [98]]})
    assert [request.prompt_ids for request in requests] == [(97, PREFIX), (98,)]


async def test_editors_that_name_no_length_get_one_that_suits_code() -> None:
    [request] = await asked({"prompt": "x"})
    assert request.params.max_new_tokens == 128


async def test_choices_with_a_seed_differ_and_can_be_had_again() -> None:
    requests = await asked({"prompt": ["x", "y"], "n": 3, "seed": 2**64 - 2})
    seeds = [request.params.seed for request in requests]
    assert seeds == [2**64 - 2, 2**64 - 1, 0] * 2


async def test_llm_lss_nested_parameters_count_unless_the_body_says_otherwise() -> None:
    nested = {"max_new_tokens": 60, "temperature": 0.3, "top_p": 0.9, "do_sample": True}
    [request] = await asked({"prompt": "x", "parameters": nested, "top_p": 0.8})
    params = request.params
    assert (params.max_new_tokens, params.temperature, params.top_p) == (60, 0.3, 0.8)


async def test_llm_ls_may_ask_not_to_sample() -> None:
    greedy, sampled = [
        (await asked({"prompt": "x", "parameters": {"do_sample": False} | more}))[0].params
        for more in ({}, {"temperature": 0.3})
    ]
    assert (greedy.temperature, sampled.temperature) == (0.0, 0.3)


async def test_further_settings_of_other_servers_count() -> None:
    [request] = await asked(
        {"prompt": "x", "top_k": 5, "min_p": 0.1, "repetition_penalty": 1.2, "seed": -1}
    )
    params = request.params
    assert (params.top_k, params.min_p, params.repetition_penalty) == (5, 0.1, 1.2)
    assert params.seed is None


async def test_null_is_the_same_as_nothing() -> None:
    fields = ("suffix", "max_tokens", "temperature", "top_p", "n", "best_of", "echo", "logprobs")
    more = ("stop", "seed", "stream", "stream_options", "logit_bias", "user", "presence_penalty")
    [request] = await asked({"prompt": "x", **dict.fromkeys((*fields, *more, "whatever"))})
    assert request.params.max_new_tokens == 128


async def test_what_asks_for_nothing_is_let_through() -> None:
    [_] = await asked(
        {
            "prompt": "x",
            "presence_penalty": 0,
            "frequency_penalty": 0.0,
            "logit_bias": {},
            "best_of": 1,
            "stop": "",
            "user": "someone",
        }
    )


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"presence_penalty": 0.1}, "presence_penalty"),
        ({"frequency_penalty": -1}, "frequency_penalty"),
        ({"frequency_penalty": False}, "frequency_penalty"),
        ({"logit_bias": {"5": 1}}, "logit_bias"),
        ({"best_of": 2}, "best_of"),
        ({"echo": True, "logprobs": 1}, "echo"),
        ({"echo": True, "suffix": "x"}, "echo"),
        ({"suffix": "x", "prompt": [1, 2]}, "suffix"),
        ({"logprobs": 6}, "logprobs"),
        ({"logprobs": True}, "logprobs"),
        ({"n": 0}, "n"),
        ({"n": MAX_CHOICES + 1}, "n"),
        ({"n": 2, "prompt": ["x"] * MAX_CHOICES}, "n"),
        ({"prompt": ["x"] * (MAX_CHOICES + 1)}, "prompt"),
        ({"prompt": None}, "prompt"),
        ({"prompt": []}, "prompt"),
        ({"prompt": ["a", 1]}, "prompt"),
        ({"prompt": [True]}, "prompt"),
        ({"prompt": [[]], "n": 2}, None),
        ({"prompt": ""}, None),
        ({"prompt": [-1]}, None),
        ({"prompt": [100_000]}, None),
        ({"prompt": "\ud800"}, None),
        ({"max_tokens": -1}, "max_tokens"),
        ({"max_tokens": "5"}, "max_tokens"),
        ({"max_tokens": 1.5}, "max_tokens"),
        ({"temperature": -0.1}, "temperature"),
        ({"temperature": float("nan")}, "temperature"),
        ({"top_p": 0}, "top_p"),
        ({"stop": ["x"] * 100}, "stop"),
        ({"stop": 5}, "stop"),
        ({"stop": ["x" * 1000]}, "stop"),
        ({"seed": 2**64}, "seed"),
        ({"stream": "yes"}, "stream"),
        ({"stream_options": {"include_usage": "yes"}}, "stream_options.include_usage"),
        ({"stream_options": {"continuous": True}}, "stream_options.continuous"),
        ({"parameters": {"typical_p": 0.5}}, "typical_p"),
        ({"parameters": 5}, "parameters"),
        ({"guided_json": {}}, "guided_json"),
    ],
    ids=repr,
)
async def test_what_is_not_served_is_refused_by_its_name(
    body: dict[str, Any], field: str | None
) -> None:
    content = json.dumps({"prompt": "secret"} | body)
    headers = {"content-type": "application/json"}
    async with api_client() as client:
        response = await client.post(PATH, content=content, headers=headers)
    assert response.status_code == 400, response.text
    error = response.json()["error"]
    assert error["type"] == "invalid_request_error"
    assert error["param"] == field
    assert "secret" not in response.text


async def test_a_prompt_over_the_context_is_refused_with_the_numbers() -> None:
    async with api_client() as client:
        error = await refusal(client, {"prompt": "x" * 9000, "stream": True})
    assert "9,000" in error["message"]
    assert "8,191" in error["message"]


async def test_an_answer_may_take_what_the_prompt_leaves() -> None:
    [request] = await asked({"prompt": "x" * 8000, "max_tokens": 4000})
    assert request.params.max_new_tokens == 192


async def test_a_model_that_cannot_infill_says_so_and_continues_all_the_same() -> None:
    async with api_client(ContinuingEngine()) as client:
        error = await refusal(client, {"prompt": "a", "suffix": "b"})
        response = await client.post(PATH, json={"prompt": "SAY: a"})
    assert "cannot infill" in error["message"]
    assert response.json()["choices"][0]["text"] == "a"


async def test_an_error_before_the_first_token_has_a_status_in_a_stream_too() -> None:
    async with api_client() as client:
        error = await refusal(client, {"prompt": "", "stream": True})
    assert error["code"] == "PromptError"


async def test_an_error_on_the_way_ends_the_stream_without_done() -> None:
    async with api_client() as client:
        response = await client.post(PATH, json={"prompt": ["SAY: a", "FAIL"], "stream": True})
    assert response.status_code == 200
    last = json.loads(response.text.strip().rpartition("data: ")[2])
    assert last["error"]["code"] == "GenerationError"
    assert last["detail"][0]["msg"] == last["error"]["message"]
    assert "[DONE]" not in response.text


async def test_an_error_of_a_whole_answer_has_a_status() -> None:
    async with api_client() as client:
        response = await client.post(PATH, json={"prompt": ["SAY: a", "FAIL"]})
    assert response.status_code == 500
    assert response.json()["error"]["type"] == "server_error"


async def test_while_the_model_loads_editors_are_told_so() -> None:
    service = build_service(ScriptedEngine(load_seconds=0.2))
    async with client_of(build_server(service, max_body_bytes=1000, is_public=False)) as client:
        response = await client.post(PATH, json={"prompt": "x"})
        assert response.status_code == 503
        assert "is currently loading" in response.json()["detail"][0]["msg"]
        assert response.headers["retry-after"] == "2"
        await wait_until_ready(service)
        assert (await client.post(PATH, json={"prompt": "x"})).status_code == 200


@pytest.mark.parametrize("body", [{}, {"stream": True}, {"n": 5}], ids=json.dumps)
async def test_a_client_that_hangs_up_frees_the_engine(body: dict[str, Any]) -> None:
    engine = WatchedEngine(tokens_per_second=200)
    service = build_service(engine)
    app = build_server(service, max_body_bytes=1000, is_public=False)
    async with client_of(app):
        await wait_until_ready(service)
        await post_and_hang_up(
            app, PATH, {"prompt": "SAY: " + "x" * 900, "max_tokens": 900} | body, after=service
        )
        await become_idle(service, 0.5)
        assert len(engine.asked) == 1


async def test_offsets_and_echo_count_the_prompt_as_it_was_sent(tmp_path: Path) -> None:
    write_tokenizer(tmp_path, STARCODER2_TOKENS)
    engine = TokenizedEngine(tmp_path, hub_preset("starcoder2-3b"))
    prompt = "<fim_prefix>a <fim_suffix><fim_middle>"
    body = {"prompt": prompt, "max_tokens": 1}
    async with api_client(engine) as client:
        echoed = (await client.post(PATH, json=body | {"echo": True})).json()
        scored = (await client.post(PATH, json=body | {"logprobs": 0})).json()
    assert echoed["choices"][0]["text"].startswith(prompt)
    assert scored["choices"][0]["logprobs"]["text_offset"] == [len(prompt)]


async def test_the_tokens_of_one_character_stand_where_it_stands() -> None:
    async with api_client() as client:
        body = {"prompt": "SAY: é€x", "logprobs": 0}
        answer = (await client.post(PATH, json=body)).json()
    start = len(body["prompt"])
    [choice] = answer["choices"]
    # Two bytes, three bytes, one byte and the end.
    offsets = [offset - start for offset in choice["logprobs"]["text_offset"]]
    assert offsets == [0, 0, 1, 1, 1, 2, 3]


async def test_a_prompt_of_ids_is_echoed_with_its_special_tokens() -> None:
    async with api_client() as client:
        ids = [257, 97, 259, 98, 258]
        body = {"prompt": ids, "echo": True, "max_tokens": 1}
        answer = (await client.post(PATH, json=body)).json()
    assert answer["choices"][0]["text"].startswith("<fim_prefix>a<fim_suffix>b<fim_middle>")

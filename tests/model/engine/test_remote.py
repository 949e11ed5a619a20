"""The remote engine against a server that does what it is told: what is asked, and what is told."""

from __future__ import annotations

import asyncio
import math
from pathlib import Path
from typing import Any

import pytest

from model.engine.events import FinishReason, Token, Usage
from model.errors import (
    CapabilityError,
    EngineClosedError,
    QueueFullError,
)
from model.fitting import fit
from model.prompts.dialogue import Message
from model.requests import ChatRequest, CompletionRequest
from model.sampling import SamplingParams
from tests.endpoint_server import (
    KEY,
    MODEL,
    EndpointServer,
    Reply,
    ending,
    piece,
)
from tests.model.engine.remotes import (
    ask,
    end_of,
    failure_of,
    load,
    loaded,
    read,
    request,
    text_of,
    until,
)

FIM_PREFIX = 257
VLLM_ROW = {"id": MODEL, "owned_by": "vllm", "max_model_len": 2048}
LLAMACPP_ROW = {"id": "model.gguf", "owned_by": "llamacpp"}


async def test_the_prompt_goes_out_as_ids_with_openais_fields(
    server: EndpointServer, folder: Path
) -> None:
    ids = (FIM_PREFIX, *b"<fim_prefix>")
    async with loaded(server, folder) as engine:
        events = await ask(engine, ids, temperature=0.5, top_p=0.9, max_new_tokens=30, seed=7)
    path, headers, body = server.asked[-1]
    assert path == "/v1/completions"
    assert headers["authorization"] == f"Bearer {KEY}"
    assert body == {
        "model": MODEL,
        "prompt": list(ids),
        "max_tokens": 30,
        "temperature": 0.5,
        "top_p": 0.9,
        "seed": 7,
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    assert text_of(events) == "one two"
    finished = end_of(events)
    assert (finished.reason, finished.usage) == (FinishReason.EOS_TOKEN, Usage(11, 0, 4))
    assert finished.seed == 7
    assert finished.timings.time_to_first_token is not None


async def test_a_drawn_seed_is_sent_and_told(server: EndpointServer, folder: Path) -> None:
    async with loaded(server, folder) as engine:
        events = await ask(engine)
    assert end_of(events).seed == server.bodies[-1]["seed"] is not None


@pytest.mark.parametrize(
    ("row", "told"),
    [
        (
            VLLM_ROW,
            {
                "top_k": -1,
                "min_p": 0.1,
                "repetition_penalty": 1.0,
                "stop_token_ids": [256, 260],
                "return_token_ids": True,
                "stream_options": {"include_usage": True, "continuous_usage_stats": True},
            },
        ),
        (
            LLAMACPP_ROW,
            {"top_k": 0, "min_p": 0.1, "repeat_penalty": 1.0, "repeat_last_n": -1},
        ),
        ({"id": MODEL, "owned_by": "somebody"}, {"min_p": 0.1}),
    ],
)
async def test_a_server_that_is_known_is_told_every_setting_in_its_own_words(
    server: EndpointServer, folder: Path, row: dict[str, Any], told: dict[str, Any]
) -> None:
    server.models = [row | {"max_model_len": 2048}]
    async with loaded(server, folder) as engine:
        await ask(engine, min_p=0.1, stop_token_ids=(256, 260))
    body = server.bodies[-1]
    assert {name: body.get(name) for name in told} == told
    assert ("top_k" in body) == ("owned_by" in row and row["owned_by"] != "somebody")


async def test_ids_that_are_told_make_the_tokens_and_the_text(
    server: EndpointServer, folder: Path
) -> None:
    server.models = [VLLM_ROW]
    e_acute = list("é".encode())
    server.replies.append(
        Reply(
            [
                piece("", token_ids=e_acute[:1]),
                piece("é!", token_ids=[*e_acute[1:], ord("!")]),
                {
                    "choices": [{"text": "", "token_ids": [256], "finish_reason": "stop"}],
                    "usage": {"prompt_tokens": 2, "completion_tokens": 4},
                },
            ]
        )
    )
    async with loaded(server, folder) as engine:
        events = await ask(engine)
    tokens = [(each.id, each.text) for each in events if isinstance(each, Token)]
    assert tokens == [(0xC3, ""), (0xA9, "é"), (33, "!"), (256, "")]
    assert end_of(events).usage == Usage(2, 0, 4)


async def test_where_no_ids_are_told_the_text_has_those_that_spell_it(
    server: EndpointServer, folder: Path
) -> None:
    server.replies.append(Reply([piece("ab"), ending("length")]))
    async with loaded(server, folder) as engine:
        events = await ask(engine)
    tokens = [(each.id, each.text) for each in events if isinstance(each, Token)]
    assert tokens == [(97, ""), (98, "ab")]
    assert end_of(events).reason is FinishReason.LENGTH


async def test_a_stop_string_ends_the_text_before_it_and_the_connection(
    server: EndpointServer, folder: Path
) -> None:
    server.replies.append(Reply([piece("one t"), piece("wo three")], then="wait"))
    async with loaded(server, folder) as engine:
        events = await ask(engine, stop=("two",))
        assert text_of(events) == "one "
        assert end_of(events).reason is FinishReason.STOP_SEQUENCE
        assert await asyncio.to_thread(server.is_left.wait, 10)
    assert "stop" not in server.bodies[-1]


async def test_log_probabilities_name_tokens_by_id(server: EndpointServer, folder: Path) -> None:
    server.models = [VLLM_ROW]
    scores = {
        "tokens": ["token_id:97"],
        "token_logprobs": [-0.5],
        "top_logprobs": [{"token_id:98": -0.25, "token_id:97": -0.5}],
    }
    server.replies.append(Reply([piece("a", logprobs=scores), ending()]))
    async with loaded(server, folder) as engine:
        assert engine.capabilities.alternatives
        events = await ask(engine, logprobs=1)
    [token] = [each for each in events if isinstance(each, Token)]
    assert (token.id, token.text, token.logprob) == (97, "a", -0.5)
    assert [(each.id, each.text, each.logprob) for each in token.alternatives] == [(98, "b", -0.25)]
    body = server.bodies[-1]
    assert (body["logprobs"], body["return_tokens_as_token_ids"]) == (1, True)
    assert "return_token_ids" not in body


async def test_llamacpps_form_of_log_probabilities_is_read(
    server: EndpointServer, folder: Path
) -> None:
    server.models = [LLAMACPP_ROW | {"max_model_len": 100}]
    top = {"id": 97, "logprob": math.log(0.5)}
    content = [{**top, "top_logprobs": [top, {"id": 98, "logprob": math.log(0.25)}]}]
    server.replies.append(Reply([piece("a", logprobs={"content": content}), ending()]))
    async with loaded(server, folder) as engine:
        events = await ask(engine, logprobs=2)
    [token] = [each for each in events if isinstance(each, Token)]
    assert [each.id for each in token.alternatives] == [97, 98]


async def test_log_probabilities_that_are_not_given_are_refused(
    server: EndpointServer, folder: Path
) -> None:
    async with loaded(server, folder) as engine:
        assert not engine.capabilities.alternatives
        with pytest.raises(CapabilityError, match="does not tell how likely"):
            engine.submit(request(logprobs=1), "test")
    assert server.asked == []
    server.models = [VLLM_ROW]  # ... or something that says it is one
    async with loaded(server, folder) as engine:
        assert "does not tell" in failure_of(await ask(engine, logprobs=1)).message


async def test_a_setting_that_the_server_cannot_know_is_refused(
    server: EndpointServer, folder: Path
) -> None:
    async with loaded(server, folder) as engine:
        with pytest.raises(CapabilityError, match="typical-p"):
            engine.submit(request(typical_p=0.5), "test")


async def test_a_server_of_text_gets_the_prompt_as_text_and_is_remembered(
    server: EndpointServer, folder: Path
) -> None:
    server.takes_ids = False
    async with loaded(server, folder) as engine:
        for _ in range(2):
            events = await ask(engine, (FIM_PREFIX, *b"x < y"))
            assert text_of(events) == "one two"
    prompts = [body["prompt"] for body in server.bodies]
    assert prompts == [[257, *b"x < y"], "<fim_prefix>x < y", "<fim_prefix>x < y"]


@pytest.mark.parametrize("typed", ["a <fim_suffix> b", "<|endoftext|>"])
async def test_a_text_that_spells_a_special_token_is_no_text_for_it(
    server: EndpointServer, folder: Path, typed: str
) -> None:
    server.takes_ids = False
    async with loaded(server, folder) as engine:
        error = failure_of(await ask(engine, (FIM_PREFIX, *typed.encode())))
    assert isinstance(error, CapabilityError)
    assert "token ids" in error.advice
    assert all(not isinstance(body["prompt"], str) for body in server.bodies)


async def test_a_refusal_of_the_request_itself_is_told_and_no_reason_to_send_text(
    server: EndpointServer, folder: Path
) -> None:
    too_long = Reply(
        [b'{"error": {"message": "The context is 4096 tokens."}}'], status=400, media_type="x/json"
    )
    server.replies.extend([too_long, too_long])
    async with loaded(server, folder) as engine:
        assert "4096 tokens" in failure_of(await ask(engine)).message
        await ask(engine)
    assert isinstance(server.bodies[-1]["prompt"], list)


async def test_without_tokenizer_files_a_chat_goes_as_messages(server: EndpointServer) -> None:
    async with loaded(server, None) as engine:
        resident = await asyncio.to_thread(load, engine, None)
        assert resident.infill is None
        assert resident.dialogue is not None
        turns = (Message("user", "hi"), Message("assistant", "yes?"), Message("user", "<|end|>"))
        chat = ChatRequest("Be brief.", turns, SamplingParams(stop=("o t",)))
        fitted = fit(chat, resident, overflow="refuse")
        server.replies.append(
            Reply([{"choices": [{"delta": {"content": "no two", "role": "assistant"}}]}])
        )
        events = await read(engine.submit(fitted.generation, "test"))
    path, _, body = server.asked[-1]
    assert path == "/v1/chat/completions"
    assert body["messages"] == [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "hi"},
        {"role": "assistant", "content": "yes?"},
        {"role": "user", "content": "<|end|>"},
    ]
    assert "prompt" not in body
    assert text_of(events) == "n"


@pytest.mark.parametrize(
    ("typed", "is_sent"),
    [("x < y > z", True), ("List<String> a", True), ("a<fim_suffix>b", False), ("<|x|>", False)],
)
async def test_without_tokenizer_files_a_text_is_sent_that_spells_nothing(
    server: EndpointServer, typed: str, is_sent: bool
) -> None:
    async with loaded(server, None) as engine:
        events = await ask(engine, map(ord, typed))
    if is_sent:
        assert server.bodies[-1]["prompt"] == typed
        assert text_of(events) == "one two"
    else:
        assert isinstance(failure_of(events), CapabilityError)
        assert server.asked == []


@pytest.mark.parametrize("can_heal", [True, False])
async def test_white_space_is_healed_where_this_app_says_that_it_can(
    server: EndpointServer, folder: Path, can_heal: bool
) -> None:
    told = {"infill": True, "completion": True, "chat": True} | (
        {"heals": True} if can_heal else {}
    )
    server.models = [{"id": MODEL, "max_model_len": 100, "capabilities": told}]
    server.replies.append(Reply([piece(" a", token_ids=[32, 97]), ending()]))
    async with loaded(server, folder) as engine:
        resident = await asyncio.to_thread(load, engine, folder)
        asked = fit(CompletionRequest("x ", SamplingParams()), resident, overflow="refuse")
        events = await read(engine.submit(asked.generation, "test"))
    assert server.bodies[-1]["prompt"] == list(b"x" if can_heal else b"x ")
    assert server.bodies[-1].get("healed_space") == (" " if can_heal else None)
    assert text_of(events) == ("a" if can_heal else " a")


async def test_more_than_the_server_is_given_at_once_wait_in_order(
    server: EndpointServer, folder: Path
) -> None:
    server.replies.append(Reply([piece("a")], then="wait"))
    async with loaded(server, folder, num_at_once=1, max_waiting=1) as engine:
        first = engine.submit(request(), "test")
        second = engine.submit(request(), "test")
        assert (engine.health.num_running, engine.health.num_waiting) == (1, 1)
        with pytest.raises(QueueFullError):
            engine.submit(request(), "test")
        await until(lambda: server.num_open)
        first.cancel()
        assert end_of(await read(first)).reason is FinishReason.CANCELLED
        assert text_of(await read(second)) == "one two"
        assert (engine.health.num_running, engine.health.num_waiting) == (0, 0)


async def test_several_run_side_by_side(server: EndpointServer, folder: Path) -> None:
    server.replies.append(Reply([piece("a")], then="wait"))
    async with loaded(server, folder) as engine:
        first = engine.submit(request(), "test")
        assert text_of(await ask(engine)) == "one two"
        first.cancel()
        await read(first)


async def test_a_closed_engine_takes_nothing_and_ends_what_runs(
    server: EndpointServer, folder: Path
) -> None:
    server.replies.append(Reply([piece("a")], then="wait"))
    async with loaded(server, folder) as engine:
        running = engine.submit(request(), "test")
        events = asyncio.create_task(read(running))
        await until(lambda: server.num_open)
        await asyncio.to_thread(engine.close)
        assert end_of(await events).reason is FinishReason.CANCELLED
        assert await asyncio.to_thread(server.is_left.wait, 10)
        with pytest.raises(EngineClosedError):
            engine.submit(request(), "test")
        assert not engine.health.is_alive

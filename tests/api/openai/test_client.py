"""The `openai` package against the running app, as a person would use it."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import openai
import pytest
from openai import AsyncOpenAI, OpenAI

from tests.servers import RunningApp

QUESTION = {"role": "user", "content": "SAY: Hello, é"}


@pytest.fixture
def client(scripted_app: RunningApp) -> Iterator[OpenAI]:
    with OpenAI(base_url=f"{scripted_app.url}/v1", api_key="none", max_retries=0) as client:
        yield client


def ask(client: OpenAI, **options: object) -> str:
    answer = client.completions.create(prompt="SAY: x = 1", temperature=0, **options)
    return answer.choices[0].text


def test_a_completion_with_a_suffix(client: OpenAI) -> None:
    answer = client.completions.create(
        model="bigcode/starcoder",
        prompt="def f():\n    SAY: return 1",
        suffix="\n\nf()\n",
        max_tokens=20,
        logprobs=1,
    )
    assert answer.choices[0].text == "return 1"
    assert answer.choices[0].finish_reason == "stop"
    assert answer.choices[0].logprobs is not None
    assert answer.choices[0].logprobs.tokens[:6] == list("return")
    assert answer.usage is not None
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens


def test_a_streamed_completion(client: OpenAI) -> None:
    stream = client.completions.create(
        model="base",
        prompt="SAY: x = 1",
        stream=True,
        stream_options={"include_usage": True},
        extra_body={"top_k": 10},
    )
    *events, last = list(stream)
    assert "".join(event.choices[0].text for event in events) == "x = 1"
    assert events[-1].choices[0].finish_reason == "stop"
    assert last.choices == []
    assert last.usage is not None
    assert last.usage.prompt_tokens == 10


def test_a_chat(client: OpenAI) -> None:
    answer = client.chat.completions.create(model="chat", messages=[QUESTION], n=2)
    assert [choice.message.content for choice in answer.choices] == ["Hello, é"] * 2
    assert answer.choices[0].message.role == "assistant"


async def test_a_streamed_chat_of_the_asynchronous_client(scripted_app: RunningApp) -> None:
    async with AsyncOpenAI(base_url=f"{scripted_app.url}/v1", api_key="none") as client:
        stream = await client.chat.completions.create(
            model="chat", messages=[QUESTION], stream=True, logprobs=True, top_logprobs=2
        )
        deltas = [event.choices[0] async for event in stream]
        answer = await client.completions.create(model="base", prompt="SAY: y", suffix="z")
    assert deltas[0].delta.role == "assistant"
    assert "".join(each.delta.content or "" for each in deltas) == "Hello, é"
    assert deltas[-1].finish_reason == "stop"
    assert answer.choices[0].text == "y"


def test_the_models_and_one_of_them(client: OpenAI) -> None:
    ids = [model.id for model in client.models.list()]
    assert len(ids) == 2
    assert client.models.retrieve(ids[0]).id == ids[0]


def test_errors_are_the_exceptions_of_the_package(client: OpenAI) -> None:
    with pytest.raises(openai.NotFoundError, match="gpt-4") as unknown:
        ask(client, model="gpt-4")
    assert (unknown.value.code, unknown.value.param) == ("model_not_found", "model")
    with pytest.raises(openai.BadRequestError, match="logit_bias") as refused:
        ask(client, model="base", logit_bias={"5": 1})
    assert refused.value.type == "invalid_request_error"
    with pytest.raises(openai.NotFoundError):
        client.embeddings.create(model="base", input="x")
    with pytest.raises(openai.InternalServerError, match="The script failed"):
        client.chat.completions.create(
            model="chat", messages=[{"role": "user", "content": "FAIL"}], max_tokens=900
        )


def test_an_error_on_the_way_is_raised_while_the_stream_is_read(client: OpenAI) -> None:
    stream = client.completions.create(model="base", prompt="FAIL", stream=True, max_tokens=900)
    first = next(stream)
    assert first.choices[0].text
    with pytest.raises(openai.APIError, match="The script failed"):
        list(stream)


@pytest.mark.real
def test_the_embedded_model_fills_in_and_chats(local_app: RunningApp) -> None:
    with OpenAI(base_url=f"{local_app.url}/v1", api_key="none", timeout=120) as client:
        infill = {
            "model": "embedded",
            "prompt": "def add(a, b):\n    return ",
            "suffix": "\n\nprint(add(1, 2))\n",
            "max_tokens": 24,
            "temperature": 0,
        }
        whole = client.completions.create(**infill, logprobs=2)
        streamed = list(client.completions.create(**infill, stream=True))
        chat = client.chat.completions.create(
            model="embedded",
            messages=[{"role": "user", "content": "Say hello."}],
            max_tokens=16,
            temperature=0,
        )
    choice = whole.choices[0]
    assert choice.text == "a + b"
    assert "".join(event.choices[0].text for event in streamed) == choice.text
    assert choice.logprobs is not None
    assert all(logprob <= 0 for logprob in choice.logprobs.token_logprobs)
    assert whole.model == "embedded-base"
    assert chat.model == "embedded-chat"
    assert chat.choices[0].message.content


@pytest.mark.real
@pytest.mark.timeout(600)
def test_what_the_embedded_model_cannot_serve_is_an_exception_that_says_what(
    local_app: RunningApp,
) -> None:
    with OpenAI(base_url=f"{local_app.url}/v1", api_key="none", max_retries=0) as client:
        window = httpx.get(f"{local_app.url}/info").json()["max_total_tokens"]
        words = {"role": "user", "content": "one " * (window + 100)}
        with pytest.raises(openai.BadRequestError, match="logit_bias is not served") as refused:
            ask(client, model="embedded", logit_bias={"5": 1})
        with pytest.raises(openai.NotFoundError, match="There is no model 'gpt-4'") as unknown:
            ask(client, model="gpt-4")
        with pytest.raises(openai.BadRequestError) as long:
            client.completions.create(model="embedded", prompt=[97] * (window + 100), max_tokens=1)
        with pytest.raises(openai.BadRequestError) as long_chat:
            client.chat.completions.create(model="embedded", messages=[words], max_tokens=1)
    assert (refused.value.param, refused.value.status_code) == ("logit_bias", 400)
    assert "embedded-base" in unknown.value.message
    assert (unknown.value.param, unknown.value.code) == ("model", "model_not_found")
    assert f"{window + 100:,} tokens long, 101 over the {window - 1:,}" in long.value.message
    assert f" over the {window - 1:,} " in long_chat.value.message
    assert long.value.code == long_chat.value.code == "ContextLengthError"

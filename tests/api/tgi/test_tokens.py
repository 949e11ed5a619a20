"""Tokens as TGI tells them: of an answer, and of a text with their places."""

from __future__ import annotations

import math
from collections.abc import AsyncIterator
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.tgi.answers import Transcript
from api.tgi.bodies import GenerateBody
from api.tgi.tokens import LastSteps, TokenStep, place_tokens, token_steps
from model.engine.base import ResidentModel
from model.engine.events import Alternative, Finished, FinishReason, Timings, Token, Usage
from model.engine.scripted import END_OF_TEXT, ByteTokenizer
from model.prompts.segments import Special, Text
from model.tokenization import PromptTokenizer
from tests import checkpoints
from tests.api.clients import api_client
from tests.model.residents import build_resident

TOKENIZER = ByteTokenizer()
END = TOKENIZER.special_id(END_OF_TEXT)
PLAIN_TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)


def finished(reason: FinishReason, num_tokens: int = 1) -> Finished:
    return Finished(reason, Usage(5, 0, num_tokens), Timings(0.1, 0.2, 0.5), seed=9)


async def steps_of(
    *tokens: Token, tokenizer: PromptTokenizer = TOKENIZER
) -> tuple[list[list[TokenStep]], list[TokenStep]]:
    """What is told after each token, and all of it."""

    async def events() -> AsyncIterator[Token | Finished]:
        for token in tokens:
            told_after.append([])
            yield token
        yield finished(FinishReason.LENGTH)

    told_after: list[list[TokenStep]] = []
    every: list[TokenStep] = []
    async for step in token_steps(events(), tokenizer):
        if isinstance(step, LastSteps):
            every.extend(step.steps)
        else:
            told_after[-1].append(step)
            every.append(step)
    return told_after, every


async def test_a_token_is_told_when_the_next_one_is_there() -> None:
    told_after, every = await steps_of(Token(97, "a"), Token(98, "b"), Token(99, "c"))
    assert [[step.text for step in steps] for steps in told_after] == [[], ["a"], ["b"]]
    assert [step.text for step in every] == ["a", "b", "c"]


async def test_a_special_token_is_told_by_its_spelling() -> None:
    _, every = await steps_of(Token(97, "a"), Token(END, "", logprob=-0.5))
    assert every[-1].body == {
        "id": END,
        "text": "<|endoftext|>",
        "logprob": -0.5,
        "special": True,
    }


@pytest.mark.parametrize(
    "tokens",
    [
        [Token(97, "a"), Token(10, ""), Token(None, "\n")],
        [Token(97, "a"), Token(10, ""), Token(END, ""), Token(None, "\n")],
        [Token(97, "a"), Token(10, ""), Token(END, "\n")],
        [Token(97, "a"), Token(10, ""), Token(END, ""), Token(END, ""), Token(None, "\n")],
    ],
)
async def test_text_that_is_set_free_late_belongs_to_the_last_token_with_a_text(
    tokens: list[Token],
) -> None:
    _, every = await steps_of(*tokens)
    assert [step.text for step in every if not step.is_special] == ["a", "\n"]
    assert [step.id for step in every] == [token.id for token in tokens if token.id is not None]


async def test_no_log_probability_breaks_the_json() -> None:
    infinite = Alternative(98, "b", -math.inf)
    _, [step] = await steps_of(Token(97, "a", -math.inf, (infinite,)))
    assert step.body["logprob"] == -9999.0
    assert step.alternative_bodies(TOKENIZER)[0]["logprob"] == -9999.0


def resident(device: str = "cpu") -> ResidentModel:
    return cast(Any, type("Resident", (), {"tokenizer": TOKENIZER, "device": device}))


def transcript(*steps: TokenStep, **parameters: Any) -> Transcript:
    body = GenerateBody.model_validate(
        {"inputs": "p", "parameters": {"details": True, **parameters}}
    )
    return Transcript(body, resident(), False, list(steps))


A = TokenStep(97, "a", -0.5, False)


def test_a_stop_string_that_is_a_token_ends_the_text_as_a_stop_string() -> None:
    assert END is not None
    end = TokenStep(END, END_OF_TEXT, -0.5, True)
    ended = finished(FinishReason.EOS_TOKEN)
    for stop, reason in (([END_OF_TEXT], "stop_sequence"), ([], "eos_token")):
        whole = transcript(A, end, stop=stop).whole(ended)
        assert whole["details"]["finish_reason"] == reason
        assert whole["generated_text"] == "a"


# What is called off is an error before it comes here: `test_called_off`.
@pytest.mark.parametrize("reason", sorted(set(FinishReason) - {FinishReason.CANCELLED}))
def test_every_end_is_one_of_tgis_three(reason: FinishReason) -> None:
    told = transcript(A).whole(finished(reason))["details"]["finish_reason"]
    assert told in ("length", "eos_token", "stop_sequence")
    assert transcript(A).last_event(finished(reason))["details"]["finish_reason"] == told


def test_a_seed_is_told_where_it_was_used() -> None:
    ended = finished(FinishReason.LENGTH)
    assert transcript(A, temperature=0.5).whole(ended)["details"]["seed"] == 9
    assert transcript(A).whole(ended)["details"]["seed"] is None


def test_the_headers_count_in_milliseconds() -> None:
    headers = transcript(A).last_headers(finished(FinishReason.LENGTH, num_tokens=2), 0.75)
    assert headers["x-compute-time"] == "0.750000"
    assert headers["x-total-time"] == "750"
    assert headers["x-validation-time"] == "150"
    assert headers["x-queue-time"] == "100"
    assert headers["x-inference-time"] == "500"
    assert headers["x-time-per-token"] == "250"


class MergingTokenizer(ByteTokenizer):
    """Has a token of the last byte of "é" and the "x" after it."""

    def encode_text(self, text: str) -> list[int]:
        return [0xC3, 1000] if text == "éx" else super().encode_text(text)

    def decoder(self) -> Any:
        decoder = super().decoder()
        step = decoder.step
        decoder.step = lambda id_: step(0xA9) + "x" if id_ == 1000 else step(id_)
        return decoder


def test_a_token_that_is_a_part_of_a_character_has_the_whole_ones_place() -> None:
    assert place_tokens((Text("éx", "prompt"),), MergingTokenizer()) == [
        {"id": 0xC3, "text": "é", "start": 0, "stop": 2},
        {"id": 1000, "text": "éx", "start": 0, "stop": 3},
    ]


def test_a_tokenizer_that_changes_a_text_has_no_places_for_its_tokens() -> None:
    class Lowering(ByteTokenizer):
        def encode_text(self, text: str) -> list[int]:
            return super().encode_text(text.lower())

    middle = Special("<fim_middle>")
    assert place_tokens((middle, Text("A", "prompt"), middle), Lowering()) == [
        {"id": 258, "text": "<fim_middle>", "start": 0, "stop": 12},
        {"id": 97, "text": "a", "start": 0, "stop": 0},
        {"id": 258, "text": "<fim_middle>", "start": 13, "stop": 25},
    ]


@pytest.fixture(scope="module")
def starcoder(tmp_path_factory: pytest.TempPathFactory) -> ResidentModel:
    return build_resident(tmp_path_factory.mktemp("starcoder"), checkpoints.STARCODER_TOKENS)


@given(texts=st.lists(st.one_of(PLAIN_TEXT, st.just("<fim_middle>")), max_size=6))
def test_places_cover_the_prompt_without_a_gap(starcoder: ResidentModel, texts: list[str]) -> None:
    prompt = tuple(
        Special(text) if text == "<fim_middle>" else Text(text, "prompt") for text in texts
    )
    whole = "".join(texts).encode()
    end = 0
    for token in place_tokens(prompt, starcoder.tokenizer):
        assert token["start"] <= end <= token["stop"]
        assert whole[token["start"] : token["stop"]].decode() == token["text"]
        end = token["stop"]
    assert end == len(whole)


async def test_tokenize_counts_as_generate_does() -> None:
    text = "<fim_prefix>é<fim_suffix><|end|><fim_middle>"
    async with api_client() as client:
        response = await client.post("/generate", json={"inputs": text})
        tokens = (await client.post("/tokenize", json={"inputs": text})).json()
    assert len(tokens) == int(response.headers["x-prompt-tokens"])
    assert tokens[:3] == [
        {"id": 257, "text": "<fim_prefix>", "start": 0, "stop": 12},
        {"id": 0xC3, "text": "é", "start": 12, "stop": 14},
        {"id": 0xA9, "text": "é", "start": 12, "stop": 14},
    ]


async def test_a_conversation_is_told_as_the_model_gets_it() -> None:
    async with api_client() as client:
        response = await client.post(
            "/chat_tokenize",
            json={
                "messages": [
                    {"role": "user", "content": [{"type": "text", "text": "Hi <|end|>"}]},
                    {"role": "assistant", "content": "Hello"},
                    {"role": "user", "content": "Bye"},
                ]
            },
        )
        told = response.json()
        text = told["templated_text"]
        assert text.endswith("<|user|>\nBye<|end|>\n<|assistant|>")
        specials = [token["text"] for token in told["tokenize_response"] if token["id"] >= 256]
        assert specials.count("<|end|>") == 4, "the one that was typed is text"
        for token in told["tokenize_response"]:
            assert text.encode()[token["start"] : token["stop"]].decode() == token["text"]
        for messages in ([], [{"role": "assistant", "content": "Hello"}], [{"role": "user"}]):
            response = await client.post("/chat_tokenize", json={"messages": messages})
            assert response.status_code == 422
            assert response.json()["error_type"] == "validation"

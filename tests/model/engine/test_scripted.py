"""The scripted engine tells what a real one tells, so that wire tests have numbers."""

from __future__ import annotations

import math
from collections.abc import Iterator

import pytest

from model.engine.events import Finished, FinishReason, Token
from model.engine.generation import GenerationRequest
from model.engine.scripted import ByteTokenizer, ScriptedEngine
from model.sampling import SamplingParams

TOKENIZER = ByteTokenizer()
END = TOKENIZER.special_id("<|endoftext|>")


@pytest.fixture
def engine() -> Iterator[ScriptedEngine]:
    engine = ScriptedEngine()
    yield engine
    engine.close()


async def say(
    engine: ScriptedEngine, text: str, params: SamplingParams
) -> tuple[list[Token], Finished]:
    assert END is not None
    prompt = tuple(TOKENIZER.encode_text(f"SAY: {text}"))
    events = [
        event
        async for event in engine.submit(GenerationRequest("base", prompt, params, (END,)), "")
    ]
    finished = events[-1]
    assert isinstance(finished, Finished)
    return [event for event in events if isinstance(event, Token)], finished


async def test_the_end_of_the_text_is_a_token_without_text(engine: ScriptedEngine) -> None:
    tokens, finished = await say(engine, "ab", SamplingParams())
    assert tokens == [Token(ord("a"), "a"), Token(ord("b"), "b"), Token(END, "")]
    assert finished.reason is FinishReason.EOS_TOKEN
    assert finished.usage.completion_tokens == 3


async def test_cut_off_by_length_it_has_no_end(engine: ScriptedEngine) -> None:
    tokens, finished = await say(engine, "ab", SamplingParams(max_new_tokens=2))
    assert [token.id for token in tokens] == [ord("a"), ord("b")]
    assert finished.reason is FinishReason.LENGTH
    assert finished.usage.completion_tokens == 2


async def test_log_probabilities_are_told_as_asked(engine: ScriptedEngine) -> None:
    tokens, _ = await say(engine, "a", SamplingParams(logprobs=3))
    letter, end = tokens
    assert letter.logprob == end.logprob == -math.log(2)
    assert [each.text for each in letter.alternatives] == ["a", "b", "c"]
    assert end.alternatives[0].text == "<|endoftext|>"
    for token in tokens:
        logprobs = [each.logprob for each in token.alternatives]
        assert logprobs == sorted(logprobs, reverse=True)
        assert sum(map(math.exp, logprobs)) <= 1


async def test_alternatives_may_be_none_and_twenty_are_all_different(
    engine: ScriptedEngine,
) -> None:
    [token, _], _ = await say(engine, "a", SamplingParams(logprobs=0))
    assert token == Token(ord("a"), "a", -math.log(2))
    tokens, _ = await say(engine, "é", SamplingParams(logprobs=20))
    for token in tokens:
        assert len({each.id for each in token.alternatives}) == 20

"""Log-probabilities: the model's own, whatever the sampling settings do to its choice."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from transformers import PreTrainedModel

from model.engine.events import Event, Finished, Token
from model.engine.generation import Generation, GenerationRequest
from model.engine.runner import ModelRunner
from model.engine.scripted import ByteTokenizer
from model.sampling import SamplingParams
from tests import checkpoints
from tests.model.engine.runners import CONTEXT, NO_STOP, load, make_runner, prompt_of

PROMPT = prompt_of(40)
TOKENIZER = ByteTokenizer()

WRITERS: dict[str, Callable[[Path], Path]] = {
    "gpt_bigcode": lambda folder: checkpoints.write_gpt_bigcode(folder, n_positions=CONTEXT),
    "starcoder2": lambda folder: checkpoints.write_starcoder2(folder, sliding_window=32),
    "llama": checkpoints.write_llama,
}
SETTINGS = {
    "greedy": SamplingParams(temperature=0, max_new_tokens=10, logprobs=5),
    "sampled": SamplingParams(temperature=1.5, top_p=0.9, seed=7, max_new_tokens=10, logprobs=5),
    "narrowed": SamplingParams(
        temperature=0.7, top_k=3, min_p=0.1, seed=7, max_new_tokens=10, logprobs=5
    ),
    "penalised": SamplingParams(
        temperature=0, repetition_penalty=4.0, max_new_tokens=10, logprobs=5
    ),
}


@pytest.fixture(scope="module", params=WRITERS)
def model(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> PreTrainedModel:
    return load(WRITERS[request.param](tmp_path_factory.mktemp("checkpoint")))


async def generate(
    runner: ModelRunner,
    params: SamplingParams,
    prompt_ids: Sequence[int] = PROMPT,
    stop_token_ids: tuple[int, ...] = NO_STOP,
    healed: str = "",
) -> list[Token]:
    request = GenerationRequest("base", tuple(prompt_ids), params, stop_token_ids, healed=healed)
    generation = Generation(request)
    await asyncio.to_thread(runner.run, generation)
    events: list[Event] = [event async for event in generation]
    assert isinstance(events[-1], Finished)
    return [event for event in events if isinstance(event, Token)]


def ids_of(tokens: Sequence[Token]) -> list[int]:
    return [token.id for token in tokens if token.id is not None]


def plain_logprobs(model: PreTrainedModel, prompt: Sequence[int], new: list[int]) -> torch.Tensor:
    """Log-probabilities over the vocabulary at each new token's place, by one forward pass."""
    with torch.inference_mode():
        logits = model(input_ids=torch.tensor([[*prompt, *new]])).logits[0]
    return logits.float().log_softmax(-1)[len(prompt) - 1 : -1]  # (new, vocabulary)


def check(model: PreTrainedModel, prompt: Sequence[int], tokens: Sequence[Token]) -> None:
    told = [token for token in tokens if token.id is not None]
    expected = plain_logprobs(model, prompt, ids_of(told))
    for token, row in zip(told, expected, strict=True):
        assert token.logprob == pytest.approx(float(row[token.id]), abs=1e-4)
        best = row.topk(5).values.tolist()
        logprobs = [alternative.logprob for alternative in token.alternatives]
        assert logprobs == pytest.approx(best, abs=1e-4)
        assert logprobs == sorted(logprobs, reverse=True)
        for alternative in token.alternatives:
            assert alternative.logprob == pytest.approx(float(row[alternative.id]), abs=1e-4)
            assert alternative.text == TOKENIZER.token_text(alternative.id)
        assert sum(map(math.exp, logprobs)) <= 1 + 1e-6


@pytest.mark.parametrize("settings", SETTINGS)
async def test_they_are_those_of_a_plain_forward_pass(
    model: PreTrainedModel, settings: str
) -> None:
    runner = make_runner(model)
    first = await generate(runner, SETTINGS[settings])
    check(model, PROMPT, first)
    # Over what the cache kept of the first: whole, and then in part.
    longer = (*PROMPT, *ids_of(first))
    check(model, longer, await generate(runner, SETTINGS[settings], longer))
    shorter = PROMPT[:-7]
    check(model, shorter, await generate(runner, SETTINGS[settings], shorter))


async def test_a_prompt_of_one_token_has_them_too(model: PreTrainedModel) -> None:
    runner = make_runner(model)
    check(model, PROMPT[:1], await generate(runner, SETTINGS["greedy"], PROMPT[:1]))


async def test_white_space_that_is_spelt_anew_leaves_them_the_models_own(
    llama: PreTrainedModel,
) -> None:
    runner = make_runner(llama)
    tokens = await generate(runner, SETTINGS["greedy"], healed="\n  ")
    assert TOKENIZER.decode(ids_of(tokens)).startswith("\n  ")
    check(llama, PROMPT, tokens)


@pytest.mark.parametrize("settings", SETTINGS)
async def test_asking_for_them_changes_no_token(llama: PreTrainedModel, settings: str) -> None:
    params = SETTINGS[settings]
    runner = make_runner(llama)
    silent = await generate(runner, replace(params, logprobs=None))
    assert ids_of(await generate(runner, params)) == ids_of(silent)
    assert all(token.logprob is None and not token.alternatives for token in silent)


async def test_none_asked_for_tells_the_tokens_own_alone(llama: PreTrainedModel) -> None:
    runner = make_runner(llama)
    tokens = await generate(runner, replace(SETTINGS["greedy"], logprobs=0))
    expected = plain_logprobs(llama, PROMPT, ids_of(tokens))
    for token, row in zip(tokens, expected, strict=True):
        assert token.logprob == pytest.approx(float(row.max()), abs=1e-4)
        assert token.alternatives == ()


async def test_the_token_that_ends_the_text_is_told_like_any_other(llama: PreTrainedModel) -> None:
    runner = make_runner(llama)
    params = SETTINGS["greedy"]
    ids = ids_of(await generate(runner, params))
    tokens = await generate(runner, params, stop_token_ids=(ids[3],))
    assert tokens[-1].id == ids[3]
    check(llama, PROMPT, tokens)


async def test_off_hooks_nothing_and_a_fault_leaves_no_hook(llama: PreTrainedModel) -> None:
    runner = make_runner(llama)
    seen: list[int] = []
    counter = llama.base_model.register_forward_pre_hook(
        lambda *_: seen.append(len(llama._forward_hooks))
    )
    try:
        await generate(runner, replace(SETTINGS["greedy"], logprobs=None))
        assert seen
        assert not any(seen)
        await generate(runner, SETTINGS["greedy"])
        assert any(seen)
    finally:
        counter.remove()
    assert not llama._forward_hooks

    def explode(*args: object) -> None:
        raise RuntimeError("kernel failure")

    fault = llama.lm_head.register_forward_pre_hook(explode)
    with pytest.raises(RuntimeError, match="kernel failure"):
        await generate(runner, SETTINGS["greedy"])
    fault.remove()
    assert not llama._forward_hooks

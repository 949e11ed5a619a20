"""Prompt lookup on tiny random checkpoints, against plain greedy decoding."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from transformers import DynamicCache, PreTrainedModel

from model.engine.events import Finished, FinishReason, Token
from model.engine.generation import Generation, GenerationRequest
from model.engine.lookup import NUM_PROPOSED, PromptLookup
from model.engine.runner import ModelRunner
from model.engine.scripted import ByteTokenizer
from model.sampling import SamplingParams
from tests import checkpoints
from tests.model.engine.runners import GREEDY, NO_STOP, bare_greedy, load, make_runner

TOKENIZER = ByteTokenizer()
# Says the same again and again, as what the tiny models write does.
PROMPT = tuple(TOKENIZER.encode_text("for x in xs: print(x)\nfor y in ys: print(y)\nfor z "))
LONG = replace(GREEDY, max_new_tokens=60)
WRITERS: dict[str, Callable[[Path], Path]] = {
    "gpt_bigcode": checkpoints.write_gpt_bigcode,
    "llama": checkpoints.write_llama,
    "starcoder2": lambda folder: checkpoints.write_starcoder2(folder, sliding_window=None),
}


@pytest.fixture(scope="module", params=WRITERS)
def model(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory):
    return load(WRITERS[request.param](tmp_path_factory.mktemp("checkpoint")))


@pytest.fixture
def half(model: PreTrainedModel) -> Iterator[PreTrainedModel]:
    yield model.to(torch.bfloat16)
    model.to(torch.float32)


@contextmanager
def passes_of(model: PreTrainedModel) -> Iterator[list[int]]:
    """The positions that each pass with the head reads."""
    passes: list[int] = []
    handle = model.register_forward_hook(
        lambda module, args, output: passes.append(output.logits.shape[1])
    )
    yield passes
    handle.remove()


def run(
    runner: ModelRunner, params: SamplingParams, stop_token_ids: tuple[int, ...] = NO_STOP
) -> tuple[list[int], str, Finished]:
    async def read() -> tuple[list[int], str, Finished]:
        generation = Generation(GenerationRequest("base", PROMPT, params, stop_token_ids))
        await asyncio.to_thread(runner.run, generation)
        events = [event async for event in generation]
        finished = events[-1]
        assert isinstance(finished, Finished)
        tokens = [event for event in events if isinstance(event, Token)]
        ids = [token.id for token in tokens if token.id is not None]
        return ids, "".join(token.text for token in tokens), finished

    return asyncio.run(read())


@pytest.mark.parametrize("num_cached", [0, 1, 30, len(PROMPT) - 1])
def test_over_a_filled_cache_lookup_gives_the_greedy_tokens(
    model: PreTrainedModel, num_cached: int
) -> None:
    cache = DynamicCache(config=model.config)
    prompt = torch.tensor([PROMPT])
    with torch.inference_mode():
        if num_cached:
            model.base_model(input_ids=prompt[:, :num_cached], past_key_values=cache)
        with PromptLookup(model).reading_on():
            output = model.generate(
                prompt,
                attention_mask=torch.ones_like(prompt),
                past_key_values=cache,
                prompt_lookup_num_tokens=NUM_PROPOSED,
                do_sample=False,
                max_new_tokens=40,
                eos_token_id=NO_STOP[0],
                pad_token_id=0,
            )
    assert output[0, len(PROMPT) :].tolist() == bare_greedy(model, PROMPT, 40)
    assert cache.get_seq_length() == len(PROMPT) + 39


def test_text_that_repeats_takes_fewer_passes_than_tokens(half: PreTrainedModel) -> None:
    with passes_of(half) as passes:
        ids, _, finished = run(make_runner(half), LONG)
    assert len(ids) == finished.usage.completion_tokens == 60
    assert len(passes) < len(ids)
    assert max(passes) == NUM_PROPOSED + 1


def test_the_next_request_reads_on_where_lookup_ended(half: PreTrainedModel) -> None:
    runner = make_runner(half)
    first, _, _ = run(runner, LONG)
    again, _, finished = run(runner, LONG)
    assert again == first
    assert finished.usage.reused_tokens == len(PROMPT) - 1


@pytest.mark.parametrize(
    "params",
    [
        replace(LONG, seed=1),
        replace(LONG, temperature=0.5),
        replace(LONG, logprobs=0),
    ],
    ids=["a seed", "sampling", "log-probabilities"],
)
def test_what_lookup_could_change_is_decoded_token_by_token(
    half: PreTrainedModel, params: SamplingParams
) -> None:
    with passes_of(half) as passes:
        ids, _, _ = run(make_runner(half), params)
    assert len(passes) == len(ids)


def test_in_float32_nothing_is_proposed(model: PreTrainedModel) -> None:
    assert PromptLookup(model).num_proposed(GREEDY, 100) is None


def test_a_sliding_window_is_decoded_token_by_token(tmp_path: Path) -> None:
    folder = checkpoints.write_starcoder2(tmp_path, sliding_window=32)
    model = load(folder).to(torch.bfloat16)
    assert PromptLookup(model).num_proposed(GREEDY, 100) is None


@pytest.mark.parametrize("room", range(NUM_PROPOSED + 2))
def test_nothing_is_proposed_past_the_last_position(tmp_path: Path, room: int) -> None:
    context = len(PROMPT) + LONG.max_new_tokens + room
    folder = checkpoints.write_gpt_bigcode(tmp_path, n_positions=context)
    model = load(folder).to(torch.bfloat16)
    with passes_of(model) as passes:
        ids, _, _ = run(make_runner(model, context), LONG)
    assert len(ids) == LONG.max_new_tokens
    assert (len(passes) < len(ids)) == (room >= NUM_PROPOSED)


def test_a_stop_string_within_a_pass_ends_the_text_and_the_count(half: PreTrainedModel) -> None:
    ids, text, _ = run(make_runner(half), LONG)
    stop = text[41:44]
    end = text.index(stop)
    stopped, shorter, finished = run(make_runner(half), replace(LONG, stop=(stop,)))
    assert shorter == text[:end]
    assert finished.reason is FinishReason.STOP_SEQUENCE
    assert stopped == ids[: end + len(stop)]
    assert finished.usage.completion_tokens == len(stopped)


def test_an_end_token_within_a_pass_ends_the_text(half: PreTrainedModel) -> None:
    ids, _, _ = run(make_runner(half), LONG)
    end_token = ids[41]
    ended, _, finished = run(make_runner(half), LONG, stop_token_ids=(end_token,))
    assert ended == ids[: ids.index(end_token) + 1]
    assert finished.reason is FinishReason.EOS_TOKEN


@pytest.mark.parametrize("count", [1, 2, 7, 8])
def test_no_more_tokens_come_than_were_asked_for(half: PreTrainedModel, count: int) -> None:
    ids, _, finished = run(make_runner(half), replace(LONG, max_new_tokens=count))
    assert len(ids) == count
    assert finished.reason is FinishReason.LENGTH


def test_a_cancelled_generation_stops_within_one_pass(half: PreTrainedModel) -> None:
    async def read() -> tuple[int, Finished]:
        generation = Generation(GenerationRequest("base", PROMPT, LONG, NO_STOP))
        num_after = 0

        def count(module: object, args: object, output: object) -> None:
            nonlocal num_after
            num_after += generation.is_cancelled
            generation.cancel()

        handle = half.register_forward_hook(count)
        await asyncio.to_thread(make_runner(half).run, generation)
        handle.remove()
        *_, finished = [event async for event in generation]
        assert isinstance(finished, Finished)
        return num_after, finished

    num_after, finished = asyncio.run(read())
    assert finished.reason is FinishReason.CANCELLED
    assert num_after == 0
    assert 0 < finished.usage.completion_tokens <= NUM_PROPOSED + 1

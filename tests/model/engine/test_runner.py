"""The runner on tiny random checkpoints of the real families, against bare `generate`."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from transformers import PreTrainedModel

from model.engine.events import Event, Finished, FinishReason, Prefill, Token
from model.engine.generation import Generation, GenerationRequest
from model.engine.runner import ModelRunner
from model.engine.scripted import ByteTokenizer
from model.errors import ContextLengthError, PromptError
from model.sampling import SamplingParams
from tests import checkpoints
from tests.model.engine.runners import (
    CHUNK,
    CONTEXT,
    GREEDY,
    NO_STOP,
    bare_greedy,
    load,
    make_runner,
    prompt_of,
)

WRITERS: dict[str, Callable[[Path], Path]] = {
    "gpt_bigcode": lambda folder: checkpoints.write_gpt_bigcode(folder, n_positions=CONTEXT),
    "starcoder2": lambda folder: checkpoints.write_starcoder2(folder, sliding_window=4096),
    "starcoder2-short-window": lambda folder: checkpoints.write_starcoder2(
        folder, sliding_window=32
    ),
    "llama": checkpoints.write_llama,
}


@pytest.fixture(scope="module", params=WRITERS)
def model(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory):
    return load(WRITERS[request.param](tmp_path_factory.mktemp("checkpoint")))


async def run(
    runner: ModelRunner,
    prompt_ids: tuple[int, ...],
    params: SamplingParams = GREEDY,
    stop_token_ids: tuple[int, ...] = NO_STOP,
) -> tuple[list[int], Finished]:
    events = await run_events(runner, prompt_ids, params, stop_token_ids)
    finished = events[-1]
    assert isinstance(finished, Finished)
    ids = [event.id for event in events if isinstance(event, Token) and event.id is not None]
    return ids, finished


async def run_events(
    runner: ModelRunner,
    prompt_ids: tuple[int, ...],
    params: SamplingParams = GREEDY,
    stop_token_ids: tuple[int, ...] = NO_STOP,
) -> list[Event]:
    generation = Generation(GenerationRequest("base", prompt_ids, params, stop_token_ids))
    await asyncio.to_thread(runner.run, generation)
    return [event async for event in generation]


async def test_prefill_in_chunks_gives_the_greedy_tokens_of_one_bare_generate(model) -> None:
    runner = make_runner(model)
    for length in (1, 2, CHUNK, CHUNK + 1, 3 * CHUNK + 5, 100):
        prompt = prompt_of(length)
        ids, _ = await run(runner, prompt)
        assert ids == bare_greedy(model, prompt, GREEDY.max_new_tokens), length


async def test_a_request_that_repeats_the_former_reuses_its_cache_with_the_same_result(
    model,
) -> None:
    runner = make_runner(model)
    prompt = prompt_of(20)
    first, cold = await run(runner, prompt)
    longer = prompt + tuple(first) + prompt_of(8, start=40)
    second, warm = await run(runner, longer)
    assert cold.usage.reused_tokens == 0
    assert warm.usage.reused_tokens == len(prompt) + len(first) - 1
    assert second == bare_greedy(model, longer, GREEDY.max_new_tokens)


async def test_a_request_that_shares_a_start_reuses_what_it_shares(llama) -> None:
    runner = make_runner(llama)
    await run(runner, prompt_of(60))
    branched = prompt_of(50) + prompt_of(10, start=31)
    ids, finished = await run(runner, branched)
    assert finished.usage.reused_tokens == 50
    assert ids == bare_greedy(llama, branched, GREEDY.max_new_tokens)


async def test_a_window_that_moved_on_is_read_afresh_and_stays_right(tmp_path: Path) -> None:
    model = load(checkpoints.write_starcoder2(tmp_path, sliding_window=32))
    runner = make_runner(model)
    await run(runner, prompt_of(60))
    branched = prompt_of(50) + prompt_of(10, start=31)
    ids, finished = await run(runner, branched)
    assert finished.usage.reused_tokens == 0
    assert ids == bare_greedy(model, branched, GREEDY.max_new_tokens)


async def test_a_seed_gives_the_same_text_whatever_ran_before(llama) -> None:
    params = SamplingParams(temperature=1.5, top_p=1.0, seed=11, max_new_tokens=24)
    runner = make_runner(llama)
    prompt = prompt_of(70)
    first, finished = await run(runner, prompt, params)
    await run(runner, prompt_of(33) + prompt_of(20, start=35))
    await run(runner, prompt_of(45))
    again, reused = await run(runner, prompt, params)
    fresh, _ = await run(make_runner(llama), prompt, params)
    assert first == again == fresh
    assert finished.seed == 11
    # Whole chunks of the grid are reused all the same; what was cropped is read afresh.
    assert reused.usage.reused_tokens == 2 * CHUNK
    other, _ = await run(runner, prompt, replace(params, seed=12))
    assert other != first


async def test_a_drawn_seed_is_reported_and_gives_the_text_again(llama) -> None:
    params = SamplingParams(temperature=1.5, top_p=1.0, max_new_tokens=24)
    runner = make_runner(llama)
    first, finished = await run(runner, prompt_of(40), params)
    assert finished.seed is not None
    again, _ = await run(runner, prompt_of(40), replace(params, seed=finished.seed))
    assert again == first


async def test_every_sampling_parameter_reaches_the_decoder(llama) -> None:
    base = SamplingParams(temperature=2.0, top_p=1.0, seed=3, max_new_tokens=24)
    runner = make_runner(llama)
    plain, _ = await run(runner, prompt_of(20), base)
    greedy, _ = await run(runner, prompt_of(20), replace(base, temperature=0))
    narrowed = (replace(base, top_k=1), replace(base, top_p=1e-6), replace(base, min_p=1.0))
    for params in narrowed:
        assert (await run(runner, prompt_of(20), params))[0] == greedy, params
    assert plain != greedy
    # The most typical token is one, whatever the seed; the likeliest it need not be.
    typical = replace(base, typical_p=1e-6)
    one, other = [
        (await run(runner, prompt_of(20), replace(typical, seed=seed)))[0] for seed in (3, 4)
    ]
    assert one == other != plain
    penalised, _ = await run(
        runner, prompt_of(20), replace(base, temperature=0, repetition_penalty=5.0)
    )
    assert len(set(penalised)) > len(set(greedy))


async def test_why_it_ended_is_reported(llama) -> None:
    runner = make_runner(llama)
    prompt = prompt_of(20)
    ids, by_length = await run(runner, prompt)
    assert by_length.reason is FinishReason.LENGTH
    assert by_length.usage.completion_tokens == GREEDY.max_new_tokens
    end = ids[4]
    shorter, by_end = await run(runner, prompt, stop_token_ids=(end,))
    assert by_end.reason is FinishReason.EOS_TOKEN
    assert shorter == ids[: ids.index(end) + 1]
    text = ByteTokenizer().decode(ids)
    stop = text[3:5]
    events = await run_events(runner, prompt, replace(GREEDY, stop=(stop,)))
    finished = events[-1]
    assert isinstance(finished, Finished)
    assert finished.reason is FinishReason.STOP_SEQUENCE
    shown = "".join(event.text for event in events if isinstance(event, Token))
    assert shown == text[: text.index(stop)]
    assert finished.usage.completion_tokens <= 6


async def test_the_reading_of_the_prompt_is_told_chunk_by_chunk(llama) -> None:
    events = await run_events(make_runner(llama), prompt_of(2 * CHUNK + 3))
    reported = [event for event in events if isinstance(event, Prefill)]
    total = 2 * CHUNK + 3
    assert reported == [Prefill(done, total) for done in (CHUNK, 2 * CHUNK, total - 1)]


async def test_timings_and_counts_are_those_of_this_request(llama) -> None:
    _, finished = await run(make_runner(llama), prompt_of(20))
    timings = finished.timings
    assert timings.time_to_first_token is not None
    assert 0 < timings.time_to_first_token < timings.total
    assert finished.usage.prompt_tokens == 20
    speed = timings.tokens_per_second(finished.usage.completion_tokens)
    assert speed == pytest.approx(11 / (timings.total - timings.time_to_first_token))


class CancelAt:
    """A model hook that cancels the generation during its n-th forward pass."""

    def __init__(self, generation: Generation, at: int) -> None:
        self.num_passes = 0
        self._generation = generation
        self._at = at

    def __call__(self, *args: object) -> None:
        self.num_passes += 1
        if self.num_passes == self._at:
            self._generation.cancel()


async def cancel_at(
    model: PreTrainedModel, runner: ModelRunner, at: int
) -> tuple[CancelAt, Finished]:
    params = replace(GREEDY, max_new_tokens=50)
    generation = Generation(GenerationRequest("base", prompt_of(50), params, NO_STOP))
    hook = CancelAt(generation, at)
    handle = model.base_model.register_forward_pre_hook(hook)
    try:
        await asyncio.to_thread(runner.run, generation)
    finally:
        handle.remove()
    finished = [event async for event in generation][-1]
    assert isinstance(finished, Finished)
    assert finished.reason is FinishReason.CANCELLED
    return hook, finished


@pytest.mark.parametrize("at", [1, 2, 3])
async def test_cancelled_while_reading_the_prompt_it_stops_before_the_next_chunk(
    llama, at: int
) -> None:
    hook, finished = await cancel_at(llama, make_runner(llama), at)
    assert hook.num_passes == at
    assert finished.usage.completion_tokens == 0


@pytest.mark.parametrize("at", [5, 9, 17])
async def test_cancelled_while_decoding_it_stops_before_the_next_token(llama, at: int) -> None:
    num_prefill_passes = 4
    hook, finished = await cancel_at(llama, make_runner(llama), at)
    assert hook.num_passes == at
    assert finished.usage.completion_tokens == at - num_prefill_passes


async def test_what_a_cancelled_request_had_read_serves_the_next(llama) -> None:
    runner = make_runner(llama)
    await cancel_at(llama, runner, 2)
    ids, finished = await run(runner, prompt_of(50))
    assert finished.usage.reused_tokens == 2 * CHUNK
    assert ids == bare_greedy(llama, prompt_of(50), GREEDY.max_new_tokens)


async def test_after_a_fault_inside_forward_the_next_request_is_right(llama) -> None:
    runner = make_runner(llama)
    await run(runner, prompt_of(40))

    def explode(*args: object) -> None:
        raise RuntimeError("kernel failure")

    # In the second layer: the cache's layers differ in length when it strikes.
    handle = llama.model.layers[1].register_forward_pre_hook(explode)
    with pytest.raises(RuntimeError, match="kernel failure"):
        await run(runner, prompt_of(30))
    handle.remove()
    ids, finished = await run(runner, prompt_of(30))
    assert finished.usage.reused_tokens == 0
    assert ids == bare_greedy(llama, prompt_of(30), GREEDY.max_new_tokens)


async def test_the_last_position_is_used_and_the_one_after_it_never_reached(
    tmp_path: Path,
) -> None:
    model = load(checkpoints.write_gpt_bigcode(tmp_path, n_positions=64))
    runner = make_runner(model, context=64)
    ids, _ = await run(runner, prompt_of(52))
    assert ids == bare_greedy(model, prompt_of(52), 12)
    with pytest.raises(ContextLengthError):
        await run(runner, prompt_of(53))


async def test_ids_outside_the_vocabulary_never_reach_the_model(llama) -> None:
    runner = make_runner(llama)
    for prompt in ((), (5, 1_000_000), (5, -1)):
        with pytest.raises(PromptError):
            await run(runner, prompt)


async def test_the_space_at_the_prompts_end_is_spelt_anew_and_not_shown(llama) -> None:
    runner = make_runner(llama)
    assert runner.can_heal
    params = replace(GREEDY, max_new_tokens=12)
    request = GenerationRequest("base", prompt_of(20), params, NO_STOP, healed="\n    ")
    generation = Generation(request)
    await asyncio.to_thread(runner.run, generation)
    tokens = [event async for event in generation if isinstance(event, Token)]
    ids = [token.id for token in tokens if token.id is not None]
    spelt = ByteTokenizer().decode(ids)
    assert spelt.startswith("\n    ")
    assert "".join(token.text for token in tokens) == spelt.removeprefix("\n    ")

"""A pinned preamble is read once, and its copy changes neither text nor reproducibility."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from transformers import PreTrainedModel

from model.engine.events import Finished, Token
from model.engine.generation import Generation, GenerationRequest
from model.engine.prefix_cache import PrefillGrid
from model.engine.runner import ModelRunner
from model.sampling import SamplingParams
from tests import checkpoints
from tests.model.engine.runners import (
    CHUNK,
    GREEDY,
    NO_STOP,
    bare_greedy,
    load,
    make_runner,
    prompt_of,
)

# Off the grid of chunks, and longer than the short window.
NUM_PINNED = 3 * CHUNK + 5
PREAMBLE = prompt_of(NUM_PINNED)
FIRST = (*PREAMBLE, *prompt_of(20, start=31))
SECOND = (*PREAMBLE, *prompt_of(25, start=33))
UNRELATED = prompt_of(70, start=40)

WRITERS: dict[str, Callable[[Path], Path]] = {
    "gpt_bigcode": lambda folder: checkpoints.write_gpt_bigcode(folder, n_positions=256),
    "starcoder2": checkpoints.write_starcoder2,
    "starcoder2-short-window": lambda folder: checkpoints.write_starcoder2(
        folder, sliding_window=32
    ),
    "llama": checkpoints.write_llama,
}


@pytest.fixture(scope="module", params=WRITERS)
def model(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> PreTrainedModel:
    return load(WRITERS[request.param](tmp_path_factory.mktemp("checkpoint")))


async def run(
    runner: ModelRunner,
    prompt_ids: tuple[int, ...],
    params: SamplingParams = GREEDY,
    num_pinned: int = 0,
) -> tuple[list[int], Finished]:
    request = GenerationRequest("base", prompt_ids, params, NO_STOP, num_pinned=num_pinned)
    generation = Generation(request)
    await asyncio.to_thread(runner.run, generation)
    events = [event async for event in generation]
    finished = events[-1]
    assert isinstance(finished, Finished)
    return [item.id for item in events if isinstance(item, Token) and item.id is not None], finished


@contextmanager
def counting(model: PreTrainedModel) -> Iterator[list[int]]:
    """The number of tokens of each forward pass."""
    passes: list[int] = []

    def count(module: object, args: tuple[torch.Tensor]) -> None:
        passes.append(args[0].shape[1])

    handle = model.get_input_embeddings().register_forward_pre_hook(count)
    try:
        yield passes
    finally:
        handle.remove()


async def test_a_preamble_is_read_once_though_another_request_ran_in_between(model) -> None:
    runner = make_runner(model)
    first, cold = await run(runner, FIRST, num_pinned=NUM_PINNED)
    await run(runner, UNRELATED)
    with counting(model) as passes:
        second, warm = await run(runner, SECOND, num_pinned=NUM_PINNED)
    assert cold.usage.reused_tokens == 0
    assert warm.usage.reused_tokens == NUM_PINNED
    assert sum(passes) == len(SECOND) - NUM_PINNED + GREEDY.max_new_tokens - 1
    assert first == bare_greedy(model, FIRST, GREEDY.max_new_tokens)
    assert second == bare_greedy(model, SECOND, GREEDY.max_new_tokens)


async def test_without_a_pin_it_is_read_again_with_the_same_greedy_text(model) -> None:
    runner = make_runner(model)
    await run(runner, FIRST)
    await run(runner, UNRELATED)
    second, finished = await run(runner, SECOND)
    assert finished.usage.reused_tokens == 0
    pinned, _ = await run(make_runner(model), SECOND, num_pinned=NUM_PINNED)
    assert second == pinned


async def test_the_pin_is_still_whole_after_it_was_used(model) -> None:
    runner = make_runner(model)
    await run(runner, FIRST, num_pinned=NUM_PINNED)
    for question in (SECOND, FIRST, SECOND):
        await run(runner, UNRELATED)
        ids, finished = await run(runner, question, num_pinned=NUM_PINNED)
        assert finished.usage.reused_tokens == NUM_PINNED
        assert ids == bare_greedy(model, question, GREEDY.max_new_tokens)


async def test_a_conversation_goes_on_from_its_last_turn_and_not_from_the_pin(llama) -> None:
    runner = make_runner(llama)
    answer, _ = await run(runner, FIRST, num_pinned=NUM_PINNED)
    _, finished = await run(runner, (*FIRST, *answer, 40, 41), num_pinned=NUM_PINNED)
    assert finished.usage.reused_tokens == len(FIRST) + len(answer) - 1


async def test_a_new_preamble_takes_the_place_of_the_old(llama) -> None:
    runner = make_runner(llama)
    await run(runner, FIRST, num_pinned=NUM_PINNED)
    await run(runner, UNRELATED, num_pinned=40)
    await run(runner, prompt_of(60, start=50))
    _, new = await run(runner, UNRELATED, num_pinned=40)
    await run(runner, prompt_of(60, start=50))
    _, old = await run(runner, SECOND, num_pinned=NUM_PINNED)
    assert (new.usage.reused_tokens, old.usage.reused_tokens) == (40, 0)


async def test_a_seed_gives_the_same_text_with_a_kept_preamble_as_with_a_fresh_one(llama) -> None:
    params = SamplingParams(temperature=1.5, top_p=1.0, seed=11, max_new_tokens=24)
    fresh, _ = await run(make_runner(llama), SECOND, params, num_pinned=NUM_PINNED)
    runner = make_runner(llama)
    await run(runner, FIRST, num_pinned=NUM_PINNED)
    await run(runner, UNRELATED)
    warm, from_pin = await run(runner, SECOND, params, num_pinned=NUM_PINNED)
    again, from_last = await run(runner, SECOND, params, num_pinned=NUM_PINNED)
    assert fresh == warm == again
    assert from_pin.usage.reused_tokens == NUM_PINNED
    assert from_last.usage.reused_tokens == 4 * CHUNK


async def test_what_was_read_up_to_a_pin_serves_an_unpinned_seeded_request_in_whole_chunks(
    llama,
) -> None:
    params = SamplingParams(temperature=1.5, top_p=1.0, seed=11, max_new_tokens=24)
    fresh, _ = await run(make_runner(llama), SECOND, params)
    runner = make_runner(llama)
    await run(runner, FIRST, num_pinned=NUM_PINNED)
    warm, finished = await run(runner, SECOND, params)
    assert fresh == warm
    assert finished.usage.reused_tokens == 3 * CHUNK


async def test_after_a_failure_nothing_is_kept(llama) -> None:
    runner = make_runner(llama)
    await run(runner, FIRST, num_pinned=NUM_PINNED)

    def explode(*args: object) -> None:
        raise RuntimeError("kernel failure")

    handle = llama.model.layers[1].register_forward_pre_hook(explode)
    with pytest.raises(RuntimeError, match="kernel failure"):
        await run(runner, UNRELATED)
    handle.remove()
    ids, finished = await run(runner, SECOND, num_pinned=NUM_PINNED)
    assert finished.usage.reused_tokens == 0
    assert ids == bare_greedy(llama, SECOND, GREEDY.max_new_tokens)


async def test_a_preamble_as_long_as_the_prompt_does_no_harm(llama) -> None:
    runner = make_runner(llama)
    for num_pinned in (len(FIRST) - 1, len(FIRST), len(FIRST) + 100):
        ids, _ = await run(runner, FIRST, num_pinned=num_pinned)
        assert ids == bare_greedy(llama, FIRST, GREEDY.max_new_tokens)


async def test_a_short_answer_to_a_seeded_request_on_a_cropped_cache_stays_reproducible(
    llama,
) -> None:
    params = SamplingParams(temperature=1.5, top_p=1.0, seed=5, max_new_tokens=24)
    prompt = prompt_of(70)
    fresh, _ = await run(make_runner(llama), prompt, params)
    runner = make_runner(llama)
    await run(runner, prompt_of(60))
    # Shares 20 tokens, one chunk and a piece of the next: that next one is no whole chunk then.
    await run(runner, (*prompt_of(20), *prompt_of(40, start=35)))
    _, finished = await run(
        runner, (*prompt_of(20), *prompt_of(40, start=35), 30), replace(params, max_new_tokens=1)
    )
    assert finished.usage.reused_tokens == CHUNK
    again, _ = await run(runner, prompt, params)
    assert again == fresh


@given(chunk=st.integers(1, 40), num_pinned=st.integers(0, 150), length=st.integers(0, 200))
def test_a_grid_stops_at_each_chunk_and_at_the_pin(
    chunk: int, num_pinned: int, length: int
) -> None:
    grid = PrefillGrid(chunk, num_pinned)
    stops, start = [0], 0
    while start <= 200:
        start = grid.stop_after(start)
        stops.append(start)
    expected = {*range(0, stops[-1] + 1, chunk), *([num_pinned] if num_pinned else [])}
    assert set(stops) == {stop for stop in expected if stop <= stops[-1]}
    assert grid.floor(length) == max(stop for stop in stops if stop <= length)


@given(
    chunk=st.integers(1, 40),
    one=st.integers(0, 150),
    other=st.integers(0, 150),
    length=st.integers(0, 200),
)
def test_what_two_grids_have_in_common_has_the_same_stops_on_both(
    chunk: int, one: int, other: int, length: int
) -> None:
    grids = PrefillGrid(chunk, one), PrefillGrid(chunk, other)
    common = min(grids[0].num_common(grids[1], length), length)

    def stops(grid: PrefillGrid) -> list[int]:
        found, start = [], 0
        while (start := grid.stop_after(start)) <= common:
            found.append(start)
        return found

    assert stops(grids[0]) == stops(grids[1])
    assert grids[0].num_common(grids[1], length) == grids[1].num_common(grids[0], length)

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from typing import cast

import pytest

from model.engine.events import Failed, FinishReason, Prefill, Token
from model.errors import PromptError
from model.service import Prepared, Run, RunEvent
from tests.ui.runs import finished, fitted
from ui.progress import Progress
from ui.streaming import MAX_PAUSE_SECONDS, coalesce, follow, pause_after

Events = Callable[[], AsyncIterator[RunEvent]]


class FakeRun:
    def __init__(self, events: Events) -> None:
        self.events = events


async def follow_all(events: Events) -> list[Progress]:
    run = cast(Run, FakeRun(events))
    return [progress async for progress in follow(run, "page-1")]


async def burst(number: int) -> AsyncIterator[RunEvent]:
    for index in range(number):
        yield Token(index, str(index % 10))


async def test_a_burst_of_tokens_becomes_a_few_updates_and_loses_none() -> None:
    batches = [batch async for batch in coalesce(burst(1000), update_seconds=0.01)]
    assert len(batches) < 5
    assert [event for batch in batches for event in batch] == [
        Token(index, str(index % 10)) for index in range(1000)
    ]


async def test_updates_come_at_most_twenty_times_a_second() -> None:
    async def steady() -> AsyncIterator[RunEvent]:
        for index in range(60):
            await asyncio.sleep(0.005)
            yield Token(index, "x")

    started = asyncio.get_running_loop().time()
    num_batches = len([batch async for batch in coalesce(steady())])
    elapsed = asyncio.get_running_loop().time() - started
    assert num_batches <= elapsed * 20 + 2


async def test_a_silent_run_beats_so_that_a_gone_client_is_noticed() -> None:
    go_on = asyncio.Event()

    async def silent() -> AsyncIterator[RunEvent]:
        await go_on.wait()
        yield Prefill(1, 1)

    async with aclosing(coalesce(silent(), beat_seconds=0.01)) as batches:
        assert await anext(batches) == []
        assert await anext(batches) == []
        go_on.set()
        assert [batch async for batch in batches if batch] == [[Prefill(1, 1)]]


async def test_closing_early_closes_the_events() -> None:
    is_closed = asyncio.Event()

    async def endless() -> AsyncIterator[RunEvent]:
        try:
            while True:
                yield Token(1, "x")
                await asyncio.sleep(0)
        finally:
            is_closed.set()

    async with aclosing(coalesce(endless())) as batches:
        await anext(batches)
    assert is_closed.is_set()


async def test_a_run_is_followed_to_its_end() -> None:
    async def events() -> AsyncIterator[RunEvent]:
        yield Prepared(fitted())
        yield Token(1, "def ")
        yield Token(2, "f")
        yield finished(FinishReason.LENGTH)

    *_, last = await follow_all(events)
    assert (last.text, last.num_tokens, last.is_over, last.was_cut) == ("def f", 2, True, True)


async def test_an_error_after_text_keeps_the_text() -> None:
    error = PromptError("The prompt is empty.")

    async def events() -> AsyncIterator[RunEvent]:
        yield Token(1, "kept")
        raise error

    *_, last = await follow_all(events)
    assert (last.text, last.outcome, last.is_over) == ("kept", Failed(error), True)


async def test_a_run_stopped_before_it_began_is_over_without_an_outcome() -> None:
    async def events() -> AsyncIterator[RunEvent]:
        return
        yield

    *_, last = await follow_all(events)
    assert last.is_over
    assert last.outcome is None


async def test_an_unforeseen_fault_is_told_by_number_and_logged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def events() -> AsyncIterator[RunEvent]:
        yield Token(1, "secret")
        raise ZeroDivisionError

    with caplog.at_level(logging.ERROR):
        *_, last = await follow_all(events)
    assert isinstance(last.outcome, Failed)
    assert "page-1" in str(last.outcome.error)
    assert "page-1" in caplog.text
    assert "secret" not in caplog.text


def test_a_view_that_is_drawn_anew_is_given_time_in_proportion_to_its_text() -> None:
    assert pause_after(0) == 0
    assert pause_after(4_000) == 2 * pause_after(2_000)
    assert pause_after(4_000) >= 0.05
    assert pause_after(10**6) == MAX_PAUSE_SECONDS

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import aclosing

from model.engine.events import Finished, FinishReason
from model.requests import CompletionRequest, PlaygroundRequest
from model.sampling import SamplingParams
from model.service import GenerationService
from ui.progress import Preparing, Progress
from ui.runs import Runs

LONG = CompletionRequest("SAY: " + "x" * 2000, SamplingParams(max_new_tokens=2000))
SHORT = CompletionRequest("SAY: short", SamplingParams())


async def run_to_end(runs: Runs, request: CompletionRequest, session: str, tab: str) -> Progress:
    steps = [progress async for progress in runs.start(request, session, tab)]
    return steps[-1]


async def start(runs: Runs, session: str, tab: str = "continue") -> asyncio.Task[Progress]:
    """A long run, once its first text is there."""
    has_text = asyncio.Event()

    async def follow() -> Progress:
        progress = Progress()
        async for progress in runs.start(LONG, session, tab):
            if progress.text:
                has_text.set()
        return progress

    task = asyncio.create_task(follow())
    await has_text.wait()
    return task


def reason_of(progress: Progress) -> FinishReason:
    assert isinstance(progress.outcome, Finished)
    return progress.outcome.reason


async def test_a_run_goes_to_its_end_and_leaves_nothing(service: GenerationService) -> None:
    runs = Runs(service, None)
    progress = await run_to_end(runs, SHORT, "s", "continue")
    assert (progress.text, reason_of(progress)) == ("short", FinishReason.EOS_TOKEN)
    assert runs.num_running == 0


async def test_stop_keeps_the_text_and_the_figures(service: GenerationService) -> None:
    runs = Runs(service, None)
    task = await start(runs, "s")
    runs.stop("s", "continue")
    progress = await task
    assert reason_of(progress) is FinishReason.CANCELLED
    assert 0 < len(progress.text) < 2000


async def test_stop_concerns_that_tab_of_that_session_only(service: GenerationService) -> None:
    runs = Runs(service, None)
    task = await start(runs, "s")
    runs.stop("other", "continue")
    runs.stop("s", "infill")
    assert not task.done()
    runs.stop("s", "continue")
    assert reason_of(await task) is FinishReason.CANCELLED


async def test_a_second_run_of_a_tab_stops_the_first(service: GenerationService) -> None:
    runs = Runs(service, None)
    first = await start(runs, "s")
    second = await run_to_end(runs, SHORT, "s", "continue")
    assert first.done()
    assert reason_of(await first) is FinishReason.CANCELLED
    assert second.text == "short"


async def test_a_session_that_closes_stops_all_that_it_runs(service: GenerationService) -> None:
    runs = Runs(service, None)
    task = await start(runs, "s")
    waiting = asyncio.create_task(run_to_end(runs, LONG, "s", "chat"))
    await asyncio.sleep(0)
    runs.close("s")
    assert reason_of(await task) is FinishReason.CANCELLED
    assert not (await waiting).text
    assert runs.num_running == 0


async def test_a_reader_that_leaves_stops_the_engine(service: GenerationService) -> None:
    runs = Runs(service, None)
    async with aclosing(runs.start(LONG, "s", "continue")) as steps:
        async for progress in steps:
            if progress.text:
                break
    assert runs.num_running == 0
    # The next request does not wait for the rest of the former: the engine is free.
    assert (await run_to_end(runs, SHORT, "s", "continue")).text == "short"


async def test_a_request_that_takes_time_to_make_runs_when_it_is_made(
    service: GenerationService,
) -> None:
    is_made = asyncio.Event()

    async def make() -> PlaygroundRequest:
        await is_made.wait()
        return SHORT

    steps = []
    async for progress in Runs(service, None).start(make, "s", "chat"):
        steps.append(progress)
        is_made.set()
    assert steps[0].stage == Preparing()
    assert steps[-1].text == "short"


async def test_stop_also_ends_what_is_still_being_made(service: GenerationService) -> None:
    runs = Runs(service, None)
    is_cancelled = asyncio.Event()

    async def make() -> PlaygroundRequest:
        try:
            await asyncio.Event().wait()
        finally:
            is_cancelled.set()
        return SHORT

    steps = []
    async for progress in runs.start(make, "s", "chat"):
        steps.append(progress)
        runs.stop("s", "elsewhere", "chat")
    assert steps == [Progress(stage=Preparing()), Progress(is_over=True)]
    await is_cancelled.wait()
    assert runs.num_running == 0


async def test_stop_can_concern_several_places(service: GenerationService) -> None:
    runs = Runs(service, None)
    first = await start(runs, "s", "chat")
    second = asyncio.create_task(run_to_end(runs, LONG, "s", "chat-assistant"))
    await asyncio.sleep(0)
    runs.stop("s", "chat", "chat-assistant")
    assert reason_of(await first) is FinishReason.CANCELLED
    assert not (await second).text


async def test_requests_of_a_series_are_drawn_one_by_one_and_stop_ends_them_all(
    service: GenerationService,
) -> None:
    runs = Runs(service, None)
    num_drawn = 0

    def requests() -> Iterator[PlaygroundRequest]:
        nonlocal num_drawn
        while True:
            num_drawn += 1
            yield SHORT

    num_over = 0
    async for progress in runs.start_each(requests(), "s", "infill"):
        assert num_drawn == num_over + 1
        num_over += progress.is_over
        # Between two runs there is none to cancel, and yet the third must not begin.
        if num_over == 2:
            runs.stop("s", "infill")
    assert (num_drawn, num_over) == (2, 2)
    assert runs.num_running == 0

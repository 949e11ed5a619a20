import asyncio
import threading

import pytest

from model.engine.events import (
    Event,
    Failed,
    Finished,
    FinishReason,
    Queued,
    Timings,
    Token,
    Usage,
)
from model.engine.generation import Generation, GenerationRequest
from model.engine.worker import Worker
from model.errors import EngineClosedError, GenerationError, OutOfMemoryError
from model.sampling import SamplingParams


def make_request(deadline: float | None = None) -> GenerationRequest:
    return GenerationRequest("base", (1, 2, 3), SamplingParams(), (0,), deadline)


def finish(generation: Generation) -> None:
    generation.publish(
        Finished(FinishReason.EOS_TOKEN, Usage(3, 0, 1), Timings(0.0, 0.1, 0.2), seed=7)
    )


async def read(generation: Generation) -> list[Event]:
    return [event async for event in generation]


class Gate:
    """A run that announces its start and goes on when told to, or when cancelled."""

    def __init__(self) -> None:
        self.started = threading.Event()
        self.opened = threading.Event()

    def run(self, generation: Generation) -> None:
        self.started.set()
        while not self.opened.wait(0.005):
            if generation.should_stop:
                break
        finish(generation)


async def test_what_a_run_raises_reaches_the_reader_and_the_next_request_runs() -> None:
    faults = iter([ValueError("secret prompt"), None])

    def run(generation: Generation) -> None:
        fault = next(faults)
        if fault is not None:
            generation.publish(Token(1, "kept"))
            raise fault
        finish(generation)

    worker = Worker(run, max_waiting=4)
    token, failed = await read(worker.submit(make_request()))
    assert token == Token(1, "kept")
    assert isinstance(failed, Failed)
    assert isinstance(failed.error, GenerationError)
    assert "ValueError" in failed.error.message
    assert "secret prompt" not in str(failed.error)
    assert worker.health.last_error == failed.error.message
    (finished,) = await read(worker.submit(make_request()))
    assert isinstance(finished, Finished)
    await asyncio.to_thread(worker.call, int)  # the thread has left the request
    assert worker.health.last_error is None
    worker.close()


async def test_even_an_exit_inside_a_run_ends_the_request_and_not_the_thread() -> None:
    faults = iter([SystemExit(1), None])

    def run(generation: Generation) -> None:
        fault = next(faults)
        if fault is not None:
            raise fault
        finish(generation)

    worker = Worker(run, max_waiting=4)
    (failed,) = await read(worker.submit(make_request()))
    assert isinstance(failed, Failed)
    (finished,) = await read(worker.submit(make_request()))
    assert isinstance(finished, Finished)
    worker.close()


async def test_a_typed_error_arrives_as_it_is_without_the_frames_that_hold_tensors() -> None:
    def run(generation: Generation) -> None:
        try:
            raise RuntimeError("low level")
        except RuntimeError as error:
            raise OutOfMemoryError("No memory.") from error

    worker = Worker(run, max_waiting=4)
    (failed,) = await read(worker.submit(make_request()))
    assert isinstance(failed, Failed)
    assert isinstance(failed.error, OutOfMemoryError)
    assert failed.error.__traceback__ is None
    assert failed.error.__cause__ is None
    worker.close()


async def test_a_request_cancelled_in_the_line_ends_at_once_and_never_runs() -> None:
    gate = Gate()
    worker = Worker(gate.run, max_waiting=4)
    running = worker.submit(make_request())
    await asyncio.to_thread(gate.started.wait)
    waiting = worker.submit(make_request())
    waiting.cancel()
    events = await read(waiting)
    assert events[0] == Queued(1)
    finished = events[-1]
    assert isinstance(finished, Finished)
    assert finished.reason is FinishReason.CANCELLED
    assert finished.usage == Usage(prompt_tokens=3, reused_tokens=0, completion_tokens=0)
    assert worker.health.num_running == 1
    assert worker.health.num_waiting == 0
    gate.opened.set()
    await read(running)
    worker.close()


async def test_a_request_whose_time_is_up_in_the_line_is_told_so_while_another_runs() -> None:
    gate = Gate()
    worker = Worker(gate.run, max_waiting=4)
    running = worker.submit(make_request())
    await asyncio.to_thread(gate.started.wait)
    late = worker.submit(make_request(deadline=0.02))
    finished = (await read(late))[-1]
    assert isinstance(finished, Finished)
    assert finished.reason is FinishReason.DEADLINE
    running.cancel()
    await read(running)
    worker.close()


async def test_calls_and_requests_share_one_thread() -> None:
    threads = []

    def run(generation: Generation) -> None:
        threads.append(threading.current_thread())
        finish(generation)

    worker = Worker(run, max_waiting=4)
    threads.append(await asyncio.to_thread(worker.call, threading.current_thread))
    await read(worker.submit(make_request()))
    assert len(set(threads)) == 1
    assert threads[0] is not threading.current_thread()
    worker.close()


async def test_closing_ends_what_runs_and_what_waits_and_leaves_no_thread() -> None:
    gate = Gate()
    before = threading.active_count()
    worker = Worker(gate.run, max_waiting=4)
    running = worker.submit(make_request())
    waiting = worker.submit(make_request())
    await asyncio.to_thread(worker.close)
    assert isinstance((await read(running))[-1], Finished)
    assert isinstance((await read(waiting))[-1], Finished)
    assert threading.active_count() <= before + 1  # asyncio's own helper thread
    assert not worker.health.is_alive
    with pytest.raises(EngineClosedError):
        worker.submit(make_request())
    with pytest.raises(EngineClosedError):
        worker.call(int)

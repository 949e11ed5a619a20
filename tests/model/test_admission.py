import asyncio

import pytest

from model.admission import Admission
from model.engine.events import Event, Queued
from model.engine.generation import Generation, GenerationRequest
from model.errors import EngineClosedError, QueueFullError
from model.sampling import SamplingParams


def make_generation() -> Generation:
    return Generation(GenerationRequest("base", (1,), SamplingParams(), (0,)))


async def events_so_far(generation: Generation) -> list[Event]:
    await asyncio.sleep(0)
    events = []
    while not generation._events.empty():
        events.append(generation._events.get_nowait())
    return events


async def test_requests_are_taken_in_the_order_they_came() -> None:
    admission = Admission(max_waiting=3)
    generations = [make_generation() for _ in range(3)]
    for generation in generations:
        admission.enter(generation)
    assert [admission.next() for _ in range(4)] == [*generations, None]


async def test_who_waits_hears_of_its_place_as_the_line_moves() -> None:
    admission = Admission(max_waiting=3)
    first, second, third = (make_generation() for _ in range(3))
    admission.enter(first)
    admission.next()
    admission.enter(second)
    admission.enter(third)
    assert await events_so_far(third) == [Queued(2)]
    admission.leave(first)
    admission.next()
    assert await events_so_far(third) == [Queued(1)]
    assert await events_so_far(first) == []


async def test_one_more_than_may_wait_is_refused_and_leaves_no_trace() -> None:
    admission = Admission(max_waiting=1)
    admission.enter(make_generation())
    admission.next()
    admission.enter(make_generation())
    with pytest.raises(QueueFullError) as caught:
        admission.enter(make_generation())
    assert caught.value.limit == 1
    assert (admission.num_running, admission.num_waiting) == (1, 1)


async def test_a_free_engine_takes_a_request_even_where_none_may_wait() -> None:
    admission = Admission(max_waiting=0)
    admission.enter(make_generation())
    admission.next()
    with pytest.raises(QueueFullError):
        admission.enter(make_generation())


async def test_one_who_leaves_the_line_moves_the_others_up() -> None:
    admission = Admission(max_waiting=3)
    first, second = make_generation(), make_generation()
    admission.enter(first)
    admission.enter(second)
    assert admission.withdraw(first)
    assert not admission.withdraw(first)
    assert (await events_so_far(second))[-1] == Queued(1)
    assert admission.next() is second


async def test_a_closed_door_names_who_is_inside_and_admits_nobody() -> None:
    admission = Admission(max_waiting=3)
    running, waiting = make_generation(), make_generation()
    admission.enter(running)
    admission.next()
    admission.enter(waiting)
    assert set(admission.close()) == {running, waiting}
    with pytest.raises(EngineClosedError):
        admission.enter(make_generation())

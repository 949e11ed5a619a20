from __future__ import annotations

import asyncio
from collections.abc import Mapping

import pytest

from model.engine.events import Failed, Finished, FinishReason
from model.errors import InvalidInputError, PromptError, RemoteKeyError
from model.remote import RemoteModel
from model.requests import CompletionRequest
from model.sampling import SamplingParams
from model.service import GenerationService
from tests.remote_server import KEY, remote_server
from ui.block_stop import read_ending
from ui.comparison import NOTHING, REMOTE
from ui.progress import Progress
from ui.runs import Runs
from ui.side_by_side import read_takes
from ui.takes import Take, run_takes

PARAMS = SamplingParams(max_new_tokens=400, seed=7)
ASKED = CompletionRequest("SAY: abc", PARAMS)


def test_each_sample_is_the_same_request_with_a_seed_of_its_own() -> None:
    takes = read_takes(ASKED, ("set",), 3, NOTHING)
    assert [take.title for take in takes] == ["Sample 1", "Sample 2", "Sample 3"]
    assert [take.request.params.seed for take in takes] == [7, 8, 9]
    assert {(take.request.prompt, take.settings) for take in takes} == {("SAY: abc", ("set",))}


def test_token_probabilities_are_refused_with_several_samples_and_not_with_one() -> None:
    told = CompletionRequest("a", SamplingParams(logprobs=5))
    assert read_takes(told, (), 1, NOTHING)[0].request == told
    with pytest.raises(InvalidInputError, match="one text at a time"):
        read_takes(told, (), 2, NOTHING)


def test_an_empty_prompt_is_refused_before_anything_on_show_gives_way() -> None:
    with pytest.raises(PromptError, match="empty"):
        read_takes(CompletionRequest("", PARAMS), (), 2, NOTHING)


async def run(service: GenerationService, prompt: str, stop_at: str = "") -> Mapping[int, Progress]:
    takes = read_takes(CompletionRequest(prompt, PARAMS), (), 3, NOTHING)
    ending = read_ending(stop_at, prompt, "Python")
    steps = run_takes(Runs(service, None), takes, "s", "p", ending)
    return [now async for now in steps][-1]


async def test_takes_run_one_after_the_other_and_all_stay_in_view(
    service: GenerationService,
) -> None:
    now = await run(service, "SAY: abc")
    assert [(at, progress.text) for at, progress in now.items()] == [
        (0, "abc"),
        (1, "abc"),
        (2, "abc"),
    ]
    assert [progress.seed for progress in now.values()] == [7, 8, 9]


async def test_each_take_stops_at_the_end_of_the_function_and_the_next_has_its_turn(
    service: GenerationService,
) -> None:
    prompt = '"""SAY: return 1\n\n\nprint(one())\n' + "# more\n" * 9 + '"""\ndef one():\n    '
    now = await run(service, prompt, "End of function")
    assert [progress.text for progress in now.values()] == ["return 1\n"] * 3
    assert {progress.ended_at for progress in now.values()} == {"the end of the function"}


async def test_stop_ends_the_one_at_work_and_those_that_follow(
    service: GenerationService,
) -> None:
    runs = Runs(service, None)
    takes = read_takes(CompletionRequest("SAY: " + "x" * 300, PARAMS), (), 3, NOTHING)
    seen: list[Mapping[int, Progress]] = []
    has_text = asyncio.Event()

    async def follow() -> None:
        async for now in run_takes(runs, takes, "s", "p", None):
            seen.append(now)
            if now[0].text:
                has_text.set()

    task = asyncio.create_task(follow())
    await has_text.wait()
    runs.stop("s", "p")
    await task
    [progress] = seen[-1].values()
    assert isinstance(progress.outcome, Finished)
    assert progress.outcome.reason is FinishReason.CANCELLED
    assert progress.text.startswith("x")
    assert runs.num_running == 0


async def test_one_that_fails_is_the_last(service: GenerationService) -> None:
    now = await run(service, "FAIL")
    assert list(now) == [0]


def compared(remote: RemoteModel, prompt: str) -> tuple[Take, ...]:
    return read_takes(CompletionRequest(prompt, PARAMS), (), 1, REMOTE, "Small", remote)


def test_a_remote_model_gets_the_same_request_and_each_take_its_models_name() -> None:
    here, there = compared(RemoteModel("https://a.example/v1", "big"), "a")
    assert (here.title, here.remote) == ("Small", "")
    assert (there.title, there.remote) == ("big at a.example", "big at a.example")
    assert here.request == there.request


def test_where_no_remote_model_is_set_none_can_be_asked() -> None:
    with pytest.raises(InvalidInputError, match="no remote model"):
        read_takes(ASKED, (), 1, REMOTE)


async def test_a_remote_model_that_fails_leaves_the_one_here_to_go_on(
    service: GenerationService,
) -> None:
    with remote_server() as server:
        remote = RemoteModel(server.url, "big", KEY)
        runs = Runs(service, None, remote)
        steps = run_takes(runs, compared(remote, "key"), "s", "p", None)
        now = [now async for now in steps][-1]
    assert isinstance(now[1].outcome, Failed)
    assert isinstance(now[1].outcome.error, RemoteKeyError)
    assert now[0].has_ended_well
    assert now[0].text


async def test_both_come_at_the_same_time_and_stop_ends_both(service: GenerationService) -> None:
    with remote_server() as server:
        remote = RemoteModel(server.url, "big", KEY)
        runs = Runs(service, None, remote)
        # The script types its own text for a prompt that asks for nothing.
        takes = compared(remote, "waits")
        now: Mapping[int, Progress] = {}
        async for now in run_takes(runs, takes, "s", "p", None):
            is_coming = len(now) == 2 and now[1].text == "one two three" and now[0].text
            if is_coming and not now[1].is_over:
                runs.stop("s", "p", "p-remote")
        assert runs.num_running == 0
    for progress in now.values():
        assert isinstance(progress.outcome, Finished)
    assert isinstance(now[1].outcome, Finished)
    assert now[1].outcome.reason is FinishReason.CANCELLED
    assert now[1].text == "one two three"

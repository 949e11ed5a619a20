"""The Tech Assistant's prompt is fetched when it is asked for, and nothing waits long for it."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path

import pytest

from model.errors import HubUnavailableError
from model.loading.assistant_prompt import RETRY_SECONDS, AssistantPromptSource
from model.loading.job import LoadJob
from model.prompts.assistant import (
    PROMPT_FILE,
    PROMPT_REPOSITORY,
    PROMPT_REVISION,
    SHORT_PROMPT,
)
from tests.hub import HubServer

TEXT = "Introduction.\n\n-----\n\nHuman: Hi\n\nAssistant: Hello\n\n-----"


class Hub:
    """Hands out a file, or refuses; counts how often it is asked."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.is_down = False
        self.num_asked = 0
        self.was_asked = threading.Event()
        self.may_answer = threading.Event()
        self.may_answer.set()
        self.now = 0.0

    def fetch(self, job: LoadJob) -> Path:
        self.num_asked += 1
        self.was_asked.set()
        self.may_answer.wait()
        if self.is_down:
            raise HubUnavailableError("The hub is down.", "Try later.")
        return self._path

    def source(self, patience_seconds: float = 60) -> AssistantPromptSource:
        return AssistantPromptSource(
            self.fetch, patience_seconds=patience_seconds, clock=lambda: self.now
        )


@pytest.fixture
def prompt_hub(tmp_path: Path) -> Hub:
    path = tmp_path / PROMPT_FILE
    path.write_text(f"{TEXT}\n")
    return Hub(path)


async def test_it_is_fetched_once_and_ends_in_its_dashes(prompt_hub: Hub) -> None:
    source = prompt_hub.source()
    assert source.current is SHORT_PROMPT
    assert prompt_hub.num_asked == 0
    first, second = await asyncio.gather(source.get(), source.get())
    assert first.text == TEXT
    assert PROMPT_FILE in first.source
    assert second is first
    assert await source.get() is source.current is first
    assert prompt_hub.num_asked == 1
    assert source.problem == ""


async def test_where_it_cannot_be_had_the_short_one_serves_and_the_reason_is_kept(
    prompt_hub: Hub,
) -> None:
    prompt_hub.is_down = True
    source = prompt_hub.source()
    assert await source.get() is SHORT_PROMPT
    assert source.problem == "The hub is down."


async def test_after_a_failure_the_hub_is_left_alone_for_a_while(prompt_hub: Hub) -> None:
    prompt_hub.is_down = True
    source = prompt_hub.source()
    await source.get()
    prompt_hub.is_down = False
    prompt_hub.now = RETRY_SECONDS - 1
    assert await source.get() is SHORT_PROMPT
    assert prompt_hub.num_asked == 1
    prompt_hub.now = RETRY_SECONDS
    assert (await source.get()).text == TEXT
    assert source.problem == ""


@pytest.mark.parametrize("content", [b"", b"\n-----\n", b"\xff\xfe"])
async def test_a_file_that_is_no_prompt_is_not_used(
    prompt_hub: Hub, tmp_path: Path, content: bytes
) -> None:
    (tmp_path / PROMPT_FILE).write_bytes(content)
    source = prompt_hub.source()
    assert await source.get() is SHORT_PROMPT
    assert "cannot be read" in source.problem


async def test_nobody_waits_longer_than_patience_and_the_fetch_goes_on(prompt_hub: Hub) -> None:
    prompt_hub.may_answer.clear()
    source = prompt_hub.source(patience_seconds=0.01)
    assert await source.get() is SHORT_PROMPT
    assert "still being fetched" in source.problem
    assert await source.get() is SHORT_PROMPT
    prompt_hub.may_answer.set()
    while await source.get() is SHORT_PROMPT:
        assert "still being fetched" in source.problem
    assert source.current.text == TEXT
    assert prompt_hub.num_asked == 1


async def test_who_leaves_does_not_end_the_fetch_for_the_others(prompt_hub: Hub) -> None:
    prompt_hub.may_answer.clear()
    source = prompt_hub.source()
    leaving, staying = asyncio.create_task(source.get()), asyncio.create_task(source.get())
    await asyncio.to_thread(prompt_hub.was_asked.wait)
    leaving.cancel()
    prompt_hub.may_answer.set()
    assert (await staying).text == TEXT
    assert leaving.cancelled()


async def test_it_comes_from_the_hubs_dataset_at_its_pinned_commit(
    hub: HubServer, home: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "dataset"
    folder.mkdir()
    (folder / PROMPT_FILE).write_text(TEXT)
    hub.add_dataset(PROMPT_REPOSITORY, folder).commit = PROMPT_REVISION
    assert (await AssistantPromptSource().get()).text == TEXT
    num_requests = len(hub.requests)
    assert (await AssistantPromptSource().get()).text == TEXT
    assert len(hub.requests) == num_requests


async def test_a_hub_without_the_dataset_is_told_by_name(hub: HubServer, home: Path) -> None:
    source = AssistantPromptSource()
    assert await source.get() is SHORT_PROMPT
    assert PROMPT_REPOSITORY in source.problem

"""Stopping at the end of the block or function that is being written."""

from __future__ import annotations

from collections.abc import AsyncGenerator

import pytest

from ui.block_stop import BlockLanguageError, read_ending, stop_at_end
from ui.progress import Progress

PROMPT = "def one():\n"
TEXTS = ["    ret", "    return 1\n\n", "    return 1\n\nprint(", "    return 1\n\nprint(one())"]


async def steps() -> AsyncGenerator[Progress, None]:
    for text in TEXTS:
        yield Progress(text)
    yield Progress(TEXTS[-1], is_over=True)


@pytest.mark.asyncio
async def test_what_is_written_past_the_end_is_left_out_and_the_run_cancelled_once() -> None:
    ending = read_ending("End of function", PROMPT, "Python")
    cancelled: list[str] = []
    seen = [
        progress async for progress in stop_at_end(steps(), ending, lambda: cancelled.append("now"))
    ]
    assert [progress.text for progress in seen] == [*TEXTS[:2], *["    return 1\n"] * 3]
    assert cancelled == ["now"]
    assert [progress.ended_at for progress in seen[1:3]] == ["", "the end of the function"]


@pytest.mark.asyncio
async def test_without_a_choice_every_step_goes_through_as_it_is() -> None:
    ending = read_ending("The model's own end", PROMPT, "Haskell")
    assert ending is None
    seen = [progress async for progress in stop_at_end(steps(), ending, pytest.fail)]
    assert [progress.text for progress in seen] == [*TEXTS, TEXTS[-1]]


def test_braces_are_counted_in_languages_that_have_them() -> None:
    ending = read_ending("End of block", "int f() {\n", "C")
    assert ending is not None
    assert ending.find("  return 1;\n}\n\nint g;") == len("  return 1;\n}\n")


def test_a_language_whose_blocks_are_not_known_is_refused_with_those_that_are() -> None:
    with pytest.raises(BlockLanguageError, match="function ends in Haskell") as caught:
        read_ending("End of function", PROMPT, "Haskell")
    assert "Python" in caught.value.advice

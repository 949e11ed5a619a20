from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing

import pytest

from ui.abreast import abreast


async def count(to: int) -> AsyncGenerator[int, None]:
    for number in range(1, to + 1):
        yield number
        await asyncio.sleep(0)


async def test_the_last_value_of_each_is_seen() -> None:
    seen: dict[str, int] = {}
    async for news in abreast({"a": count(3), "b": count(7)}):
        seen |= news
    assert seen == {"a": 3, "b": 7}


async def test_they_begin_in_their_order() -> None:
    begun: list[str] = []

    async def begin(name: str) -> AsyncGenerator[str, None]:
        begun.append(name)
        yield name

    assert [news async for news in abreast({name: begin(name) for name in "abc"})]
    assert begun == ["a", "b", "c"]


async def test_one_that_waits_does_not_hold_the_other_up() -> None:
    go_on = asyncio.Event()

    async def wait() -> AsyncGenerator[int, None]:
        await go_on.wait()
        yield 1

    seen = []
    async for news in abreast({"slow": wait(), "quick": count(2)}):
        seen.append(news)
        if news == {"quick": 2} or len(news) == 2:
            go_on.set()
    assert seen[-1]["slow"] == 1
    assert any(news.get("quick") == 2 for news in seen)


async def test_closing_it_closes_all() -> None:
    closed = []

    async def endless(name: str) -> AsyncGenerator[int, None]:
        try:
            while True:
                yield 1
                await asyncio.sleep(0)
        finally:
            closed.append(name)

    async with aclosing(abreast({name: endless(name) for name in "ab"})) as rounds:
        async for _ in rounds:
            break
    assert sorted(closed) == ["a", "b"]


async def test_an_error_is_raised_when_the_others_are_done() -> None:
    async def fail() -> AsyncGenerator[int, None]:
        yield 0
        raise RuntimeError("broken")

    seen: dict[str, int] = {}

    async def read_all() -> None:
        async for news in abreast({"bad": fail(), "good": count(5)}):
            seen.update(news)

    with pytest.raises(RuntimeError, match="broken"):
        await read_all()
    assert seen == {"bad": 0, "good": 5}

"""Several generators read at once, as one."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from typing import TypeVar

Key = TypeVar("Key")
Value = TypeVar("Value")


async def abreast(
    sources: Mapping[Key, AsyncGenerator[Value, None]],
) -> AsyncGenerator[dict[Key, Value], None]:
    """The latest value of each source that has a new one, until all have ended.

    They begin in the order of `sources`. Closing this closes them; an error of one is raised
    once the others have ended.
    """
    latest: dict[Key, Value] = {}
    has_news = asyncio.Event()

    async def pump(key: Key, source: AsyncGenerator[Value, None]) -> None:
        async with aclosing(source) as values:
            async for value in values:
                latest[key] = value
                has_news.set()

    tasks = [asyncio.create_task(pump(key, source)) for key, source in sources.items()]
    for task in tasks:
        task.add_done_callback(lambda _: has_news.set())
    try:
        is_over = False
        while not is_over:
            await has_news.wait()
            has_news.clear()
            is_over = all(task.done() for task in tasks)
            news = dict(latest)
            latest.clear()
            if news:
                yield news
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

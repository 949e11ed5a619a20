"""Answers with an item for each token: a text of a megabyte has half a million."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterable
from typing import Any

from fastapi.responses import Response


async def answer_list(make: Callable[[], Iterable[Any]], key: str = "") -> Response:
    """`make`'s items as a JSON list, alone or under `key`.

    They are made and written on a thread, one by one: a whole list is written in one go that lets
    no other thread run, the one that answers everybody else among them.
    """

    def write() -> str:
        items = ",".join(json.dumps(item, ensure_ascii=False) for item in make())
        return f'{{"{key}":[{items}]}}' if key else f"[{items}]"

    content = await asyncio.to_thread(write)
    return Response(content.encode("utf-8", "replace"), media_type="application/json")

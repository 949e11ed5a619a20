"""Requests that nobody foresaw: none of them hangs, breaks the server or shows its insides."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import httpx
import pytest

from api.errors import STATUS_BY_KIND, Kind
from tests.api.clients import Client, api_client
from tests.api.mutations import Mutant, Mutator
from tests.api.test_openapi import example_bodies

NUM_REQUESTS = 2_000
NUM_PARTS = 4
SEED = 20230504
# One that takes longer hangs.
SECONDS = 20.0
# Of an engine that lives and has nothing to do, no other 5xx can be right.
ALLOWED_5XX = {STATUS_BY_KIND[Kind.NOT_SERVED]}
INSIDES = ("Traceback", 'File "', "InternalError", "site-packages", "object at 0x", ".py")


@pytest.mark.parametrize("part", range(NUM_PARTS))
async def test_mutated_requests_are_answered_or_refused(part: int) -> None:
    async with api_client(max_body_bytes=60_000) as client:
        schema = (await client.get("/openapi.json")).json()
        mutator = Mutator(SEED + part, example_bodies(schema))
        statuses: dict[int, int] = {}
        for _ in range(NUM_REQUESTS // NUM_PARTS):
            answer = await ask(client, mutator.next(), schema)
            statuses[answer.status_code] = statuses.get(answer.status_code, 0) + 1
        health = (await client.get("/health")).json()
    assert health["num_running"] == health["num_waiting"] == 0
    # Bad enough to be refused, and good enough to be read.
    assert statuses.get(200, 0) > 20
    assert statuses.get(400, 0) + statuses.get(422, 0) > 20


async def ask(client: Client, mutant: Mutant, schema: dict[str, Any]) -> httpx.Response:
    told = f"{mutant.method} {mutant.path} {mutant.headers} {mutant.content[:600]!r}"
    try:
        async with asyncio.timeout(SECONDS):
            answer = await client.request(
                mutant.method, mutant.path, content=mutant.content, headers=mutant.headers
            )
    except TimeoutError:
        pytest.fail(f"no answer: {told}")
    except Exception as error:  # noqa: BLE001 - that none may get out is what is tested
        pytest.fail(f"{error!r}: {told}")
    told = f"{answer.status_code} {answer.text[:600]} for {told}"
    if answer.status_code >= 500:
        assert answer.status_code in ALLOWED_5XX, told
        declared = (
            schema["paths"].get(mutant.path.partition("?")[0], {}).get(mutant.method.lower(), {})
        )
        assert str(answer.status_code) in declared.get("responses", ()), told
    if answer.status_code >= 400 and mutant.method != "HEAD":
        assert not any(inside in answer.text for inside in INSIDES), told
        assert isinstance(json.loads(answer.text or "{}"), dict) or mutant.method == "OPTIONS", told
    assert answer.headers["x-request-id"], told
    return answer

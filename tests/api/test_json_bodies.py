"""Bodies whose client did not say that they are JSON, as `curl -d` sends them."""

from __future__ import annotations

import json

import pytest

from tests.api.clients import Client, api_client

BODIES = {
    "/api/generate": {"prompt": "SAY: hi", "stream": False},
    "/api/chat": {"messages": [{"role": "user", "content": "a"}], "stream": False},
    "/completion": {"prompt": "SAY: hi"},
    "/generate": {"inputs": "SAY: hi"},
    "/v1/completions": {"prompt": "SAY: hi"},
}


async def post(client: Client, path: str, headers: dict[str, str]) -> int:
    response = await client.post(path, content=json.dumps(BODIES[path]), headers=headers)
    return response.status_code


@pytest.mark.parametrize("path", BODIES)
async def test_they_are_read_as_json(path: str) -> None:
    form = {"content-type": "application/x-www-form-urlencoded"}
    async with api_client() as client:
        assert [await post(client, path, {}), await post(client, path, form)] == [200, 200]


async def test_a_page_elsewhere_cannot_send_them_without_asking_first() -> None:
    """Such a body is one that a browser sends anywhere without a preflight."""
    evil = {"origin": "https://evil.example"}
    form = {"content-type": "application/x-www-form-urlencoded", **evil}
    async with api_client() as client:
        for headers in (evil, form, {"content-type": "text/plain", **evil}):
            assert await post(client, "/generate", headers) == 422


async def test_what_says_to_be_something_else_is_not_read_as_json() -> None:
    async with api_client() as client:
        assert await post(client, "/generate", {"content-type": "text/plain"}) == 422

"""HEAD, where GET is served."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.api.clients import Client, api_client

KEY = {"Authorization": "Bearer secret"}


@pytest.fixture
async def client() -> AsyncIterator[Client]:
    async with api_client(api_keys=["secret"]) as client:
        yield client


async def test_head_is_get_without_the_body(client: Client) -> None:
    for path in ("/health", "/v1/models", "/info", "/openapi.json"):
        got = await client.get(path, headers=KEY)
        head = await client.head(path, headers=KEY)
        assert (head.status_code, head.content) == (got.status_code, b""), path
        assert head.headers["content-type"] == got.headers["content-type"], path


async def test_head_needs_the_key_that_get_needs(client: Client) -> None:
    assert (await client.head("/v1/models")).status_code == 401
    assert (await client.head("/health")).status_code == 200

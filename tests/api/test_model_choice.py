"""What a refusal says of a name."""

from __future__ import annotations

import pytest

from tests.api.clients import api_client


@pytest.mark.parametrize("path", ["/v1/completions", "/completion", "/api/generate"])
async def test_of_a_long_name_no_more_comes_back_than_people_write(path: str) -> None:
    async with api_client() as client:
        answer = await client.post(path, json={"prompt": "x", "model": "y" * 10_000})
    assert answer.status_code == 404
    assert "y" * 50 in answer.text
    assert len(answer.text) < 1_000

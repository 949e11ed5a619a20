"""Attribution for llm-vscode, which is not served yet."""

from __future__ import annotations

from tests.api.clients import api_client


async def test_a_server_that_cannot_look_does_not_say_that_nothing_was_found() -> None:
    async with api_client() as client:
        response = await client.post("/overlap", json={"document": "def f():"})
    assert response.status_code == 501
    assert "spans" not in response.json()
    assert "llm.attributionEndpoint" in response.json()["detail"]


async def test_a_question_without_a_document_is_refused() -> None:
    async with api_client() as client:
        response = await client.post("/overlap", json={})
    assert response.status_code == 422
    assert response.json()["detail"].startswith("document: ")

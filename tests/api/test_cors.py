"""Whose pages may read what the API answers."""

from __future__ import annotations

import pytest

from tests.api.clients import api_client

EDITOR = "https://editor.example"
PREFLIGHT = {
    "access-control-request-method": "POST",
    "access-control-request-headers": "authorization,content-type,x-request-id",
}


async def test_a_page_of_a_named_origin_may_ask_and_read() -> None:
    async with api_client(is_public=True, cors_origins=[EDITOR]) as client:
        preflight = await client.options("/overlap", headers=PREFLIGHT | {"origin": EDITOR})
        response = await client.get("/health", headers={"origin": EDITOR})
    assert preflight.status_code == 200
    allowed = preflight.headers["access-control-allow-headers"].lower()
    assert {"authorization", "content-type", "x-request-id"} <= {
        name.strip() for name in allowed.split(",")
    }
    for answer in (preflight, response):
        assert answer.headers["access-control-allow-origin"] == EDITOR
        assert "access-control-allow-credentials" not in answer.headers


async def test_sdks_send_headers_of_their_own() -> None:
    asked = {"access-control-request-headers": "x-stainless-lang,x-stainless-os,user-agent"}
    async with api_client(cors_origins=[EDITOR]) as client:
        headers = PREFLIGHT | asked | {"origin": EDITOR}
        preflight = await client.options("/v1/completions", headers=headers)
    assert preflight.status_code == 200
    assert "x-stainless-os" in preflight.headers["access-control-allow-headers"]


async def test_a_page_may_read_the_headers_that_clients_read() -> None:
    async with api_client(cors_origins=[EDITOR]) as client:
        response = await client.get("/health", headers={"origin": EDITOR})
    exposed = response.headers["access-control-expose-headers"].lower().split(", ")
    assert {"x-request-id", "retry-after", "x-generated-tokens"} <= set(exposed)


@pytest.mark.parametrize("origin", ["https://other.example", "http://editor.example", "null"])
async def test_other_origins_may_not(origin: str) -> None:
    async with api_client(is_public=True, cors_origins=[EDITOR]) as client:
        preflight = await client.options("/overlap", headers=PREFLIGHT | {"origin": origin})
        response = await client.get("/health", headers={"origin": origin})
    for answer in (preflight, response):
        assert "access-control-allow-origin" not in answer.headers
    assert preflight.status_code == 400


async def test_a_star_lets_every_page_read_and_none_send_cookies() -> None:
    async with api_client(is_public=True, cors_origins=["*"]) as client:
        response = await client.get("/health", headers={"origin": "https://any.example"})
    assert response.headers["access-control-allow-origin"] == "*"
    assert "access-control-allow-credentials" not in response.headers


@pytest.mark.parametrize(("is_public", "is_allowed"), [(False, True), (True, False)])
async def test_pages_of_this_machine_may_where_strangers_cannot_reach_it(
    is_public: bool, is_allowed: bool
) -> None:
    async with api_client(is_public=is_public, cors_origins=[EDITOR]) as client:
        response = await client.get("/health", headers={"origin": "http://localhost:3000"})
    assert ("access-control-allow-origin" in response.headers) is is_allowed


async def test_refusals_can_be_read_by_those_who_may_read_answers() -> None:
    async with api_client(cors_origins=[EDITOR], max_body_bytes=1024) as client:
        response = await client.post("/overlap", content=b"x" * 2000, headers={"origin": EDITOR})
    assert response.status_code == 413
    assert response.headers["access-control-allow-origin"] == EDITOR


async def test_a_preflight_needs_no_key() -> None:
    """A browser sends it without one."""
    async with api_client(cors_origins=[EDITOR], api_keys=["k"]) as client:
        preflight = await client.options("/overlap", headers=PREFLIGHT | {"origin": EDITOR})
    assert preflight.status_code == 200

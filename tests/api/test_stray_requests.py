"""What none of our routes takes, with a page mounted beside them."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator

import pytest
from fastapi import FastAPI
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse

from api.errors import protocol_of
from api.own_routes import OwnRoutes
from api.server import build_server
from tests.api.clients import Client, build_service, client_of


def build() -> FastAPI:
    app = build_server(build_service(), max_body_bytes=10_000, is_public=False, api_keys=["secret"])
    page = Starlette()

    async def show(request: Request) -> PlainTextResponse:
        return PlainTextResponse("the page")

    page.add_route("/{rest:path}", show, ["GET", "HEAD", "POST", "PUT"])
    app.mount("/", page)
    return app


@pytest.fixture
async def client() -> AsyncIterator[Client]:
    async with client_of(build()) as client:
        yield client


async def test_another_method_is_told_which_one_to_use_in_the_paths_form(client: Client) -> None:
    paths = {path for _, path in OwnRoutes(build()).all()} - {"/"}
    assert len(paths) > 25
    for path in sorted(paths):
        asked = re.sub("{(model_)?id}", "bigcode/starcoder", path).replace("{name}", "x.js")
        response = await client.put(asked)
        assert response.status_code == 405, path
        body = response.json()
        assert " takes " in str(body), path
        assert response.headers["allow"] in ("GET", "POST"), path
        if protocol_of("PUT", asked).name == "OpenAI":
            assert body["error"]["message"] == f"{asked} takes {response.headers['allow']}."


async def test_the_page_keeps_its_own_paths(client: Client) -> None:
    assert (await client.get("/")).text == "the page"
    assert (await client.put("/of/the/page")).text == "the page"
    assert (await client.head("/")).status_code == 200


async def test_what_is_beside_our_paths_is_refused_in_its_form(client: Client) -> None:
    pull = await client.post("/api/pull", json={})
    assert (pull.status_code, "/api/generate" in pull.json()["error"]) == (404, True)
    embed = await client.post("/v1/embeddings", json={})
    assert "/v1/completions" in embed.json()["error"]["message"]

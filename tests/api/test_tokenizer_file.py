"""`GET /tokenizer.json`, over a real tokenizer in a folder and an engine that only pretends."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from tokenizers import Tokenizer

from api.server import build_server
from model.presets import EMBEDDED_BASE, ModelPreset
from model.tokenization import load_tokenizer
from tests.api.clients import Client, api_client, build_service, client_of, wait_until_ready
from tests.api.tokenized import TokenizedEngine, hub_preset
from tests.checkpoints import STARCODER_TOKENS, write_tokenizer


@asynccontextmanager
async def serving(folder: Path, of: ModelPreset, *, is_public: bool) -> AsyncIterator[Client]:
    service = build_service(TokenizedEngine(folder, of))
    app = build_server(service, max_body_bytes=10_000, is_public=is_public)
    async with client_of(app) as client:
        await wait_until_ready(service)
        yield client


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_tokenizer(tmp_path, STARCODER_TOKENS)
    return tmp_path


async def test_the_file_is_the_checkpoints_own_byte_for_byte(folder: Path) -> None:
    async with serving(folder, hub_preset("starcoder"), is_public=False) as client:
        response = await client.get("/tokenizer.json")
        chat = await client.get("/tokenizer.json", params={"slot": "chat"})
    assert response.status_code == 200
    assert response.headers["content-type"] == "application/json"
    assert response.content == chat.content == (folder / "tokenizer.json").read_bytes()


async def test_llm_ls_can_count_with_it(folder: Path) -> None:
    async with serving(folder, hub_preset("starcoder"), is_public=False) as client:
        fetched = Tokenizer.from_str((await client.get("/tokenizer.json")).text)
    text = "def f():\n    return 1\n"
    assert fetched.encode(text).ids == load_tokenizer(folder).encode_text(text)


@pytest.mark.parametrize(
    ("of", "status"),
    [
        (hub_preset("starcoder"), 501),
        (hub_preset("starcoder2-3b"), 200),
        (EMBEDDED_BASE, 200),
        (ModelPreset("someones-own", "Someone's own"), 501),
    ],
    ids=lambda value: value.name if isinstance(value, ModelPreset) else str(value),
)
async def test_strangers_get_only_what_the_hub_gives_to_everybody(
    folder: Path, of: ModelPreset, status: int
) -> None:
    async with serving(folder, of, is_public=True) as client:
        response = await client.get("/tokenizer.json")
    assert response.status_code == status
    if status != 200:
        assert "not handed out" in response.json()["detail"]
        assert "vocab" not in response.text


async def test_a_file_that_has_gone_is_told_of(folder: Path) -> None:
    async with serving(folder, hub_preset("starcoder"), is_public=False) as client:
        (folder / "tokenizer.json").unlink()
        response = await client.get("/tokenizer.json")
    assert (response.status_code, response.json()["detail"]) == (
        501,
        "StarCoder has no tokenizer.json.",
    )


async def test_an_engine_without_a_tokenizer_file_says_so() -> None:
    async with api_client() as client:
        response = await client.get("/tokenizer.json")
        unknown = await client.get("/tokenizer.json?slot=other")
    assert response.status_code == 501
    assert response.json()["detail"] == "Script has no tokenizer.json."
    assert unknown.status_code == 422

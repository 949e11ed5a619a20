"""The Connect panel over the scripted engine: what it says of the server and of its models."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from html import unescape
from types import SimpleNamespace
from typing import Any

import gradio as gr
import pytest

from model.engine.generation import SLOTS
from model.engine.scripted import ScriptedEngine
from model.errors import ModelLoadError
from model.loading.job import LoadJob
from model.loading.residency import Residency
from model.loading.slot import ModelSource
from model.presets import EMBEDDED_BASE, EMBEDDED_CHAT, HUB_PRESETS, ModelPreset, find_hub_preset
from model.prompts.infill import INFILL_FORMATS
from model.served import served_models
from ui.connect_panel import ConnectPanel, read_model, render_snippet
from ui.served import Snippet

ADDRESS = "https://0123abcd.gradio.live"


def preset(name: str) -> ModelPreset:
    found = find_hub_preset(name)
    assert found is not None
    return found


@asynccontextmanager
async def panel_over(
    base: ModelPreset,
    chat: ModelPreset,
    *,
    fetch: Any = lambda job: None,
    needs_key: bool = False,
    is_started: bool = True,
) -> AsyncIterator[tuple[ConnectPanel, Residency]]:
    engine = ScriptedEngine()
    residency = Residency(
        engine, {"base": ModelSource(base, fetch), "chat": ModelSource(chat, lambda job: None)}
    )
    if is_started:
        residency.start()
        for slot in SLOTS:
            async with asyncio.timeout(10):
                while residency.is_busy(slot):
                    await residency.wait_for_change(slot)
    with gr.Blocks(analytics_enabled=False):
        panel = ConnectPanel(residency, needs_key=needs_key)
    yield panel, residency
    await residency.close()
    await asyncio.to_thread(engine.close)


async def show(
    panel: ConnectPanel, client: str = "llm-vscode", address: str = ADDRESS, host: str = "ours:1"
) -> tuple[str, str]:
    """The facts, and what there is to copy."""
    request = SimpleNamespace(headers={"host": host})
    return await panel._show(client, address, request)  # type: ignore[arg-type]


def text_of(html: str) -> str:
    """What a browser shows of `html`, its tags left out."""
    pieces = [piece.rpartition(">")[2] for piece in html.split("<")]
    return unescape("".join(pieces))


async def test_the_address_is_the_one_that_the_browser_came_by() -> None:
    async with panel_over(preset("starcoder"), preset("starchat-beta")) as (panel, _):
        facts, snippet = await show(panel)
        assert f"<code>{ADDRESS}</code>" in facts
        assert f"<code>{ADDRESS}/v1</code>" in facts
        assert f'"llm.url": "{ADDRESS}"' in text_of(snippet)
        _, below_a_path = await show(panel, address="http://box.example:8000/coder")
        assert '"llm.url": "http://box.example:8000/coder"' in text_of(below_a_path)


@pytest.mark.parametrize(
    "address", ["", "javascript:alert(1)", "https://a b", "http://x/<script>", "http://x'\n"]
)
async def test_what_is_no_address_gives_way_to_the_host_that_was_asked(address: str) -> None:
    async with panel_over(preset("starcoder"), preset("starchat-beta")) as (panel, _):
        facts, snippet = await show(panel, address=address)
        assert "<code>http://ours:1</code>" in facts
        assert '"llm.url": "http://ours:1"' in text_of(snippet)


async def test_it_says_whether_a_key_is_needed() -> None:
    models = (preset("starcoder"), preset("starchat-beta"))
    async with panel_over(*models) as (panel, _):
        assert "none is needed" in (await show(panel))[0]
    async with panel_over(*models, needs_key=True) as (panel, _):
        facts, snippet = await show(panel, "openai")
        assert "needed: put it in place of <code>YOUR_KEY</code>" in facts
        assert 'api_key="YOUR_KEY"' in text_of(snippet)


@pytest.mark.parametrize(
    "models",
    [
        (preset("starcoder"), preset("starchat-beta")),
        (preset("starchat-beta"), preset("starchat-beta")),
        (EMBEDDED_BASE, EMBEDDED_CHAT),
        (ModelPreset("/home/me/mine", "mine"), ModelPreset("/home/me/mine", "mine")),
    ],
)
async def test_the_models_are_named_as_the_api_names_them(
    models: tuple[ModelPreset, ModelPreset],
) -> None:
    async with panel_over(*models) as (panel, residency):
        facts, _ = await show(panel)
        ids = [model.id for model in served_models(residency)]
        assert ", ".join(f"<code>{id_}</code>" for id_ in ids) in facts
        shown = {slot: read_model(residency, slot).name for slot in SLOTS}
        assert shown == {
            slot: model.id for model in served_models(residency) for slot in model.slots
        }


async def test_a_resident_model_is_described_as_it_is() -> None:
    # The script's tokens are StarCoder's, whatever the preset says, and it runs on a processor.
    async with panel_over(preset("santacoder"), preset("starchat-beta")) as (_, residency):
        model = read_model(residency, "base")
        assert model.infill is INFILL_FORMATS["StarCoder"]
        assert model.context_length == 8192
        assert model.is_slow
        assert model.can_chat


async def test_before_it_is_loaded_a_model_is_described_as_its_preset_says() -> None:
    models = (preset("santacoder"), preset("starchat-beta"))
    async with panel_over(*models, is_started=False) as (panel, residency):
        model = read_model(residency, "base")
        assert model.infill is INFILL_FORMATS["SantaCoder"]
        assert model.context_length == 2048
        assert not model.can_chat
        _, html = await show(panel)
        assert "SantaCoder for Continue and Infill is still loading" in html
        assert "StarChat Beta for Chat is still loading" in html
        assert '"<fim-prefix>"' in text_of(html)


async def test_a_model_that_could_not_be_loaded_is_missed_and_its_settings_are_shown() -> None:
    def fail(job: LoadJob) -> None:
        raise ModelLoadError("No.", "Try again.")

    models = (preset("starcoder2-3b"), preset("starchat-beta"))
    async with panel_over(*models, fetch=fail) as (panel, _):
        _, html = await show(panel)
        assert "no model for Continue and Infill: StarCoder2-3B could not be loaded" in html
        assert '"<file_sep>"' in text_of(html)
        assert "for Chat" not in html


async def test_nothing_is_said_of_models_that_are_there() -> None:
    async with panel_over(preset("starcoder"), preset("starchat-beta")) as (panel, _):
        assert "pg-notice" not in (await show(panel))[1]


async def test_of_an_unknown_model_that_is_not_here_the_least_is_taken_for_granted() -> None:
    unknown = ModelPreset("owner/name", "name", "owner/name")
    async with panel_over(unknown, unknown, is_started=False) as (_, residency):
        model = read_model(residency, "base")
        assert model.infill is INFILL_FORMATS["StarCoder"]
        assert model.context_length == 2048
        assert model.can_chat


@pytest.mark.parametrize("row", [EMBEDDED_BASE, *HUB_PRESETS], ids=lambda row: row.name)
async def test_every_presets_file_token_is_cleared(row: ModelPreset) -> None:
    async with panel_over(row, row, is_started=False) as (_, residency):
        model = read_model(residency, "base")
        assert "<|endoftext|>" in model.end_tokens
        has_file_token = row.family in ("StarCoder 2", "StarChat 2", "SmolLM2")
        assert ("<file_sep>" in model.end_tokens) == has_file_token


async def test_what_cannot_be_served_says_why_instead_of_a_text_to_copy() -> None:
    without_infill = ModelPreset("plain", "Plain", family="Other", dialogue="StarChat")
    async with panel_over(without_infill, without_infill, is_started=False) as (panel, _):
        _, html = await show(panel, "llama.vim")
        assert "Plain was not trained to fill in the middle" in html
        assert "data-copy" not in html


async def test_a_snippet_is_copied_as_it_is_and_runs_no_markup() -> None:
    code = 'a = "<b>&amp;</b>"\n\tif x:\n        pass\n'
    html = await render_snippet(Snippet("<i>", "python", code, ("One <b>.", "Two `pip x`.")))
    assert code in text_of(html.partition("<pre")[2])
    assert "<b>" not in html
    assert "<i>" not in html
    assert "<code>pip x</code>" in html

"""Another model from the page: what changes, what has to wait, and what a bad one leaves alone."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.models_panel import (
    FLAGS,
    TYPED,
    change,
    chip,
    choose_weights,
    expect_advice,
    expect_streaming,
    load_model,
    open_models,
)
from tests.browser.tabs import (
    TIMEOUT,
    code_in,
    generated,
    open_page,
    open_tab,
    setting,
    status,
    type_code,
    wait_for_text,
)
from tests.checkpoints import (
    STARCHAT_ADDED_TOKENS,
    write_gpt_bigcode,
    write_llama,
    write_santacoder,
)
from tests.hub import HubServer
from tests.servers import RunningApp, running_app

pytestmark = pytest.mark.browser

NEW = "#continue-result .pg-new"


@dataclass
class Scene:
    """An app that offers the checkpoints in `folder`, and a page of it that stays open."""

    app: RunningApp
    page: Page
    hub: HubServer
    folder: Path

    def switch(self, name: str) -> None:
        load_model(self.page, name)
        expect(chip(self.page)).to_contain_text(f"{name} · cpu", timeout=TIMEOUT)

    def begin_long_run(self) -> None:
        """As long as the context; who begins it ends it."""
        setting(self.page, "continue", "max_new_tokens").fill("8000")
        self.page.click("#continue-run")
        wait_for_text(self.page, NEW, 20)


@pytest.fixture(scope="module")
def stage(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    folder = tmp_path_factory.mktemp("models")
    # Slow enough for what happens while it writes.
    first = write_gpt_bigcode(folder / "first", num_layers=24, added_tokens=STARCHAT_ADDED_TOKENS)
    write_gpt_bigcode(folder / "second", seed=1)
    write_santacoder(folder / "short")
    write_llama(folder / "plain")
    write_faulty(folder)
    flags = (*FLAGS, "--base-model", str(first), "--chat-model", str(first))
    home = tmp_path_factory.mktemp("home")
    with (
        HubServer() as hub,
        running_app(
            *flags, "--model-folders", str(folder), environment=hub.environment(home)
        ) as app,
    ):
        context = browser.new_context(viewport={"width": 1280, "height": 900})
        page = context.new_page()
        open_page(page, app.url)
        open_models(page)
        yield Scene(app, page, hub, folder)
        context.close()


@pytest.fixture
def scene(stage: Scene) -> Scene:
    """With the model `first` in the base slot and something typed."""
    open_tab(stage.page, "Continue")
    type_code(stage.page, "continue-prompt", TYPED)
    stage.switch("first")
    return stage


def write_faulty(folder: Path) -> None:
    """A folder that is no checkpoint, another architecture, and weights that are cut off."""
    bert = {"model_type": "bert", "architectures": ["BertForMaskedLM"]}
    for name, config in (("nothing", {}), ("bert", bert)):
        (folder / name).mkdir()
        (folder / name / "config.json").write_text(json.dumps(config))
    weights = write_gpt_bigcode(folder / "cut") / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1000])


def test_a_switch_waits_for_what_is_being_generated(scene: Scene) -> None:
    page = scene.page
    scene.begin_long_run()
    load_model(page, "second")
    expect(change(page)).to_contain_text("second: waiting for 1 generation to finish")
    expect(chip(page)).to_contain_text("first")
    before = len(generated(page, "continue-result"))
    wait_for_text(page, NEW, before + 20)
    page.click("#continue-stop")
    expect(chip(page)).to_contain_text("second · cpu", timeout=TIMEOUT)
    expect(status(page, "continue")).to_contain_text("stopped by you")
    assert len(generated(page, "continue-result")) > before
    expect_streaming(page)


def test_a_switch_that_waits_can_be_called_off(scene: Scene) -> None:
    page = scene.page
    scene.begin_long_run()
    load_model(page, "second")
    expect(change(page)).to_contain_text("waiting for 1 generation to finish")
    page.click("#models-base-cancel")
    expect_advice(change(page), "Loading second was cancelled; the model from before serves")
    wait_for_text(page, NEW, len(generated(page, "continue-result")) + 20)
    page.click("#continue-stop")
    expect(status(page, "continue")).to_contain_text("stopped by you", timeout=TIMEOUT)
    page.click("#models-base-dismiss")
    expect(change(page)).to_be_hidden()
    expect(chip(page)).to_contain_text("first")


def test_an_urgent_switch_keeps_the_text_so_far_and_says_why_it_ends(scene: Scene) -> None:
    page = scene.page
    scene.begin_long_run()
    page.locator("#models-base-urgent input").check()
    load_model(page, "second")
    page.locator("#models-base-urgent input").uncheck()
    expect(status(page, "continue")).to_contain_text(
        "stopped: the model was changed", timeout=TIMEOUT
    )
    expect(chip(page)).to_contain_text("second · cpu", timeout=TIMEOUT)
    assert len(generated(page, "continue-result")) >= 20
    assert code_in(page, "continue-prompt") == TYPED


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("nothing", "config.json"),
        ("bert", "BertForMaskedLM is no model that continues a text"),
        ("cut", "model.safetensors is cut off"),
    ],
)
def test_a_faulty_checkpoint_leaves_the_former_model_serving(
    scene: Scene, name: str, message: str
) -> None:
    page = scene.page
    load_model(page, name)
    expect_advice(change(page), f"{name} could not be loaded; the model from before serves")
    expect(change(page).locator(".pg-error")).to_contain_text(message)
    expect(chip(page)).to_contain_text("first · cpu")
    assert code_in(page, "continue-prompt") == TYPED
    expect_streaming(page)


def test_what_cannot_fit_is_refused_with_its_table_before_anything_is_asked(scene: Scene) -> None:
    page = scene.page
    choose_weights(page, "Unquantised")
    load_model(page, "StarCoder · 15.5B")
    # In 32 bits: more than 62 GB, which no machine that runs these tests has free.
    expect_advice(change(page), "StarCoder does not fit")
    table = change(page).locator("table.pg-memory")
    expect(table.locator("tr.pg-over").first).to_contain_text("does not fit")
    expect(table.locator("tbody tr").first).to_contain_text(re.compile(r"float32.*6\d\.\d GB"))
    expect(chip(page)).to_contain_text("first · cpu")
    assert scene.hub.requests == []
    choose_weights(page, "Best that fits")


def test_tabs_follow_what_the_new_model_can_do(scene: Scene) -> None:
    page = scene.page
    expect(page.locator("#continue-context")).to_contain_text("of 8,192 tokens")
    scene.switch("short")
    expect(page.locator("#continue-context")).to_contain_text("of 2,048 tokens", timeout=TIMEOUT)
    scene.switch("plain")
    open_tab(page, "Infill")
    expect(page.locator("#infill-refusal")).to_contain_text("plain was not trained to fill in")
    expect(page.locator("#infill-run")).to_have_text("Continue to the suffix")
    scene.switch("first")
    expect(page.locator("#infill-refusal")).to_be_hidden()
    expect(page.locator("#infill-run")).to_have_text("Generate")


def test_a_page_that_is_open_elsewhere_follows_by_itself(scene: Scene, page: Page) -> None:
    open_page(page, scene.app.url)
    type_code(page, "continue-prompt", "somebody else's")
    scene.switch("second")
    expect(chip(page)).to_contain_text("second · cpu", timeout=10_000)
    assert code_in(page, "continue-prompt") == "somebody else's"


def test_the_same_model_in_both_slots_and_another_one_beside_it(scene: Scene) -> None:
    page = scene.page
    load_model(page, "second", "chat")
    expect(chip(page, 1)).to_contain_text("second · cpu", timeout=TIMEOUT)
    open_tab(page, "Chat")
    expect(page.locator("#chat-refusal")).to_contain_text("second was not tuned for dialogue")
    load_model(page, "first", "chat")
    expect(chip(page, 1)).to_contain_text("first · cpu", timeout=TIMEOUT)
    expect(page.locator("#chat-refusal")).to_be_hidden()

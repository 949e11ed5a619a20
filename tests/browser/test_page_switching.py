"""Another model from the page: what changes, what has to wait, and what a bad one leaves alone."""

from __future__ import annotations

import json
import re
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from model.prompts.dialogue import STARCHAT2
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
    open_section,
    open_tab,
    setting,
    status,
    type_code,
    wait_for_generated,
)
from tests.checkpoints import (
    write_gpt_bigcode,
    write_llama,
    write_santacoder,
    write_starchat,
    write_starchat2,
)
from tests.hub import HubServer
from tests.servers import RunningApp, running_app

pytestmark = pytest.mark.browser

NUM_CHARS = 5


@dataclass
class Scene:
    """An app that offers the checkpoints in `folder`, and a page of it that stays open."""

    app: RunningApp
    page: Page
    hub: HubServer
    folder: Path

    def switch(self, name: str) -> None:
        """Load `name`, unless it is there: a second load would have to wait for the first."""
        if f"{name} · cpu" in (chip(self.page).text_content() or ""):
            return
        load_model(self.page, name)
        expect(chip(self.page)).to_contain_text(f"{name} · cpu", timeout=TIMEOUT)

    def begin_long_run(self) -> None:
        """Ends by itself long after the test; at a pace that leaves the page time for the rest."""
        self.switch("slow")
        setting(self.page, "continue", "max_new_tokens").fill("8000")
        self.page.click("#continue-run")
        wait_for_generated(self.page, "continue-prompt", NUM_CHARS)

    @contextmanager
    def memory_for(self, num_bytes: int) -> Iterator[None]:
        """The app may take no more than so much on top of what it has."""
        process = self.app.process.pid
        num_pages = int(Path(f"/proc/{process}/statm").read_text().split()[0])
        limit = num_pages * resource.getpagesize() + num_bytes
        before = resource.prlimit(process, resource.RLIMIT_AS, (limit, resource.RLIM_INFINITY))
        try:
            yield
        finally:
            resource.prlimit(process, resource.RLIMIT_AS, before)


@pytest.fixture(scope="module")
def stage(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    folder = tmp_path_factory.mktemp("models")
    first = write_starchat(folder / "first")
    write_gpt_bigcode(folder / "slow", num_layers=200)
    write_gpt_bigcode(folder / "second", seed=1)
    write_santacoder(folder / "short")
    write_llama(folder / "plain")
    write_starchat2(folder / "polite")
    # Small on the disk; in memory its mask takes 400 MB.
    write_gpt_bigcode(folder / "wide", n_positions=20_000)
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
def scene(stage: Scene) -> Iterator[Scene]:
    """With the model `first` in the base slot and something typed."""
    open_tab(stage.page, "Continue")
    type_code(stage.page, "continue-prompt", TYPED)
    stage.switch("first")
    yield stage
    # A run that a failed test left behind would hold up the next one.
    stage.page.evaluate("document.querySelector('#continue-stop')?.click()")


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
    expect(chip(page)).to_contain_text("slow")
    before = len(generated(page, "continue-prompt"))
    wait_for_generated(page, "continue-prompt", before + NUM_CHARS)
    page.click("#continue-stop")
    expect(chip(page)).to_contain_text("second · cpu", timeout=TIMEOUT)
    expect(status(page, "continue")).to_contain_text("stopped by you")
    assert len(generated(page, "continue-prompt")) > before
    expect_streaming(page)


def test_a_switch_that_waits_can_be_called_off(scene: Scene) -> None:
    page = scene.page
    scene.begin_long_run()
    load_model(page, "second")
    expect(change(page)).to_contain_text("waiting for 1 generation to finish")
    page.click("#models-base-cancel")
    expect_advice(change(page), "Loading second was cancelled; the model from before serves")
    wait_for_generated(page, "continue-prompt", len(generated(page, "continue-prompt")) + NUM_CHARS)
    page.click("#continue-stop")
    expect(status(page, "continue")).to_contain_text("stopped by you", timeout=TIMEOUT)
    page.click("#models-base-dismiss")
    expect(change(page)).to_be_hidden()
    expect(chip(page)).to_contain_text("slow")


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
    text = generated(page, "continue-prompt")
    assert len(text) >= NUM_CHARS
    assert code_in(page, "continue-prompt") == TYPED + text


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


def test_memory_that_runs_out_while_loading_leaves_the_former_model_serving(scene: Scene) -> None:
    page = scene.page
    with scene.memory_for(150_000_000):
        load_model(page, "wide")
        expect_advice(change(page), "The machine ran out of memory while the model was loaded.")
        expect(chip(page)).to_contain_text("first · cpu")
        assert code_in(page, "continue-prompt") == TYPED
        expect_streaming(page)
    page.click("#models-base-retry")
    expect(chip(page)).to_contain_text("wide · cpu", timeout=TIMEOUT)


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


def test_the_chat_tab_follows_its_model_and_keeps_what_was_written(scene: Scene) -> None:
    page = scene.page
    open_tab(page, "Chat")
    open_section(page, "System prompt")
    system = page.locator("#chat-system textarea")
    load_model(page, "polite", "chat")
    expect(system).to_have_value(STARCHAT2.default_system, timeout=TIMEOUT)
    load_model(page, "second", "chat")
    expect(page.locator("#chat-refusal")).to_contain_text("second was not tuned for dialogue")
    system.fill("Answer in rhyme.")
    load_model(page, "first", "chat")
    expect(chip(page, 1)).to_contain_text("first · cpu", timeout=TIMEOUT)
    expect(page.locator("#chat-refusal")).to_be_hidden()
    expect(system).to_have_value("Answer in rhyme.")
    # One copy serves both slots.
    expect(page.locator("#models-chat")).to_contain_text("It takes no memory of its own.")

"""A page that strangers see: restrictions before the first use, and no say over the models."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from model.licenses import OPENRAIL_M
from tests.browser.models_panel import FLAGS, chip, expect_streaming, open_models
from tests.browser.tabs import TIMEOUT, open_page
from tests.checkpoints import write_gpt_bigcode, write_starchat
from tests.hub import HubServer
from tests.hub_repos import write_card
from tests.servers import running_app

pytestmark = pytest.mark.browser

# Reached by 127.0.0.1 all the same.
PUBLIC = ("--host", "0.0.0.0", *FLAGS)
RESTRICTED = "bigcode/tiny_starcoder_py"
OPEN = "someone/open-coder"


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[HubServer]:
    with HubServer() as hub:
        hub.add_model(RESTRICTED, write_gpt_bigcode(tmp_path / "restricted"))
        open_folder = write_starchat(tmp_path / "open")
        write_card(open_folder, license="apache-2.0")
        hub.add_model(OPEN, open_folder)
        yield hub


def expect_no_say_over_models(page: Page) -> None:
    open_models(page)
    for element in ("model", "load", "cancel", "retry"):
        expect(page.locator(f"#models-base-{element}")).to_be_hidden()
    expect(page.locator("#retry-loading")).to_be_hidden()


def test_restrictions_are_read_once_before_the_first_use(
    page: Page, hub: HubServer, tmp_path: Path
) -> None:
    models = ("--base-model", RESTRICTED, "--chat-model", OPEN)
    with running_app(*PUBLIC, *models, environment=hub.environment(tmp_path / "home")) as app:
        open_page(page, app.url)
        gate = page.locator("#license-gate")
        expect(gate.locator("li")).to_have_text(list(OPENRAIL_M.restrictions), timeout=TIMEOUT)
        expect(gate.locator(f'a[href="{OPENRAIL_M.url}"]')).to_be_visible()
        expect(chip(page).locator(f'a[href="{OPENRAIL_M.url}"]')).to_be_visible()
        expect(page.get_by_role("tab", name="Continue")).to_be_hidden()
        expect_no_say_over_models(page)
        page.reload()
        expect(gate).to_be_visible(timeout=TIMEOUT)
        page.click("#license-accept")
        expect(gate).to_be_hidden()
        expect_streaming(page)
        page.reload()
        expect(page.get_by_role("tab", name="Continue")).to_be_visible(timeout=TIMEOUT)
        expect(chip(page)).to_contain_text("TinyStarCoderPy")
        expect(gate).to_be_hidden()
        expect_streaming(page)


def test_an_open_licence_is_shown_and_not_asked_about(
    page: Page, hub: HubServer, tmp_path: Path
) -> None:
    models = ("--base-model", OPEN, "--chat-model", "someone/missing")
    with running_app(*PUBLIC, *models, environment=hub.environment(tmp_path / "home")) as app:
        page.goto(app.url)
        expect(chip(page)).to_contain_text("Apache-2.0", timeout=TIMEOUT)
        expect(chip(page, 1)).to_contain_text("could not be loaded", timeout=TIMEOUT)
        expect(page.locator("#failures")).to_contain_text("finds the reason in its log")
        expect(page.locator("#failures")).not_to_contain_text("someone/missing")
        assert "knows no model someone/missing" in app.output
        expect(page.locator("#license-gate")).to_be_hidden()
        expect_no_say_over_models(page)
        expect_streaming(page)

"""What the page says of models that fail to load or cannot do all, over the local engine."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.tabs import TIMEOUT, open_page, open_tab, setting, type_code, wait_until_over
from tests.checkpoints import write_gpt_bigcode, write_llama, write_starchat
from tests.servers import running_app

pytestmark = pytest.mark.browser

LOAD_TIMEOUT = 90_000
# A given number of threads: no trial, whose result would be kept in the user's cache.
FLAGS = ("--threads", "1")


def test_a_failed_load_says_why_and_can_be_tried_again(page: Page, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    folder = str(tmp_path)
    with running_app(*FLAGS, "--base-model", folder, "--chat-model", folder) as app:
        page.goto(app.url)
        expect(page.locator(".pg-chip.pg-failed")).to_have_count(2, timeout=LOAD_TIMEOUT)
        expect(page.locator("#failures .pg-error")).to_have_count(1)
        type_code(page, "continue-prompt", "keep me")
        page.click("#continue-run")
        expect(page.locator("#continue-status .pg-error")).to_be_visible(timeout=TIMEOUT)
        write_starchat(tmp_path)
        page.click("#retry-loading")
        expect(page.locator(".pg-chip.pg-ready")).to_have_count(2, timeout=LOAD_TIMEOUT)
        expect(page.locator("#failures .pg-error")).to_have_count(0)
        expect(page.locator("#continue-prompt .cm-content")).to_have_text("keep me")
        setting(page, "continue", "max_new_tokens").fill("8")
        page.click("#continue-run")
        wait_until_over(page, "continue")


def test_a_tab_says_what_its_model_cannot_do_and_offers_what_it_can(
    page: Page, tmp_path: Path
) -> None:
    without_infill = write_llama(tmp_path / "llama")
    without_dialogue = write_gpt_bigcode(tmp_path / "starcoder")
    flags = ("--base-model", str(without_infill), "--chat-model", str(without_dialogue))
    with running_app(*FLAGS, *flags) as app:
        app.wait_until_ready()
        open_page(page, app.url)
        open_tab(page, "Infill")
        expect(page.locator("#infill-refusal")).to_contain_text("not trained to fill in the middle")
        expect(page.locator("#infill-run")).to_have_text("Continue to the suffix")
        setting(page, "infill", "max_new_tokens").fill("8")
        type_code(page, "infill-prefix", "a = 1\n")
        type_code(page, "infill-suffix", "b = 2\n")
        page.click("#infill-run")
        wait_until_over(page, "infill")
        open_tab(page, "Chat")
        expect(page.locator("#chat-refusal")).to_contain_text("not tuned for dialogue")
        page.locator("#chat-message textarea").fill("hello")
        page.locator("#chat-message textarea").press("Enter")
        expect(page.locator("#chat-status .pg-error")).to_be_visible(timeout=TIMEOUT)
        expect(page.locator("#chat-message textarea")).to_have_value("hello")

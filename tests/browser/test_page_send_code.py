"""Code blocks of a reply on their way to the other tabs, over the scripted engine."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.browser.tabs import (
    code_in,
    open_page,
    open_tab,
    send_message,
    type_code,
    wait_for_code,
    wait_for_generated,
    wait_until_over,
)
from tests.servers import RunningApp

pytestmark = pytest.mark.browser

CODE = "fn f<T>() {\n    `${x}` &amp;\n}\n"
GAP = "a = 1\n<FILL_HERE>\nb = 2\n"


@pytest.fixture
def tab(page: Page, scripted_app: RunningApp) -> Page:
    """A conversation whose reply holds two blocks of code."""
    open_page(page, scripted_app.url)
    open_tab(page, "Chat")
    send_message(page, f"SAY: One:\n\n```rust\n{CODE}```\n\nand two:\n\n```\n{GAP}```\n")
    wait_until_over(page, "chat")
    expect(page.locator(".pg-send")).to_have_count(2)  # and none in the question
    return page


def send(page: Page, block: int, name: str) -> None:
    page.get_by_role("button", name=f"Send this code to {name}").nth(block).click()
    expect(page.locator(f"#{name.lower()}-run")).to_be_visible()


def test_a_block_stands_in_continue_exact_and_undo_brings_back_what_stood(tab: Page) -> None:
    open_tab(tab, "Continue")
    type_code(tab, "continue-prompt", "precious")
    open_tab(tab, "Chat")
    send(tab, 0, "Continue")
    wait_for_code(tab, "continue-prompt", CODE)
    expect(tab.locator("#continue-language input")).to_have_value("Rust")
    expect(tab.locator("#continue-prompt .cm-content")).to_be_focused()
    tab.click("#continue-undo")
    wait_for_code(tab, "continue-prompt", "precious")


def test_a_block_with_a_marker_is_split_in_infill(tab: Page) -> None:
    open_tab(tab, "Infill")
    type_code(tab, "infill-prefix", "precious")
    open_tab(tab, "Chat")
    send(tab, 1, "Infill")
    wait_for_code(tab, "infill-prefix", "a = 1\n")
    wait_for_code(tab, "infill-suffix", "\nb = 2\n")
    expect(tab.locator("#infill-language input")).to_have_value("Python")
    tab.click("#infill-undo")
    wait_for_code(tab, "infill-prefix", "precious")


def test_a_block_without_a_marker_is_the_prefix_in_a_tab_that_was_never_open(tab: Page) -> None:
    send(tab, 0, "Infill")
    wait_for_code(tab, "infill-prefix", CODE)
    assert code_in(tab, "infill-suffix") == ""


def test_what_is_being_written_there_is_not_overwritten(tab: Page) -> None:
    open_tab(tab, "Continue")
    type_code(tab, "continue-prompt", "SAY: " + "y" * 200)
    tab.keyboard.press("Control+Enter")
    wait_for_generated(tab, "continue-prompt", 5)
    open_tab(tab, "Chat")
    button = tab.get_by_role("button", name="Send this code to Continue").first
    button.click()
    expect(button).to_have_attribute("data-label", "It is busy")
    tab.get_by_role("tab", name="Continue").click()
    tab.keyboard.press("Escape")
    expect(tab.locator("#continue-run")).to_be_visible()
    assert code_in(tab, "continue-prompt").startswith("SAY: yyyy")

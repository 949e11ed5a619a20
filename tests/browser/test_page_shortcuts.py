"""The keyboard's shortcuts, and the help that lists them, over the scripted engine."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.browser.tabs import (
    TIMEOUT,
    code_in,
    generated,
    open_page,
    open_tab,
    send_message,
    status,
    type_code,
    wait_for_code,
    wait_for_generated,
    wait_until_over,
)
from tests.servers import RunningApp

pytestmark = pytest.mark.browser

PROMPT = "continue-prompt"
MAC = "Mozilla/5.0 (Macintosh; Intel Mac OS X 14_0) AppleWebKit/537.36 Chrome/150.0 Safari/537.36"


@pytest.fixture
def tab(page: Page, scripted_app: RunningApp) -> Page:
    open_page(page, scripted_app.url)
    return page


def help_of(page: Page) -> Locator:
    return page.get_by_role("dialog", name="Keyboard shortcuts")


def seed_of(page: Page, tab: str) -> str:
    return (status(page, tab).text_content() or "").rpartition("seed ")[2]


def test_the_editor_generates_regenerates_and_continues_without_the_mouse(tab: Page) -> None:
    type_code(tab, PROMPT, "SAY: one")
    tab.keyboard.press("Control+Enter")
    wait_until_over(tab, "continue")
    wait_for_code(tab, PROMPT, "SAY: oneone")
    seed = seed_of(tab, "continue")
    tab.keyboard.press("Control+Shift+Enter")
    expect(status(tab, "continue")).not_to_contain_text(seed, timeout=TIMEOUT)
    wait_until_over(tab, "continue")
    wait_for_code(tab, PROMPT, "SAY: oneone")
    tab.keyboard.press("Alt+Enter")
    wait_for_generated(tab, PROMPT, len("oneone") + 1)


def test_infill_fills_anew_and_takes_the_middle_over(tab: Page) -> None:
    open_tab(tab, "Infill")
    type_code(tab, "infill-prefix", "SAY: x")
    tab.keyboard.press("Control+Enter")
    wait_until_over(tab, "infill")
    seed = seed_of(tab, "infill")
    tab.keyboard.press("Control+Shift+Enter")
    expect(status(tab, "infill")).not_to_contain_text(seed, timeout=TIMEOUT)
    wait_until_over(tab, "infill")
    assert generated(tab, "infill-middle") == "x"
    tab.keyboard.press("Alt+Enter")
    wait_for_code(tab, "infill-prefix", "SAY: xx")


def test_the_message_box_retries_and_goes_on_and_sends_nothing_else(tab: Page) -> None:
    open_tab(tab, "Chat")
    send_message(tab, "SAY: once")
    wait_until_over(tab, "chat")
    box = tab.locator("#chat-message textarea")
    box.fill("a draft")
    seed = seed_of(tab, "chat")
    for keys in ("Control+Shift+Enter", "Alt+Enter"):
        box.press(keys)
        expect(status(tab, "chat")).not_to_contain_text(seed, timeout=TIMEOUT)
        wait_until_over(tab, "chat")
        seed = seed_of(tab, "chat")
    expect(box).to_have_value("a draft")
    expect(tab.locator("#chat-conversation [data-testid=user]")).to_have_count(1)


def test_a_button_that_cannot_be_pressed_is_not(tab: Page) -> None:
    type_code(tab, PROMPT, "SAY: " + "y" * 250)
    tab.keyboard.press("Control+Enter")
    wait_for_generated(tab, PROMPT, 5)
    for keys in ("Alt+Enter", "Control+Shift+Enter", "Control+Enter"):
        tab.keyboard.press(keys)
    tab.keyboard.press("Escape")
    expect(status(tab, "continue")).to_contain_text("stopped by you", timeout=TIMEOUT)
    assert code_in(tab, PROMPT) == "SAY: " + "y" * 250 + generated(tab, PROMPT)


def test_a_question_mark_opens_the_help_only_where_none_is_typed(tab: Page) -> None:
    type_code(tab, PROMPT, "what")
    tab.keyboard.press("?")
    open_tab(tab, "Chat")
    tab.locator("#chat-message textarea").press("?")
    expect(help_of(tab)).to_have_count(0)
    assert code_in(tab, PROMPT) == "what?"
    tab.get_by_role("tab", name="Chat").press("?")
    expect(help_of(tab)).to_be_visible()
    for key in ("Ctrl", "Shift", "Enter", "Esc", "Tab", "F", "Z"):
        expect(help_of(tab).locator("kbd:visible").filter(has_text=key).first).to_be_visible()


def test_the_help_closes_by_escape_and_the_run_goes_on(tab: Page) -> None:
    type_code(tab, PROMPT, "SAY: " + "y" * 120)
    tab.keyboard.press("Control+Enter")
    wait_for_generated(tab, PROMPT, 5)
    tab.get_by_role("button", name="Shortcuts").click()
    expect(help_of(tab)).to_be_visible()
    expect(help_of(tab).get_by_role("button", name="Close")).to_be_focused()
    tab.keyboard.press("Escape")
    expect(help_of(tab)).to_have_count(0)
    expect(tab.get_by_role("button", name="Shortcuts")).to_be_focused()
    wait_until_over(tab, "continue")
    assert generated(tab, PROMPT) == "y" * 120


def test_each_button_tells_its_keys(tab: Page) -> None:
    keys = {"continue-run": "Control+Enter", "continue-regenerate": "Control+Shift+Enter"}
    for name, spoken in {**keys, "continue-further": "Alt+Enter"}.items():
        expect(tab.locator(f"#{name}")).to_have_attribute("aria-keyshortcuts", spoken)
    type_code(tab, PROMPT, "SAY: " + "y" * 250)
    tab.click("#continue-run")
    expect(tab.locator("#continue-stop")).to_have_attribute("aria-keyshortcuts", "Escape")
    open_tab(tab, "Infill")
    both = "Control+Enter Control+Shift+Enter"
    expect(tab.locator("#infill-run")).to_have_attribute("aria-keyshortcuts", both)


def test_a_mac_shows_its_own_keys(browser: Browser, scripted_app: RunningApp) -> None:
    page = browser.new_page(user_agent=MAC)
    page.add_init_script("delete Navigator.prototype.userAgentData")
    page.add_init_script("Object.defineProperty(navigator, 'platform', {get: () => 'MacIntel'})")
    open_page(page, scripted_app.url)
    expect(page.locator("#continue-hint")).to_contain_text("⌘")
    expect(page.locator("#continue-hint .pg-not-mac").first).to_be_hidden()
    expect(page.locator("#continue-run")).to_have_attribute("aria-keyshortcuts", "Meta+Enter")
    type_code(page, PROMPT, "SAY: mac")
    page.keyboard.press("Meta+Enter")
    wait_until_over(page, "continue")
    page.close()

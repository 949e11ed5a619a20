"""Several conversations in the Chat tab, kept by themselves, in a real browser."""

from __future__ import annotations

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.tabs import (
    TIMEOUT,
    open_page,
    open_tab,
    send_message,
    setting,
    wait_until_over,
)
from tests.servers import RunningApp

pytestmark = pytest.mark.browser

BOX = "#chat-message textarea"


@pytest.fixture
def tab(page: Page, scripted_app: RunningApp) -> Page:
    open_page(page, scripted_app.url)
    open_tab(page, "Chat")
    return page


def said(page: Page, who: str = "bot") -> Locator:
    return page.locator(f"#chat-conversation [data-testid={who}] .message-content")


def ask(page: Page, *texts: str) -> None:
    """Ask for each text, and wait until it and its record are there."""
    for text in texts:
        before = said(page).count()
        send_message(page, f"SAY: {text}")
        expect(said(page)).to_have_count(before + 1, timeout=TIMEOUT)
        expect(said(page).last).to_have_text(text, timeout=TIMEOUT)
        wait_until_over(page, "chat")
    wait_until_kept(page, text)


def wait_until_kept(page: Page, text: str) -> None:
    """Until a conversation's record holds `text`."""
    page.evaluate(
        """async (text) => {
            const holds = async () => {
                for (const head of await playgroundKept.talks.list()) {
                    if ((await playgroundKept.talks.said(head)).includes(text)) return true;
                }
            };
            while (!(await holds())) await new Promise(requestAnimationFrame);
        }""",
        text.lower(),
    )


def rows(page: Page) -> Locator:
    return page.locator("#chat-talk-list li")


def names(page: Page) -> Locator:
    return rows(page).locator(".pg-kept-entry span")


def go_to(page: Page, name: str) -> None:
    page.locator("#chat-talk-list .pg-kept-entry").filter(has_text=name).click()


def begin_new(page: Page) -> None:
    page.get_by_role("button", name="New chat").click()
    expect(said(page, "user")).to_have_count(0, timeout=TIMEOUT)


def current(page: Page) -> Locator:
    return page.locator("#chat-talk-list li[aria-current=true] .pg-kept-entry span")


def test_each_conversation_is_kept_by_itself_and_comes_back(tab: Page) -> None:
    expect(rows(tab)).to_have_count(0)
    ask(tab, "one")
    expect(names(tab)).to_have_text(["SAY: one"])
    expect(current(tab)).to_have_text("SAY: one")
    begin_new(tab)
    expect(current(tab)).to_have_count(0)
    ask(tab, "two", "three")
    expect(names(tab)).to_have_text(["SAY: two", "SAY: one"])
    expect(current(tab)).to_have_text("SAY: two")
    go_to(tab, "SAY: one")
    expect(said(tab)).to_have_text(["one"])
    expect(current(tab)).to_have_text("SAY: one")
    go_to(tab, "SAY: two")
    expect(said(tab)).to_have_text(["two", "three"])
    expect(names(tab)).to_have_text(["SAY: two", "SAY: one"])


def test_a_conversation_brings_its_own_system_prompt_settings_and_draft(tab: Page) -> None:
    tab.get_by_role("button", name="System prompt").click()
    system = tab.locator("#chat-system textarea")
    models_own = system.input_value()
    ask(tab, "one")
    system.fill("Be brief.")
    setting(tab, "chat", "temperature").fill("0.7")
    tab.locator(BOX).fill("not sent yet")
    begin_new(tab)
    expect(system).to_have_value(models_own)
    expect(setting(tab, "chat", "temperature")).to_have_value("0.7")
    expect(tab.locator(BOX)).to_have_value("")
    setting(tab, "chat", "temperature").fill("0.3")
    ask(tab, "two")
    go_to(tab, "SAY: one")
    expect(said(tab)).to_have_text(["one"])
    expect(system).to_have_value("Be brief.")
    expect(setting(tab, "chat", "temperature")).to_have_value("0.7")
    expect(tab.locator(BOX)).to_have_value("not sent yet")
    go_to(tab, "SAY: two")
    expect(said(tab)).to_have_text(["two"])
    expect(system).to_have_value(models_own)
    expect(setting(tab, "chat", "temperature")).to_have_value("0.3")
    expect(tab.locator(BOX)).to_have_value("")

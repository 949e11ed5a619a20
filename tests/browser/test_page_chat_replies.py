"""Replies that are begun, cut, gone on with and deleted, in a real browser."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.browser.tabs import (
    TIMEOUT,
    open_page,
    open_section,
    open_tab,
    send_message,
    status,
    turns,
    wait_until_over,
)
from tests.servers import RunningApp

pytestmark = pytest.mark.browser


@pytest.fixture
def tab(page: Page, scripted_app: RunningApp) -> Page:
    open_page(page, scripted_app.url)
    open_tab(page, "Chat")
    return page


def test_a_cut_reply_is_gone_on_with_seamlessly(tab: Page) -> None:
    limit = tab.locator("#chat-max_new_tokens input")
    limit.fill("10")
    send_message(tab, "SAY: The function returns")
    expect(turns(tab, "bot")).to_have_text(["The functi"], timeout=TIMEOUT)
    further = tab.locator("#chat-further")
    expect(further).to_contain_class("primary")
    expect(tab.locator("#chat-conversation .pg-turn-cut")).to_have_text("Cut off")
    limit.fill("100")
    further.click()
    expect(turns(tab, "bot")).to_have_text(["The function returns"], timeout=TIMEOUT)
    expect(tab.locator("#chat-conversation .pg-turn-next")).to_have_count(0)
    expect(tab.locator("#chat-conversation .pg-turn-cut")).to_have_count(0)


def test_a_reply_begins_with_the_given_words(tab: Page) -> None:
    open_section(tab, "Begin the reply with")
    tab.locator("#chat-begin textarea").fill("The fun")
    send_message(tab, "SAY: The function returns")
    wait_until_over(tab, "chat")
    expect(turns(tab, "bot")).to_have_text(["The function returns"])


def test_a_deleted_question_goes_with_its_answer_and_comes_back(tab: Page) -> None:
    for text in ("first", "second"):
        send_message(tab, f"SAY: {text}")
        wait_until_over(tab, "chat")
    tab.get_by_role("button", name="Delete this question").first.click()
    expect(turns(tab, "bot")).to_have_text(["second"], timeout=TIMEOUT)
    expect(turns(tab, "user")).to_have_text(["SAY: second"])
    expect(status(tab, "chat")).to_contain_text("Deleted 2 turns")
    tab.click("#chat-restore")
    expect(turns(tab, "bot")).to_have_text(["first", "second"], timeout=TIMEOUT)


def test_a_deleted_reply_leaves_the_question_to_be_asked_again(tab: Page) -> None:
    send_message(tab, "SAY: once")
    wait_until_over(tab, "chat")
    tab.get_by_role("button", name="Delete this reply").click()
    expect(turns(tab, "bot")).to_have_count(0, timeout=TIMEOUT)
    tab.click("#chat-retry")
    expect(turns(tab, "bot")).to_have_text(["once"], timeout=TIMEOUT)


def test_a_long_reply_is_drawn_in_pieces_and_says_what_was_said(tab: Page) -> None:
    lines = [f"    total += {number}  # <b>{number}</b>" for number in range(80)]
    begun = "\n".join(["Here it is.", "", "```python", "def add(total):", *lines])
    open_section(tab, "Begin the reply with")
    tab.locator("#chat-begin textarea").fill(begun)
    tab.evaluate(
        """() => {
            window.mostPieces = 0;
            new MutationObserver(() => {
                const pieces = document.querySelectorAll("#chat-conversation .bot > .message");
                window.mostPieces = Math.max(window.mostPieces, pieces.length);
            }).observe(document.body, {childList: true, subtree: true});
        }"""
    )
    send_message(tab, f"SAY: {begun}\n    return total\n```\n")
    wait_until_over(tab, "chat")
    assert tab.evaluate("window.mostPieces") >= 2
    expect(turns(tab, "bot")).to_have_count(1)
    code = turns(tab, "bot").locator("pre code")
    assert code.inner_text() == "\n".join(["def add(total):", *lines, "    return total"]) + "\n"


def test_a_direction_that_is_the_same_is_not_set_again(tab: Page) -> None:
    num_changes = tab.evaluate(
        """async () => {
            const element = document.querySelector("#chat-conversation");
            let seen = 0;
            new MutationObserver((records) => { seen += records.length; })
                .observe(element, { attributes: true, attributeFilter: ["dir"] });
            element.dir = "rtl";
            element.dir = element.dir;
            await Promise.resolve();
            return seen;
        }"""
    )
    assert num_changes == 1

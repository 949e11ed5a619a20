"""The Chat tab in a real browser, over the scripted engine."""

from __future__ import annotations

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.tabs import (
    TIMEOUT,
    open_page,
    open_tab,
    send_message,
    status,
    turns,
    wait_until_over,
)
from tests.servers import RunningApp

pytestmark = pytest.mark.browser

CODE = "class A:\n    def f(self):\n        if self:\n            return 1\n"


@pytest.fixture
def tab(page: Page, scripted_app: RunningApp) -> Page:
    open_page(page, scripted_app.url)
    open_tab(page, "Chat")
    return page


def box(page: Page) -> Locator:
    return page.locator("#chat-message textarea")


def test_a_reply_streams_and_its_code_keeps_its_indentation(tab: Page) -> None:
    send_message(tab, f"SAY: Here:\n\n```python\n{CODE}```\n")
    expect(turns(tab, "user")).to_have_count(1)
    expect(box(tab)).to_have_value("")
    wait_until_over(tab, "chat")
    code = turns(tab, "bot").locator("pre code")
    assert code.text_content() == CODE
    expect(code.locator(".token.keyword").first).to_be_visible()


def test_shift_enter_begins_a_new_line(tab: Page) -> None:
    box(tab).fill("one")
    box(tab).press("Shift+Enter")
    box(tab).press_sequentially("two")
    expect(box(tab)).to_have_value("one\ntwo")
    expect(turns(tab, "user")).to_have_count(0)


def test_stop_keeps_what_was_said(tab: Page) -> None:
    send_message(tab, "SAY: " + "word " * 60)
    expect(turns(tab, "bot")).to_contain_text("word", timeout=TIMEOUT)
    tab.keyboard.press("Escape")
    expect(status(tab, "chat")).to_contain_text("stopped by you", timeout=TIMEOUT)
    expect(turns(tab, "bot")).to_contain_text("word")


def test_retry_asks_the_last_question_again(tab: Page) -> None:
    send_message(tab, "SAY: once")
    wait_until_over(tab, "chat")
    seed = (status(tab, "chat").text_content() or "").rpartition("seed ")[2]
    tab.click("#chat-retry")
    expect(status(tab, "chat")).not_to_contain_text(seed, timeout=TIMEOUT)
    wait_until_over(tab, "chat")
    expect(turns(tab, "user")).to_have_count(1)
    expect(turns(tab, "bot")).to_have_text(["once"])


def test_undo_returns_the_question_to_the_box(tab: Page) -> None:
    send_message(tab, "SAY: first")
    wait_until_over(tab, "chat")
    tab.click("#chat-undo")
    expect(box(tab)).to_have_value("SAY: first")
    expect(turns(tab, "user")).to_have_count(0)
    expect(turns(tab, "bot")).to_have_count(0)


def test_an_edited_question_is_asked_anew(tab: Page) -> None:
    send_message(tab, "SAY: old answer")
    wait_until_over(tab, "chat")
    edit_turn(tab, "user", "SAY: new answer")
    expect(turns(tab, "bot")).to_have_text(["new answer"], timeout=TIMEOUT)
    expect(turns(tab, "user")).to_have_text(["SAY: new answer"])


def test_an_edited_answer_is_kept_and_nothing_is_asked(tab: Page) -> None:
    send_message(tab, "SAY: old answer")
    wait_until_over(tab, "chat")
    edit_turn(tab, "bot", "better answer")
    expect(turns(tab, "bot")).to_have_text(["better answer"], timeout=TIMEOUT)
    expect(turns(tab, "user")).to_have_count(1)
    expect(tab.locator("#chat-run")).to_be_visible()


def edit_turn(page: Page, who: str, text: str) -> None:
    row = page.locator(f"#chat-conversation .{who}-row")
    row.get_by_role("button", name="Edit").click()
    row.locator("textarea").fill(text)
    row.get_by_role("button", name="Submit").click()


def test_clear_can_be_taken_back(tab: Page) -> None:
    send_message(tab, "SAY: precious")
    wait_until_over(tab, "chat")
    tab.click("#chat-clear")
    expect(turns(tab, "bot")).to_have_count(0)
    tab.click("#chat-restore")
    expect(turns(tab, "bot")).to_have_text(["precious"])


def test_gradios_own_bin_is_not_seen_and_loses_nothing(tab: Page) -> None:
    send_message(tab, "SAY: precious")
    wait_until_over(tab, "chat")
    panel = tab.locator("#chat-conversation .top-panel")
    expect(panel.get_by_role("button", name="Copy conversation")).to_be_visible()
    expect(panel.get_by_role("button", name="Clear")).to_have_count(0)
    panel.locator("button[title=Clear]").dispatch_event("click")
    expect(turns(tab, "bot")).to_have_count(0)
    tab.click("#chat-restore")
    expect(turns(tab, "bot")).to_have_text(["precious"])


def test_an_example_question_is_sent(tab: Page) -> None:
    tab.get_by_role("button", name="Select example 1").click()
    expect(turns(tab, "user")).to_contain_text("Fibonacci", timeout=TIMEOUT)
    expect(turns(tab, "bot")).to_contain_text("Here is", timeout=TIMEOUT)


def test_a_bad_setting_leaves_the_message_in_its_box(tab: Page) -> None:
    tab.locator("#chat-max_new_tokens input").fill("0")
    box(tab).fill("keep me")
    box(tab).press("Enter")
    expect(tab.locator("#chat-status .pg-error")).to_contain_text("Max new", timeout=TIMEOUT)
    expect(box(tab)).to_have_value("keep me")
    expect(turns(tab, "user")).to_have_count(0)


@pytest.mark.parametrize("unusable", ["\\u0000", "\\ud800"])
def test_a_character_that_no_model_takes_is_named_and_the_message_stays(
    tab: Page, unusable: str
) -> None:
    box(tab).evaluate(
        """(box, text) => {
            box.value = JSON.parse(text);
            box.dispatchEvent(new Event("input", { bubbles: true }));
        }""",
        f'"a{unusable}b"',
    )
    tab.click("#chat-run")
    expect(tab.locator("#chat-status .pg-error")).to_contain_text("column 2", timeout=TIMEOUT)
    assert len(box(tab).input_value()) == 3
    expect(turns(tab, "user")).to_have_count(0)


def test_tags_and_images_in_prose_are_shown_as_text(tab: Page, outside_requests: list[str]) -> None:
    said = "<b>bold</b> <think>List<int> ${alert(1)} ![x](http://example.com/leak.png)"
    send_message(tab, f"SAY: {said}")
    wait_until_over(tab, "chat")
    reply = turns(tab, "bot")
    expect(reply).to_contain_text("<b>bold</b> <think>List<int> ${alert(1)}")
    expect(reply.locator("img")).to_have_count(0)
    assert outside_requests == []


def pager(page: Page, who: str) -> Locator:
    return page.locator(f"#chat-conversation .{who}-row .pg-turn")


def test_a_retry_keeps_the_former_reply_to_page_back_to(tab: Page) -> None:
    send_message(tab, "SAY: one two three")
    wait_until_over(tab, "chat")
    tab.locator("#chat-max_new_tokens input").fill("7")
    tab.click("#chat-retry")
    expect(turns(tab, "bot")).to_have_text(["one two"], timeout=TIMEOUT)
    expect(pager(tab, "bot")).to_contain_text("2 / 2")
    tab.get_by_role("button", name="Previous version").click()
    expect(turns(tab, "bot")).to_have_text(["one two three"])
    expect(pager(tab, "bot")).to_contain_text("1 / 2")
    expect(tab.get_by_role("button", name="Previous version")).to_be_disabled()
    expect(tab.get_by_role("button", name="Next version")).to_be_focused()
    tab.keyboard.press("Enter")
    expect(turns(tab, "bot")).to_have_text(["one two"])


def test_the_branch_before_an_edit_is_there_with_its_answer(tab: Page) -> None:
    send_message(tab, "SAY: old answer")
    wait_until_over(tab, "chat")
    edit_turn(tab, "user", "SAY: new answer")
    expect(turns(tab, "bot")).to_have_text(["new answer"], timeout=TIMEOUT)
    expect(pager(tab, "user")).to_contain_text("2 / 2")
    tab.get_by_role("button", name="Previous version").click()
    expect(turns(tab, "user")).to_have_text(["SAY: old answer"])
    expect(turns(tab, "bot")).to_have_text(["old answer"])


def test_an_edited_answer_is_a_version_and_what_followed_stays(tab: Page) -> None:
    for text in ("first", "second"):
        send_message(tab, f"SAY: {text}")
        wait_until_over(tab, "chat")
    row = tab.locator("#chat-conversation .bot-row").first
    row.get_by_role("button", name="Edit").click()
    row.locator("textarea").fill("    better <b>")
    row.get_by_role("button", name="Submit").click()
    expect(pager(tab, "bot").first).to_contain_text("2 / 2", timeout=TIMEOUT)
    expect(turns(tab, "bot")).to_have_text(["better <b>", "second"])
    tab.get_by_role("button", name="Previous version").click()
    expect(turns(tab, "bot")).to_have_text(["first", "second"])


def test_nothing_of_a_turn_can_be_changed_while_a_reply_comes(tab: Page) -> None:
    send_message(tab, "SAY: one")
    wait_until_over(tab, "chat")
    tab.click("#chat-retry")
    expect(pager(tab, "bot")).to_contain_text("2 / 2", timeout=TIMEOUT)
    send_message(tab, "SAY: " + "word " * 60)
    expect(turns(tab, "bot").last).to_contain_text("word", timeout=TIMEOUT)
    expect(tab.locator("#chat-conversation .pg-turn")).to_have_count(0)
    tab.keyboard.press("Escape")
    expect(pager(tab, "bot").first).to_contain_text("2 / 2", timeout=TIMEOUT)

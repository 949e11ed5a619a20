"""The tokens of a chat's last reply, and the versions that branch from them, in a real browser."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.tabs import (
    TIMEOUT,
    open_page,
    open_section,
    open_tab,
    send_message,
    setting,
    status,
    turns,
    wait_until_over,
)
from tests.browser.token_panel import (
    ask_for_tokens,
    options,
    spelt,
    take_second,
    tokens,
    wait_for_tokens,
)
from tests.servers import RunningApp

pytestmark = pytest.mark.browser


@pytest.fixture
def tab(page: Page, scripted_app: RunningApp) -> Page:
    open_page(page, scripted_app.url)
    open_tab(page, "Chat")
    return page


def replies(page: Page) -> Locator:
    return turns(page, "bot")


def pager(page: Page) -> Locator:
    return page.locator("#chat-conversation .bot-row .pg-turn > span")


def panel(page: Page) -> Locator:
    return page.locator("#chat-tokens section")


def ask(page: Page, said: str) -> None:
    """Have the script say `said`, with its tokens told."""
    ask_for_tokens(page, "chat")
    send_message(page, f"SAY: {said}")
    wait_for_tokens(page, said, "chat")


def branch(page: Page, index: int, option: int) -> None:
    tokens(page, "chat").nth(index).click()
    options(page, "chat").nth(option).click()


def wait_for_branch(page: Page, reply: str, told: str) -> None:
    """Until `reply` stands in the conversation, and `told` of it in the panel."""
    expect(replies(page)).to_have_text([reply], timeout=TIMEOUT)
    wait_for_tokens(page, told, "chat")


def test_without_the_setting_there_is_no_panel(tab: Page) -> None:
    send_message(tab, "SAY: abc")
    wait_until_over(tab, "chat")
    expect(replies(tab)).to_have_text(["abc"])
    expect(panel(tab)).to_have_count(0)


def test_the_reply_is_told_token_by_token_as_it_is_spelt(tab: Page) -> None:
    ask(tab, "**a**\n`b`")
    expect(replies(tab).locator("strong")).to_have_text("a")
    expect(tokens(tab, "chat").last).to_have_text("<|endoftext|>")
    tokens(tab, "chat").nth(2).click()
    expect(options(tab, "chat")).to_have_count(5)
    expect(options(tab, "chat").first).to_have_attribute("aria-label", "a, 50.0 %, stands there")


def test_an_alternative_begins_a_version_and_the_former_one_can_be_paged_back_to(
    tab: Page,
) -> None:
    ask(tab, "abc")
    branch(tab, 1, 1)
    # The script is typed whole after what it does not begin with.
    wait_for_branch(tab, "acabc", "acabc")
    expect(tab.locator("#chat-tokens .pg-taken")).to_have_text("c")
    expect(pager(tab)).to_have_text("2 / 2")
    tab.get_by_role("button", name="Previous version").click()
    expect(replies(tab)).to_have_text(["abc"], timeout=TIMEOUT)
    expect(panel(tab)).to_have_count(0)


def test_a_branch_is_branched_again(tab: Page) -> None:
    ask(tab, "abc")
    branch(tab, 1, 1)
    wait_for_branch(tab, "acabc", "acabc")
    branch(tab, 0, 1)
    wait_for_branch(tab, "babc", "babc")
    expect(pager(tab)).to_have_text("3 / 3")


def test_an_alternative_that_is_clicked_while_a_reply_comes_stops_it_first(tab: Page) -> None:
    said = "abc" + "x" * 450
    ask_for_tokens(tab, "chat")
    send_message(tab, f"SAY: {said}")
    expect(tokens(tab, "chat").nth(4)).to_be_visible(timeout=TIMEOUT)
    # By script: on a busy machine the pointer waits for the page to rest until the reply is whole.
    tokens(tab, "chat").nth(1).dispatch_event("click")
    options(tab, "chat").nth(1).dispatch_event("click")
    expect(replies(tab)).to_contain_text("acabc", timeout=TIMEOUT)
    tab.locator("#chat-stop").dispatch_event("click")
    expect(pager(tab)).to_have_text("2 / 2", timeout=TIMEOUT)
    tab.get_by_role("button", name="Previous version").click()
    expect(replies(tab)).to_contain_text(re.compile("^abcx"), timeout=TIMEOUT)
    assert len(replies(tab).inner_text()) < len(said)


def test_another_end_in_the_same_place_is_no_other_version(tab: Page) -> None:
    ask(tab, "ab")
    tokens(tab, "chat").last.click()
    expect(options(tab, "chat").nth(4)).to_contain_text("ends here")
    options(tab, "chat").nth(4).click()
    expect(status(tab, "chat")).to_contain_text("Ended where you chose")
    expect(tab.locator("#chat-tokens .pg-taken")).to_have_text("<|system|>")
    # It ended there before: that is the version that stands there.
    expect(replies(tab)).to_have_text(["ab"])
    expect(pager(tab)).to_have_count(0)


def test_what_a_reply_was_begun_with_stands_before_its_tokens(tab: Page) -> None:
    open_section(tab, "Begin the reply with")
    tab.locator("#chat-begin textarea").fill("The fun")
    ask_for_tokens(tab, "chat")
    send_message(tab, "SAY: The function")
    wait_for_tokens(tab, "ction", "chat")
    expect(tab.locator("#chat-tokens .pg-t-given")).to_have_text("The fun")
    branch(tab, 1, 1)
    wait_for_branch(tab, "The funcuThe function", "cuThe function")
    expect(tab.locator("#chat-tokens .pg-t-given")).to_have_text("The fun")


def test_a_reply_that_is_gone_on_with_stands_before_its_new_tokens(tab: Page) -> None:
    setting(tab, "chat", "max_new_tokens").fill("5")
    ask_for_tokens(tab, "chat")
    send_message(tab, "SAY: one\ntwo")
    expect(replies(tab)).to_contain_text("o", timeout=TIMEOUT)
    wait_until_over(tab, "chat")
    assert spelt(tab, "chat") == "one\nt"
    tab.click("#chat-further")
    wait_for_tokens(tab, "wo", "chat")
    assert tab.locator("#chat-tokens .pg-t-given").all_text_contents() == ["one", "t"]
    expect(pager(tab)).to_have_count(0)


def test_the_tech_assistants_tokens_are_told_too(tab: Page) -> None:
    tab.locator("#chat-answered-by").get_by_label("Tech Assistant").click()
    expect(tab.locator("#chat-answerer-note")).to_contain_text("less reliable")
    setting(tab, "chat", "max_new_tokens").fill("3")
    ask_for_tokens(tab, "chat")
    send_message(tab, "SAY: abc")
    wait_until_over(tab, "chat")
    assert spelt(tab, "chat") == "abc"
    branch(tab, 2, 1)
    expect(pager(tab)).to_have_text("2 / 2", timeout=TIMEOUT)
    expect(replies(tab)).to_contain_text("abd")


def test_of_two_answers_side_by_side_the_panel_says_that_it_tells_of_none(tab: Page) -> None:
    tab.locator("#chat-answered-by").get_by_label("Both").click()
    ask_for_tokens(tab, "chat")
    send_message(tab, "SAY: abc")
    note = tab.locator("#chat-tokens-note")
    expect(note).to_contain_text("of one answer at a time")
    keep = tab.locator("#chat-pair-chat-keep")
    expect(keep).to_be_enabled(timeout=TIMEOUT)
    expect(tab.locator("#chat-run")).to_be_visible(timeout=TIMEOUT)
    expect(panel(tab)).to_have_count(0)
    keep.click()
    expect(replies(tab)).to_have_text(["abc"], timeout=TIMEOUT)
    expect(note).to_have_text("")


STEPS: dict[str, Callable[[Page], None]] = {
    "clear": lambda page: page.click("#chat-clear"),
    "undo": lambda page: page.click("#chat-undo"),
    "delete": lambda page: page.get_by_role("button", name="Delete this reply").click(),
}


@pytest.mark.parametrize("step", STEPS)
def test_the_panel_goes_with_the_reply(tab: Page, step: str) -> None:
    ask(tab, "abc")
    STEPS[step](tab)
    expect(replies(tab)).to_have_count(0, timeout=TIMEOUT)
    expect(panel(tab)).to_have_count(0)


def edit_reply(page: Page, text: str) -> None:
    page.locator("#chat-conversation .bot-row").get_by_label("Edit").click()
    page.locator("#chat-conversation .edit-textarea").fill(text)
    page.get_by_label("Submit").click()


def test_an_edited_reply_has_other_tokens(tab: Page) -> None:
    ask(tab, "abc")
    edit_reply(tab, "mine")
    expect(replies(tab)).to_have_text(["mine"], timeout=TIMEOUT)
    expect(panel(tab)).to_have_count(0)


def test_another_conversation_has_no_tokens_of_this_one(tab: Page) -> None:
    ask(tab, "abc")
    tab.get_by_role("button", name="New chat").click()
    expect(replies(tab)).to_have_count(0, timeout=TIMEOUT)
    expect(panel(tab)).to_have_count(0)


def test_a_setting_that_cannot_be_used_leaves_the_tokens_and_the_reply(tab: Page) -> None:
    ask(tab, "abc")
    setting(tab, "chat", "seed").fill("mine")
    branch(tab, 1, 1)
    expect(status(tab, "chat")).to_contain_text("not a whole number", timeout=TIMEOUT)
    setting(tab, "chat", "seed").fill("")
    branch(tab, 1, 1)
    wait_for_branch(tab, "acabc", "acabc")
    expect(pager(tab)).to_have_text("2 / 2")


@pytest.mark.real
@pytest.mark.timeout(600)
def test_with_the_real_model_a_version_goes_on_from_the_alternative(
    page: Page, local_app: RunningApp
) -> None:
    open_page(page, local_app.url)
    open_tab(page, "Chat")
    setting(page, "chat", "temperature").fill("0")
    setting(page, "chat", "max_new_tokens").fill("12")
    ask_for_tokens(page, "chat")
    send_message(page, "Name a colour.")
    wait_until_over(page, "chat")
    first = replies(page).inner_text()
    begun = take_second(page, 1, "chat")
    expect(pager(page)).to_have_text("2 / 2", timeout=TIMEOUT)
    wait_until_over(page, "chat")
    reply = spelt(page, "chat")
    assert reply.startswith(begun)
    assert len(reply) > len(begun)
    page.get_by_role("button", name="Previous version").click()
    expect(replies(page)).to_have_text([first], timeout=TIMEOUT)

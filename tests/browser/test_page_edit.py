"""Editing by instruction in a real browser: streamed as a diff, accepted or not, undone."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.browser.tabs import (
    TIMEOUT,
    code_in,
    generated,
    open_page,
    status,
    type_code,
    wait_for_code,
    wait_for_text,
    wait_until_kept,
    wait_until_over,
)
from tests.servers import RunningApp

pytestmark = pytest.mark.browser

PROMPT, DIFF = "continue-prompt", "#continue-edit-diff"
CODE = "def f():\n    return 1\n"
NEW = "def f():\n    return 2\n"


@pytest.fixture
def tab(page: Page, scripted_app: RunningApp) -> Page:
    open_page(page, scripted_app.url)
    choose(page, "Edit")
    return page


def choose(page: Page, form: str) -> None:
    page.locator("#continue-form").get_by_label(form, exact=True).check()
    shown = page.get_by_label("What to change")
    expect(shown).to_be_visible(visible=form == "Edit", timeout=TIMEOUT)


def edit(page: Page, instruction: str, code: str = CODE) -> None:
    type_code(page, PROMPT, code)
    page.get_by_label("What to change").fill(instruction)
    page.click("#continue-run")


def expect_diff(page: Page, *lines: str) -> None:
    expect(page.locator(f"{DIFF} pre")).to_have_text(
        "\n".join(lines), use_inner_text=False, timeout=TIMEOUT
    )


def test_the_changed_code_is_a_diff_and_the_editor_waits_for_take_over(tab: Page) -> None:
    edit(tab, f"SAY: {NEW}")
    wait_until_over(tab, "continue")
    expect_diff(tab, "  def f():", "-     return 1", "+     return 2")
    assert code_in(tab, PROMPT) == CODE
    tab.get_by_role("button", name="Accept").click()
    wait_for_code(tab, PROMPT, NEW)
    assert generated(tab, PROMPT) == "    return 2\n"
    expect(tab.locator(DIFF)).to_be_hidden()
    tab.click("#continue-undo")
    wait_for_code(tab, PROMPT, CODE)


def test_discard_leaves_the_code_and_the_instruction(tab: Page) -> None:
    edit(tab, f"SAY: {NEW}")
    wait_until_over(tab, "continue")
    tab.get_by_role("button", name="Discard").click()
    expect(tab.locator(DIFF)).to_be_hidden(timeout=TIMEOUT)
    assert code_in(tab, PROMPT) == CODE
    assert tab.get_by_label("What to change").input_value().startswith("SAY: def f")


def test_stop_keeps_what_came_and_the_rest_of_the_code(tab: Page) -> None:
    code = "".join(f"line {number}\n" for number in range(40))
    edit(tab, "SAY: new\n" + "x" * 4000, code)
    wait_for_text(tab, f"{DIFF} pre", 12)
    tab.click("#continue-stop")
    expect(tab.get_by_role("button", name="Accept")).to_be_enabled(timeout=TIMEOUT)
    expect(tab.locator(DIFF)).to_contain_text("as far as it came")
    tab.get_by_role("button", name="Accept").click()
    expect(status(tab, "continue")).to_contain_text("Accepted", timeout=TIMEOUT)
    tab.wait_for_function(
        "code => playgroundEditors.get('continue-prompt').text.endsWith(code)", arg=code
    )
    assert code_in(tab, PROMPT).startswith("new\n")


def test_code_that_was_changed_meanwhile_is_not_replaced_unseen(tab: Page) -> None:
    edit(tab, f"SAY: {NEW}")
    wait_until_over(tab, "continue")
    type_code(tab, PROMPT, "y = 3\n")
    tab.get_by_role("button", name="Accept").click()
    expect_diff(tab, "- y = 3", "+ def f():", "+     return 2")
    expect(status(tab, "continue")).to_contain_text("has changed since")
    assert code_in(tab, PROMPT) == "y = 3\n"
    tab.get_by_role("button", name="Accept").click()
    wait_for_code(tab, PROMPT, NEW)


def test_the_exact_prompt_is_a_commit_and_gradio_client_can_ask_for_it(tab: Page) -> None:
    type_code(tab, PROMPT, "x")
    tab.get_by_label("What to change").fill("Use two")
    tab.locator("#continue-exact > button.label-wrap").click()
    shown = tab.locator("#continue-exact-view .pg-exact pre").first
    prompt = "<commit_before>x<commit_msg>Use two<commit_after>"
    expect(shown).to_have_text(prompt, use_inner_text=False, timeout=TIMEOUT)
    expect(tab.locator("#continue-exact-call")).to_contain_text("has no words for this")
    tab.locator("#continue-exact-form").get_by_label("Python (gradio_client)").click()
    call = tab.locator("#continue-exact-call pre code")
    expect(call).to_contain_text('api_name="/edit"', timeout=TIMEOUT)
    expect(tab.locator("#continue-context")).to_contain_text("11 of 8,192 tokens · 257")


def test_without_an_instruction_nothing_is_asked(tab: Page) -> None:
    edit(tab, "")
    expect(status(tab, "continue")).to_contain_text("instruction is empty", timeout=TIMEOUT)
    assert code_in(tab, PROMPT) == CODE


def test_a_reload_and_the_history_bring_the_proposal_back(tab: Page) -> None:
    edit(tab, f"SAY: {NEW}")
    wait_until_over(tab, "continue")
    expect_diff(tab, "  def f():", "-     return 1", "+     return 2")
    wait_until_kept(tab, "is_whole")
    open_page(tab, tab.url)
    expect_diff(tab, "  def f():", "-     return 1", "+     return 2")
    expect(tab.get_by_label("What to change")).to_be_visible()
    tab.get_by_role("button", name="Accept").click()
    wait_for_code(tab, PROMPT, NEW)
    tab.locator("#continue-history").get_by_role("button", name="History").click()
    tab.locator("#continue-history li .pg-kept-entry").first.click()
    wait_for_code(tab, PROMPT, CODE)
    expect_diff(tab, "  def f():", "-     return 1", "+     return 2")


def test_text_is_generated_as_before_after_the_form_was_changed_back(tab: Page) -> None:
    choose(tab, "Text")
    type_code(tab, PROMPT, "SAY: text")
    tab.click("#continue-run")
    wait_until_over(tab, "continue")
    wait_for_code(tab, PROMPT, "SAY: texttext")


def test_a_model_without_commit_tokens_says_which_can_and_refuses(
    page: Page, starcoder2: str
) -> None:
    open_page(page, starcoder2)
    choose(page, "Edit")
    note = page.locator("#continue-edit-note .pg-warning")
    expect(note).to_contain_text("StarCoder’s first family", timeout=TIMEOUT)
    edit(page, "Use two")
    error = status(page, "continue").locator(".pg-error")
    expect(error).to_contain_text("no commit tokens", timeout=TIMEOUT)
    assert code_in(page, PROMPT) == CODE

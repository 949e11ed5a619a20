"""Token probabilities and branching from an alternative, in a real browser."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.tabs import (
    TIMEOUT,
    code_in,
    generated,
    open_page,
    open_tab,
    setting,
    status,
    type_code,
    wait_for_code,
    wait_until_over,
)
from tests.browser.token_panel import (
    ask_for_tokens,
    options,
    take_second,
    tokens,
    wait_for_tokens,
)
from tests.servers import RunningApp

pytestmark = pytest.mark.browser

PROMPT = "continue-prompt"


@pytest.fixture
def tab(page: Page, scripted_app: RunningApp) -> Page:
    open_page(page, scripted_app.url)
    return page


def generate(page: Page, said: str) -> None:
    """Have the script type `said`, with its tokens told."""
    type_code(page, PROMPT, f"SAY: {said}")
    ask_for_tokens(page)
    page.click("#continue-run")
    wait_for_tokens(page, said)


def test_without_the_setting_there_is_no_panel(tab: Page) -> None:
    generate(tab, "abc")
    tab.locator("#continue-probabilities input").uncheck()
    tab.click("#continue-run")
    expect(tab.locator("#continue-tokens section")).to_have_count(0)
    wait_until_over(tab, "continue")
    expect(tab.locator("#continue-tokens section")).to_have_count(0)


def test_each_token_is_there_with_its_probability_and_five_alternatives(tab: Page) -> None:
    generate(tab, "a b\n\tc")
    expect(tokens(tab)).to_have_count(7)
    expect(tokens(tab).last).to_have_text("<|endoftext|>")
    tokens(tab).nth(1).click()
    expect(options(tab)).to_have_count(5)
    expect(options(tab).first).to_have_attribute("aria-label", "space, 50.0 %, stands there")
    expect(options(tab).nth(1)).to_contain_text("25.0 %")


def test_hovering_shows_the_alternatives_and_leaving_hides_them(tab: Page) -> None:
    generate(tab, "abc")
    tokens(tab).nth(1).hover()
    expect(options(tab)).to_have_count(5)
    expect(options(tab).first).to_be_visible()
    options(tab).last.hover()
    expect(options(tab).first).to_be_visible()
    tab.locator("#continue-run").hover()
    expect(options(tab).first).to_be_hidden()


def test_a_click_on_an_alternative_branches_and_undo_brings_the_former_text_back(
    tab: Page,
) -> None:
    generate(tab, "abc")
    tokens(tab).nth(1).click()
    options(tab).nth(2).click()
    # The scripted engine reads what it is to say from the prompt: here it is "abcad".
    whole = "SAY: abcad" + "abcad"
    wait_for_code(tab, PROMPT, whole)
    wait_for_tokens(tab, "adabcad")
    assert generated(tab, PROMPT) == "adabcad"
    assert tab.locator("#continue-tokens .pg-taken").all_inner_texts() == ["d"]
    tab.click("#continue-undo")
    wait_for_code(tab, PROMPT, "SAY: abcabc")
    assert generated(tab, PROMPT) == "abc"
    tab.click("#continue-redo")
    wait_for_code(tab, PROMPT, whole)


def test_scrolling_after_a_branch_meets_no_token_of_the_former_run(tab: Page) -> None:
    generate(tab, "abc")
    tokens(tab).nth(1).click()
    options(tab).nth(2).click()
    wait_for_code(tab, PROMPT, "SAY: abcad" + "abcad")
    wait_for_tokens(tab, "adabcad")
    faults: list[str] = []
    tab.on("pageerror", lambda error: faults.append(error.message))
    tab.mouse.move(300, 400)
    tab.mouse.wheel(0, 200)
    tab.wait_for_function("scrollY > 0")
    assert faults == []


def test_from_the_tokens_of_a_text_that_was_edited_since_nothing_branches(tab: Page) -> None:
    generate(tab, "abc")
    type_code(tab, PROMPT, "mine")
    tokens(tab).nth(0).click()
    options(tab).nth(1).click()
    expect(status(tab, "continue")).to_contain_text("of an earlier text", timeout=TIMEOUT)
    assert code_in(tab, PROMPT) == "mine"


def test_undo_takes_the_tokens_with_their_text(tab: Page) -> None:
    generate(tab, "abc")
    tab.click("#continue-undo")
    wait_for_code(tab, PROMPT, "SAY: abc")
    expect(tokens(tab)).to_have_count(0, timeout=TIMEOUT)


def test_parts_of_a_character_and_special_tokens_say_what_they_are(tab: Page) -> None:
    generate(tab, "aÿb")
    part = tokens(tab).nth(1)
    expect(part).to_have_attribute("aria-label", "part of a character")
    part.click()
    notes = tab.locator("#continue-tokens .pg-alternatives p")
    expect(notes).to_have_text("Part of a character that several tokens spell")
    tokens(tab).last.click()
    special = options(tab).nth(4)
    expect(special).to_have_attribute("aria-label", re.compile(r"^<\|system\|>"))
    special.click(force=True)
    expect(special).to_have_attribute("aria-disabled", "true")
    assert code_in(tab, PROMPT) == "SAY: aÿb" + "aÿb"


def test_an_end_that_is_taken_ends_the_text_there(tab: Page) -> None:
    generate(tab, "ab")
    tokens(tab).last.click()
    expect(options(tab).nth(1)).to_contain_text("ends here")
    options(tab).nth(1).click()
    expect(status(tab, "continue")).to_contain_text("Ended where you chose")
    assert code_in(tab, PROMPT) == "SAY: abab"
    expect(tab.locator("#continue-tokens .pg-taken")).to_have_text("<fim_prefix>")


def test_an_alternative_that_is_clicked_while_text_comes_stops_the_run_first(tab: Page) -> None:
    said = "abc" + "x" * 200
    type_code(tab, PROMPT, f"SAY: {said}")
    ask_for_tokens(tab)
    tab.click("#continue-run")
    expect(tokens(tab).nth(4)).to_be_visible(timeout=TIMEOUT)
    tokens(tab).nth(1).click()
    options(tab).nth(1).click()
    tab.wait_for_function(
        "text => playgroundEditors.get('continue-prompt').text.startsWith(text)",
        arg=f"SAY: {said}ac{said[:20]}",
        timeout=TIMEOUT,
    )
    tab.click("#continue-stop")
    expect(status(tab, "continue")).to_contain_text("stopped by you", timeout=TIMEOUT)
    tab.click("#continue-undo")
    tab.wait_for_function(
        "text => playgroundEditors.get('continue-prompt').text.startsWith(text)",
        arg=f"SAY: {said}abc",
        timeout=TIMEOUT,
    )


def test_the_keyboard_moves_opens_and_takes(tab: Page) -> None:
    generate(tab, "ab\ncd")
    expect(tab.locator("#continue-tokens .pg-t[tabindex='0']")).to_have_count(1)
    tokens(tab).first.focus()
    for key, text in [("ArrowRight", "b"), ("ArrowDown", "d"), ("Home", "a"), ("ArrowDown", "c")]:
        tab.keyboard.press(key)
        expect(tab.locator("#continue-tokens .pg-t:focus")).to_have_text(text)
    tab.keyboard.press("Enter")
    expect(options(tab).first).to_be_focused()
    tab.keyboard.press("Escape")
    expect(tokens(tab).nth(3)).to_be_focused()
    tab.keyboard.press("Enter")
    tab.keyboard.press("ArrowDown")
    tab.keyboard.press("Enter")
    wait_for_code(tab, PROMPT, "SAY: ab\ncd" + "ab\nd" + "ab\ncdab\nd")
    expect(tab.locator("#continue-tokens .pg-taken")).to_be_focused()


def test_a_stop_string_is_shown_as_left_out(tab: Page) -> None:
    tab.locator("#continue-stop-strings textarea").fill("cd")
    type_code(tab, PROMPT, "SAY: abcdef")
    ask_for_tokens(tab)
    tab.click("#continue-run")
    wait_until_over(tab, "continue")
    assert generated(tab, PROMPT) == "ab"
    assert tab.locator("#continue-tokens .pg-t-cut").all_inner_texts() == ["c", "d"]
    tokens(tab).nth(2).click()
    expect(tab.locator("#continue-tokens .pg-alternatives p")).to_contain_text("Not part of")


def test_what_a_model_writes_is_text_in_the_panel(tab: Page) -> None:
    hostile = '<img src=x onerror="window.hacked = 1">${alert(1)}{{x}}</div>'
    generate(tab, hostile)
    tokens(tab).first.click()
    assert tab.evaluate("window.hacked") is None
    assert tab.locator("#continue-tokens img").count() == 0


def test_clear_takes_the_panel_with_it(tab: Page) -> None:
    generate(tab, "abc")
    tab.click("#continue-clear")
    expect(tab.locator("#continue-tokens section")).to_have_count(0)
    assert code_in(tab, PROMPT) == ""


def fill(page: Page, prefix: str, suffix: str) -> None:
    open_tab(page, "Infill")
    type_code(page, "infill-prefix", prefix)
    type_code(page, "infill-suffix", suffix)
    ask_for_tokens(page, "infill")
    page.click("#infill-run")


def test_an_infill_branches_within_its_gap_and_undo_brings_the_former_middle_back(
    tab: Page,
) -> None:
    fill(tab, "a = 1\n", "SAY: bcd")
    wait_for_tokens(tab, "bcd", "infill")
    tokens(tab, "infill").nth(1).click()
    options(tab, "infill").nth(1).click()
    expect(tab.locator("#infill-middle .pg-new")).to_have_text("bdbcd", timeout=TIMEOUT)
    wait_for_tokens(tab, "bdbcd", "infill")
    assert code_in(tab, "infill-prefix") == "a = 1\n"
    assert code_in(tab, "infill-suffix") == "SAY: bcd"
    tab.click("#infill-undo")
    expect(tab.locator("#infill-middle .pg-new")).to_have_text("bcd")


def test_from_the_tokens_of_a_gap_whose_boxes_were_edited_nothing_branches(tab: Page) -> None:
    fill(tab, "a = 1\n", "SAY: bcd")
    wait_for_tokens(tab, "bcd", "infill")
    type_code(tab, "infill-prefix", "mine")
    tokens(tab, "infill").nth(2).click()
    options(tab, "infill").nth(1).click()
    expect(status(tab, "infill")).to_contain_text("of an earlier text", timeout=TIMEOUT)
    assert code_in(tab, "infill-prefix") == "mine"


def test_a_middle_that_is_accepted_takes_its_tokens_with_it(tab: Page) -> None:
    fill(tab, "a = 1\n", "SAY: bcd")
    wait_for_tokens(tab, "bcd", "infill")
    tab.click("#infill-take")
    wait_for_code(tab, "infill-prefix", "a = 1\nbcd")
    expect(tokens(tab, "infill")).to_have_count(0, timeout=TIMEOUT)


def test_what_is_trimmed_of_a_middle_is_struck_out_among_its_tokens(tab: Page) -> None:
    fill(tab, "x = 1\n", "\nreturn total_of_all\nSAY: y = 2\nreturn total_of_all\n")
    wait_until_over(tab, "infill")
    expect(tab.locator("#infill-middle .pg-cut")).to_contain_text("return total_of_all")
    cut = "".join(tab.locator("#infill-tokens .pg-t-cut").all_text_contents())
    assert cut == tab.locator("#infill-middle .pg-cut").text_content()


def test_of_several_samples_the_last_ones_tokens_are_shown(tab: Page) -> None:
    open_tab(tab, "Infill")
    tab.locator("#infill-samples input").fill("2")
    fill(tab, "a = 1\n", "SAY: bcd")
    expect(tab.locator("#infill-sample-2")).to_contain_text("the same as 1", timeout=TIMEOUT)
    wait_for_tokens(tab, "bcd", "infill")
    tokens(tab, "infill").nth(0).click()
    options(tab, "infill").nth(1).click()
    expect(tab.locator("#infill-middle .pg-new")).to_have_text("cbcd", timeout=TIMEOUT)
    expect(tab.locator("#infill-sample-2")).to_be_hidden()


def ask_greedily(page: Page, tab: str) -> None:
    setting(page, tab, "temperature").fill("0")
    setting(page, tab, "max_new_tokens").fill("12")
    ask_for_tokens(page, tab)
    page.click(f"#{tab}-run")
    wait_until_over(page, tab)
    expect(tokens(page, tab).nth(4)).to_be_visible()


@pytest.mark.real
@pytest.mark.timeout(600)
def test_with_the_real_model_a_branch_is_what_it_writes_from_there(
    page: Page, local_app: RunningApp
) -> None:
    open_page(page, local_app.url)
    prompt = "def fibonacci(n):\n"
    type_code(page, PROMPT, prompt)
    ask_greedily(page, "continue")
    # The line break at the prompt's end is spelt again by the first token.
    branch = prompt + take_second(page, 3, "continue").removeprefix("\n")
    wait_until_over(page, "continue")
    whole = code_in(page, PROMPT)
    assert whole.startswith(branch)
    assert len(whole) > len(branch)
    assert prompt + generated(page, PROMPT) == whole
    type_code(page, PROMPT, branch)
    page.click("#continue-run")
    # Not by the status, which says of the former run that it is over.
    wait_for_code(page, PROMPT, whole)


@pytest.mark.real
@pytest.mark.timeout(600)
def test_with_the_real_model_a_middle_goes_on_from_the_alternative(
    page: Page, local_app: RunningApp
) -> None:
    open_page(page, local_app.url)
    open_tab(page, "Infill")
    type_code(page, "infill-prefix", "def area(width, height):\n    total = ")
    type_code(page, "infill-suffix", "\n    return total\n")
    ask_greedily(page, "infill")
    # The space at the prefix's end is spelt again.
    begun = take_second(page, 1, "infill").removeprefix(" ")
    wait_until_over(page, "infill")
    middle = page.locator("#infill-middle .pg-new").text_content() or ""
    assert middle.startswith(begun)
    assert len(middle) > len(begun)
    assert code_in(page, "infill-prefix") == "def area(width, height):\n    total = "

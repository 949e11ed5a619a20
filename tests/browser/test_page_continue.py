"""The Continue tab in a real browser, over the scripted engine."""

from __future__ import annotations

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.tabs import (
    TIMEOUT,
    code_in,
    generated,
    open_page,
    setting,
    status,
    type_code,
    wait_for_code,
    wait_for_generated,
    wait_until_over,
)
from tests.servers import RunningApp

pytestmark = pytest.mark.browser

PROMPT = "continue-prompt"
HOSTILE = (
    "${alert(1)} {{7*7}} </pre><script>window.hacked = 1</script>"
    '<img src=x onerror="window.hacked = 2">&lt;'
)


@pytest.fixture
def tab(page: Page, scripted_app: RunningApp) -> Page:
    open_page(page, scripted_app.url)
    return page


def num_running(app: RunningApp) -> int:
    return int(httpx.get(f"{app.url}/health").json()["num_running"])


def test_text_streams_and_ends_with_its_figures(tab: Page) -> None:
    type_code(tab, PROMPT, "SAY: " + "word " * 12)
    tab.click("#continue-run")
    wait_for_generated(tab, PROMPT, 5)
    early = generated(tab, PROMPT)
    wait_until_over(tab, "continue")
    assert generated(tab, PROMPT) == "word " * 12
    assert len(early) < 60
    expect(status(tab, "continue")).to_contain_text("61 tokens ·")
    expect(status(tab, "continue")).to_contain_text("ended by itself")
    expect(status(tab, "continue")).to_contain_text("/ 8,192")


def test_stop_keeps_the_text_and_frees_the_engine(tab: Page, scripted_app: RunningApp) -> None:
    type_code(tab, PROMPT, "SAY: " + "x" * 250)
    tab.click("#continue-run")
    wait_for_generated(tab, PROMPT, 10)
    tab.click("#continue-stop")
    expect(status(tab, "continue")).to_contain_text("stopped by you", timeout=TIMEOUT)
    assert 10 <= len(generated(tab, PROMPT)) < 250
    assert num_running(scripted_app) == 0
    assert code_in(tab, PROMPT).startswith("SAY: xxx")


def test_what_would_cross_a_run_waits_for_its_end(tab: Page) -> None:
    type_code(tab, PROMPT, "SAY: " + "x" * 250)
    tab.click("#continue-run")
    wait_for_generated(tab, PROMPT, 1)
    expect(tab.locator("#continue-clear")).to_be_disabled()
    tab.click("#continue-stop")
    expect(tab.locator("#continue-clear")).to_be_enabled(timeout=TIMEOUT)


def test_ctrl_enter_generates_and_escape_stops(tab: Page) -> None:
    type_code(tab, PROMPT, "SAY: " + "x" * 250)
    tab.keyboard.press("Control+Enter")
    wait_for_generated(tab, PROMPT, 1)
    tab.keyboard.press("Escape")
    expect(status(tab, "continue")).to_contain_text("stopped by you", timeout=TIMEOUT)
    assert code_in(tab, PROMPT).startswith("SAY: " + "x" * 251)


def test_white_space_arrives_exactly(tab: Page) -> None:
    said = "    if x:\n\n\treturn\n        y  \n\n"
    type_code(tab, PROMPT, "SAY:" + said)
    tab.click("#continue-run")
    wait_until_over(tab, "continue")
    # The script leaves out the spaces after its colon, and nothing else.
    assert generated(tab, PROMPT) == said.lstrip(" ")


def test_text_grows_in_the_editor_and_a_generation_is_undone_and_redone(tab: Page) -> None:
    tab.click("#continue-example-1")
    expect(tab.locator(f"#{PROMPT} .cm-content")).to_contain_text("fibonacci")
    prompt = code_in(tab, PROMPT)
    tab.click("#continue-run")
    wait_until_over(tab, "continue")
    whole = code_in(tab, PROMPT)
    assert whole == prompt + generated(tab, PROMPT)
    assert whole.endswith("    return previous\n")
    tab.click("#continue-undo")
    expect(tab.locator(f"#{PROMPT} mark.pg-generated")).to_have_count(0)
    assert code_in(tab, PROMPT) == prompt
    tab.click("#continue-redo")
    expect(tab.locator(f"#{PROMPT} mark.pg-generated").first).to_be_visible()
    assert code_in(tab, PROMPT) == whole
    assert prompt + generated(tab, PROMPT) == whole


def test_continue_further_goes_on_from_what_was_generated(tab: Page) -> None:
    type_code(tab, PROMPT, "SAY: abc")
    tab.click("#continue-run")
    wait_until_over(tab, "continue")
    tab.click("#continue-further")
    wait_for_generated(tab, PROMPT, 9)
    wait_until_over(tab, "continue")
    assert code_in(tab, PROMPT) == "SAY: abc" + "abc" + "abcabc"
    assert generated(tab, PROMPT) == "abcabcabc"


def test_regenerate_takes_the_last_generation_back_and_undo_brings_it(tab: Page) -> None:
    type_code(tab, PROMPT, "SAY: abc")
    tab.click("#continue-run")
    wait_until_over(tab, "continue")
    tab.keyboard.press("Control+End")
    tab.locator(f"#{PROMPT} .cm-content").press_sequentially(" mine")
    edited = code_in(tab, PROMPT)
    tab.click("#continue-regenerate")
    expect(tab.locator(f"#{PROMPT} .cm-content")).not_to_contain_text("mine")
    wait_until_over(tab, "continue")
    assert code_in(tab, PROMPT) == "SAY: abcabc"
    tab.click("#continue-undo")
    expect(tab.locator(f"#{PROMPT} mark.pg-generated")).to_have_count(0)
    tab.click("#continue-undo")
    expect(tab.locator(f"#{PROMPT} .cm-content")).to_contain_text("mine")
    assert code_in(tab, PROMPT) == edited
    assert generated(tab, PROMPT) == "abc"


def test_what_is_typed_while_it_grows_is_kept_and_not_marked(tab: Page) -> None:
    said = "x" * 150
    type_code(tab, PROMPT, f"SAY: {said}")
    tab.click("#continue-run")
    wait_for_generated(tab, PROMPT, 5)
    tab.locator(f"#{PROMPT} .cm-content").focus()
    tab.keyboard.press("Control+Home")
    tab.keyboard.type("# top\n")
    # At once: between Ctrl+End and a key more text may come, before which the caret stays.
    tab.evaluate(
        """name => {
            const {view} = playgroundEditors.get(name);
            const end = {from: view.state.doc.length, insert: "\\nend"};
            view.dispatch({changes: end, userEvent: "input.type"});
        }""",
        PROMPT,
    )
    wait_until_over(tab, "continue")
    assert code_in(tab, PROMPT) == f"# top\nSAY: {said}{said}\nend"
    assert generated(tab, PROMPT) == said


def test_the_length_limit_is_said(tab: Page) -> None:
    setting(tab, "continue", "max_new_tokens").fill("5")
    type_code(tab, PROMPT, "SAY: abcdefghij")
    tab.click("#continue-run")
    expect(status(tab, "continue")).to_contain_text("length limit (5)", timeout=TIMEOUT)
    expect(tab.locator("#continue-further.primary")).to_be_visible()


def test_clear_can_be_undone(tab: Page) -> None:
    type_code(tab, PROMPT, "precious()")
    tab.click("#continue-clear")
    expect(tab.locator(f"#{PROMPT} .cm-content")).not_to_contain_text("precious")
    tab.click("#continue-undo")
    expect(tab.locator(f"#{PROMPT} .cm-content")).to_contain_text("precious()")


@pytest.mark.parametrize("fault", ["FAIL", "OOM"])
def test_a_failure_keeps_both_texts_and_the_next_request_works(tab: Page, fault: str) -> None:
    type_code(tab, PROMPT, fault)
    tab.click("#continue-run")
    expect(tab.locator("#continue-status .pg-error")).to_be_visible(timeout=TIMEOUT)
    assert generated(tab, PROMPT)
    assert code_in(tab, PROMPT) == fault + generated(tab, PROMPT)
    type_code(tab, PROMPT, "SAY: fine")
    tab.click("#continue-run")
    wait_until_over(tab, "continue")
    assert generated(tab, PROMPT) == "fine"


def test_an_empty_prompt_is_refused_with_advice(tab: Page) -> None:
    tab.click("#continue-run")
    expect(tab.locator("#continue-status .pg-error")).to_contain_text("empty", timeout=TIMEOUT)
    expect(tab.locator("#continue-run")).to_be_visible()


@pytest.mark.parametrize(
    ("field", "value", "name"),
    [
        ("max_new_tokens", "-3", "Max new tokens"),
        ("max_new_tokens", "", "Max new tokens"),
        ("seed", "abc", "Seed"),
        ("stop", "x" * 300, "Stop strings"),
    ],
)
def test_a_bad_setting_is_named_and_the_text_stays(
    tab: Page, field: str, value: str, name: str
) -> None:
    type_code(tab, PROMPT, "keep me")
    setting(tab, "continue", field).fill(value)
    tab.click("#continue-run")
    expect(tab.locator("#continue-status .pg-error")).to_contain_text(name, timeout=TIMEOUT)
    assert code_in(tab, PROMPT) == "keep me"


def test_a_prompt_over_the_window_says_what_was_left_out(tab: Page) -> None:
    type_code(tab, PROMPT, "# line\n" * 1300 + "SAY: ok")
    tab.click("#continue-run")
    expect(tab.locator("#continue-status .pg-warning")).to_contain_text(
        "left out from the start of the prompt", timeout=TIMEOUT
    )
    wait_until_over(tab, "continue")
    assert generated(tab, PROMPT) == "ok"


def test_hostile_text_stays_text(tab: Page) -> None:
    dialogs: list[str] = []
    tab.on("dialog", lambda dialog: (dialogs.append(dialog.message), dialog.dismiss()))
    type_code(tab, PROMPT, f"SAY: {HOSTILE}")
    tab.click("#continue-run")
    wait_until_over(tab, "continue")
    assert generated(tab, PROMPT) == HOSTILE
    assert tab.evaluate("window.hacked") is None
    assert dialogs == []


def test_two_sessions_never_see_each_others_text(
    tab: Page, browser: Browser, scripted_app: RunningApp
) -> None:
    other = browser.new_page()
    open_page(other, scripted_app.url)
    type_code(tab, PROMPT, "SAY: " + "mine " * 10)
    type_code(other, PROMPT, "SAY: " + "yours " * 10)
    tab.click("#continue-run")
    other.click("#continue-run")
    wait_until_over(tab, "continue")
    wait_until_over(other, "continue")
    assert generated(tab, PROMPT) == "mine " * 10
    assert generated(other, PROMPT) == "yours " * 10
    # The page's scripts have words of their own.
    assert "yours" not in (tab.locator(".gradio-container").text_content() or "")
    assert "mine" not in (other.locator(".gradio-container").text_content() or "")
    other.close()


def test_closing_the_tab_frees_the_engine(
    browser: Browser, page: Page, scripted_app: RunningApp
) -> None:
    gone = browser.new_page()
    open_page(gone, scripted_app.url)
    setting(gone, "continue", "max_new_tokens").fill("5000")
    type_code(gone, PROMPT, "SAY: " + "x" * 5000)
    gone.click("#continue-run")
    wait_for_generated(gone, PROMPT, 3)
    gone.close()
    # Had the former run gone on, this one would wait behind it for minutes.
    open_page(page, scripted_app.url)
    type_code(page, PROMPT, "SAY: next")
    page.click("#continue-run")
    wait_until_over(page, "continue")
    assert generated(page, PROMPT) == "next"


def test_it_stops_at_the_end_of_the_function_where_that_is_asked(tab: Page) -> None:
    tab.locator("#continue-stop-at").get_by_text("End of function").click()
    prompt = '"""SAY: return 1\n\n\nprint(one())\n"""\ndef one():\n    '
    type_code(tab, PROMPT, prompt)
    tab.locator("#continue-run").click()
    expect(status(tab, "continue")).to_contain_text("stopped at the end of the function")
    wait_for_code(tab, PROMPT, prompt + "return 1\n")
    assert generated(tab, PROMPT) == "return 1\n"


def test_a_language_whose_blocks_are_not_known_is_refused_in_words(tab: Page) -> None:
    tab.locator("#continue-language input").fill("Haskell")
    tab.locator("#continue-language input").press("Enter")
    tab.locator("#continue-stop-at").get_by_text("End of block").click()
    type_code(tab, PROMPT, "main = ")
    tab.locator("#continue-run").click()
    expect(status(tab, "continue")).to_contain_text("a block ends in Haskell cannot be told")
    assert code_in(tab, PROMPT) == "main = "

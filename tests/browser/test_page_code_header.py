"""Continue's header in a real browser: told in tokens, shown, counted, kept; refused in words."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from model.prompts.metadata import EXERCISE_LINE
from tests.browser.tabs import (
    TIMEOUT,
    code_in,
    open_page,
    status,
    type_code,
    wait_for_code,
    wait_until_kept,
    wait_until_over,
)
from tests.servers import RunningApp

pytestmark = pytest.mark.browser

PROMPT, PANEL = "continue-prompt", "#continue-header"
HEADER = "<reponame>me/it<filename>src/main.rs<gh_stars>100-1000\n"


@pytest.fixture
def tab(page: Page, scripted_app: RunningApp) -> Page:
    open_page(page, scripted_app.url)
    open_panel(page)
    return page


def open_panel(page: Page) -> None:
    page.locator(f"{PANEL} > button.label-wrap").click()
    expect(page.get_by_label("File name")).to_be_visible()


def fill(page: Page) -> None:
    page.get_by_label("File name").fill("src/main.rs")
    page.locator(f"{PANEL}-name input, {PANEL}-name textarea").fill("me/it")
    page.get_by_label("Stars").fill("250")
    page.get_by_label("Stars").press("Tab")


def expect_prompt(page: Page, prompt: str) -> None:
    shown = page.locator("#continue-exact-view .pg-exact pre").first
    expect(shown).to_have_text(prompt, use_inner_text=False, timeout=TIMEOUT)
    assert shown.text_content() == prompt


def test_the_model_is_told_in_tokens_and_the_editor_stays_as_it_was(tab: Page) -> None:
    fill(tab)
    expect(tab.locator(f"{PANEL} > button")).to_contain_text("me/it · src/main.rs · 250 stars")
    type_code(tab, PROMPT, "SAY: x")
    tab.locator("#continue-exact > button.label-wrap").click()
    expect_prompt(tab, f"{HEADER}SAY: x")
    chips = tab.locator("#continue-exact-view .pg-exact pre").first.locator(".pg-token")
    expect(chips).to_have_text(["<reponame>", "<filename>", "<gh_stars>"])
    num_tokens = 3 + len("me/itsrc/main.rs100-1000\nSAY: x")
    expect(tab.locator("#continue-context")).to_contain_text(f"{num_tokens} of 8,192")
    expect(tab.locator("#continue-exact-call pre code")).to_contain_text("<reponame>me/it")
    tab.locator("#continue-exact-form").get_by_label("Python (gradio_client)").click()
    call = tab.locator("#continue-exact-call pre code")
    expect(call).to_contain_text('repo_name="me/it"', timeout=TIMEOUT)
    expect(call).to_contain_text("stars=250")
    tab.click("#continue-run")
    wait_until_over(tab, "continue")
    expect(status(tab, "continue")).to_contain_text(f"context {num_tokens + 2} / 8,192")
    wait_for_code(tab, PROMPT, "SAY: xx")


def test_an_exercise_has_its_line_and_its_file(tab: Page) -> None:
    tab.get_by_label("Code exercise").check()
    type_code(tab, PROMPT, "def f():")
    tab.locator("#continue-exact > button.label-wrap").click()
    expect_prompt(tab, f"<filename>solutions/solution_1.py\n{EXERCISE_LINE}def f():")
    expect(tab.locator(f"{PANEL} > button")).to_contain_text("exercise")


def test_a_file_can_be_written_from_its_name_alone(tab: Page) -> None:
    tab.get_by_label("File name").fill("SAY: written")
    expect(tab.locator("#continue-context")).to_contain_text("14 of 8,192", timeout=TIMEOUT)
    tab.click("#continue-run")
    wait_until_over(tab, "continue")
    wait_for_code(tab, PROMPT, "written\n")


def test_the_language_follows_the_name_until_somebody_chooses_it(tab: Page) -> None:
    language = tab.locator("#continue-language input")
    tab.get_by_label("File name").fill("a.rs")
    expect(language).to_have_value("Rust", timeout=TIMEOUT)
    language.fill("Haskell")
    language.press("Enter")
    expect(language).to_have_value("Haskell")
    tab.get_by_label("File name").fill("b.go")
    expect(tab.locator(f"{PANEL} > button")).to_contain_text("b.go", timeout=TIMEOUT)
    expect(language).to_have_value("Haskell")


def test_code_that_is_too_long_loses_its_head_and_never_the_header(tab: Page) -> None:
    fill(tab)
    type_code(tab, PROMPT, "head\n" + "x" * 9000)
    words = "will be left out from the start of the prompt"
    expect(tab.locator("#continue-context")).to_contain_text(words, timeout=TIMEOUT)
    tab.locator("#continue-exact > button.label-wrap").click()
    shown = tab.locator("#continue-exact-view .pg-exact pre").first
    expect(shown).to_contain_text("<reponame>me/it<filename>", timeout=TIMEOUT)
    expect(shown).not_to_contain_text("head")
    expect(tab.locator("#continue-exact-view .pg-warning")).to_contain_text("left out")


def test_a_number_that_no_stars_can_have_is_refused(tab: Page) -> None:
    tab.get_by_label("Stars").fill("-4")
    type_code(tab, PROMPT, "SAY: x")
    tab.click("#continue-run")
    error = status(tab, "continue").locator(".pg-error")
    expect(error).to_contain_text("cannot have -4 stars", timeout=TIMEOUT)
    assert code_in(tab, PROMPT) == "SAY: x"


def test_a_reload_brings_the_header_back(tab: Page) -> None:
    fill(tab)
    tab.get_by_label("Code exercise").check()
    type_code(tab, PROMPT, "x = 1")
    expect(tab.locator(f"{PANEL} > button")).to_contain_text("exercise", timeout=TIMEOUT)
    wait_until_kept(tab, "x = 1")
    tab.reload()
    expect(tab.locator(f"{PANEL} > button")).to_contain_text(
        "me/it · src/main.rs · 250 stars · exercise", timeout=TIMEOUT
    )
    wait_for_code(tab, PROMPT, "x = 1")
    num_tokens = 3 + len("me/itsrc/main.rs100-1000\nx = 1") + len(EXERCISE_LINE)
    expect(tab.locator("#continue-context")).to_contain_text(f"{num_tokens} of 8,192")
    open_panel(tab)
    expect(tab.get_by_label("File name")).to_have_value("src/main.rs")
    expect(tab.get_by_label("Code exercise")).to_be_checked()


def test_starcoder_2_says_that_it_knows_no_stars_and_refuses_them(
    page: Page, starcoder2: str
) -> None:
    open_page(page, starcoder2)
    open_panel(page)
    expect(page.locator(f"{PANEL}-note")).to_contain_text("has no stars", timeout=TIMEOUT)
    fill(page)
    type_code(page, PROMPT, "x")
    page.click("#continue-run")
    error = status(page, "continue").locator(".pg-error")
    expect(error).to_contain_text("StarCoder 2 was not told stars", timeout=TIMEOUT)
    page.get_by_label("Stars").fill("")
    page.locator("#continue-exact > button.label-wrap").click()
    expect_prompt(page, "<repo_name>me/it<file_sep>src/main.rs\nx")
    page.click("#continue-run")
    wait_until_over(page, "continue")


def test_a_model_without_the_tokens_says_so_and_refuses(page: Page, santacoder: str) -> None:
    open_page(page, santacoder)
    expect(page.locator(f"{PANEL} > button")).to_contain_text("not for this model")
    open_panel(page)
    expect(page.locator(f"{PANEL}-note .pg-warning")).to_contain_text("no tokens for a header")
    page.get_by_label("File name").fill("a.py")
    type_code(page, PROMPT, "x")
    page.click("#continue-run")
    error = status(page, "continue").locator(".pg-error")
    expect(error).to_contain_text("no tokens for a header", timeout=TIMEOUT)
    page.get_by_label("File name").fill("")
    page.click("#continue-run")
    wait_until_over(page, "continue")

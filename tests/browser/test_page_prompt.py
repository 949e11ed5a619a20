"""The exact prompt below each tab, and the calls to copy, over the scripted engine."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, Request, expect

from tests.browser.tabs import TIMEOUT, open_page, open_tab, send_message, type_code
from tests.servers import RunningApp

pytestmark = pytest.mark.browser

PHONE = {"width": 390, "height": 844}
# Longer than a typing pause: what would be asked after one has been asked by then.
PAUSE_MILLISECONDS = 600


@pytest.fixture
def tab(page: Page, scripted_app: RunningApp) -> Page:
    open_page(page, scripted_app.url)
    return page


def open_panel(page: Page, tab: str) -> None:
    page.locator(f"#{tab}-exact > button.label-wrap").click()
    expect(page.locator(f"#{tab}-exact-view > .html-container")).to_be_visible(timeout=TIMEOUT)


def prompt(page: Page, tab: str) -> Locator:
    return page.locator(f"#{tab}-exact-view .pg-exact pre").first


def chips(page: Page, tab: str) -> list[str]:
    return prompt(page, tab).locator(".pg-token").all_text_contents()


def call(page: Page, tab: str) -> Locator:
    return page.locator(f"#{tab}-exact-call pre code")


def choose(page: Page, group: str, label: str) -> None:
    page.locator(f"#{group}").get_by_label(label).click()


def test_a_gap_is_shown_with_its_tokens_and_follows_the_typing(tab: Page) -> None:
    open_tab(tab, "Infill")
    type_code(tab, "infill-prefix", "a <fim_middle>\n\tb")
    type_code(tab, "infill-suffix", "c  ")
    open_panel(tab, "infill")
    text = "<fim_prefix>a <fim_middle>\n\tb<fim_suffix>c  <fim_middle>"
    expect(prompt(tab, "infill")).to_have_text(text, use_inner_text=False, timeout=TIMEOUT)
    assert prompt(tab, "infill").text_content() == text
    assert chips(tab, "infill") == ["<fim_prefix>", "<fim_suffix>", "<fim_middle>"]
    type_code(tab, "infill-suffix", "d")
    expect(prompt(tab, "infill")).to_contain_text("<fim_suffix>d<fim_middle>", timeout=TIMEOUT)
    expect(tab.locator("#infill-exact-view .pg-counts")).to_contain_text("21 of 8,192")


def test_marks_are_seen_and_are_not_in_the_text(tab: Page) -> None:
    type_code(tab, "continue-prompt", "a\tb \n c")
    open_panel(tab, "continue")
    expect(prompt(tab, "continue")).to_contain_text("a", timeout=TIMEOUT)
    assert prompt(tab, "continue").text_content() == "a\tb \n c"
    marks = tab.evaluate(
        """() => [...document.querySelectorAll("#continue-exact-view pre i")].map(
            (mark) => [mark.className, getComputedStyle(mark, "::before").content])"""
    )
    assert [name for name, _ in marks] == ["pg-tab", "pg-sp", "pg-lf"]
    assert "→" in marks[0][1]
    assert "↵" in marks[2][1]
    choose(tab, "continue-exact-look", "Every space")
    expect(prompt(tab, "continue").locator(".pg-sp")).to_have_count(2, timeout=TIMEOUT)


def test_ids_come_and_go(tab: Page) -> None:
    type_code(tab, "continue-prompt", "ab")
    open_panel(tab, "continue")
    expect(prompt(tab, "continue")).to_have_text("ab", timeout=TIMEOUT)
    choose(tab, "continue-exact-look", "Token ids")
    tokens = prompt(tab, "continue").locator(".pg-id")
    expect(tokens).to_have_count(2, timeout=TIMEOUT)
    assert [token.get_attribute("data-id") for token in tokens.all()] == ["97", "98"]
    choose(tab, "continue-exact-look", "Token ids")
    expect(tokens).to_have_count(0, timeout=TIMEOUT)


def test_a_conversation_is_shown_as_it_would_be_asked_again(tab: Page) -> None:
    open_tab(tab, "Chat")
    open_panel(tab, "chat")
    expect(tab.locator("#chat-exact-view")).to_contain_text("The conversation is empty")
    send_message(tab, "SAY: <b>ok</b>")
    expect(tab.locator("#chat-status")).to_contain_text("ended by itself", timeout=TIMEOUT)
    expect(tab.locator("#chat-exact-view")).to_contain_text("what Retry sends", timeout=TIMEOUT)
    tab.locator("#chat-message textarea").fill("next")
    expect(prompt(tab, "chat")).to_contain_text("next<|end|>", timeout=TIMEOUT)
    assert prompt(tab, "chat").text_content() == (
        "<|system|>\n<|end|>\n<|user|>\nSAY: <b>ok</b><|end|>\n<|assistant|>\n<b>ok</b><|end|>\n"
        "<|user|>\nnext<|end|>\n<|assistant|>"
    )
    expect(tab.locator("#chat-exact-view")).not_to_contain_text("Retry")


def test_a_closed_panel_asks_the_server_for_nothing(tab: Page) -> None:
    posted: list[list[object]] = []

    def note(request: Request) -> None:
        if "second!" in (body := request.post_data or ""):
            posted.append(json.loads(body)["data"])

    type_code(tab, "continue-prompt", "first")
    expect(tab.locator("#continue-context")).to_contain_text("5 of", timeout=TIMEOUT)
    tab.on("request", note)
    type_code(tab, "continue-prompt", "second!")
    expect(tab.locator("#continue-context")).to_contain_text("7 of", timeout=TIMEOUT)
    tab.wait_for_timeout(PAUSE_MILLISECONDS)
    # The meter's, which has fewer inputs than the panel.
    [num_inputs] = {len(data) for data in posted}
    open_panel(tab, "continue")
    expect(prompt(tab, "continue")).to_have_text("second!", timeout=TIMEOUT)
    assert max(len(data) for data in posted) > num_inputs


def test_curl_as_copied_runs_and_gives_what_the_page_gives(tab: Page) -> None:
    type_code(tab, "continue-prompt", "'EOF' $HOME `x` \\ <fim_middle>\nSAY: it's 😀 \"done\"")
    open_panel(tab, "continue")
    expect(call(tab, "continue")).to_contain_text("fim_middle", timeout=TIMEOUT)
    tab.context.grant_permissions(["clipboard-read", "clipboard-write"])
    tab.locator("#continue-exact-call").get_by_role("button", name="Copy").click()
    expect(tab.locator("#continue-exact-call").get_by_role("button", name="Copied")).to_be_visible()
    command = tab.evaluate("navigator.clipboard.readText()")
    done = subprocess.run(
        ["sh"], input=command.encode(), capture_output=True, timeout=60, check=True
    )
    assert json.loads(done.stdout)["choices"][0]["text"] == 'it\'s 😀 "done"'


def test_the_form_of_the_call_can_be_chosen(tab: Page, scripted_app: RunningApp) -> None:
    type_code(tab, "continue-prompt", "x")
    open_panel(tab, "continue")
    choose(tab, "continue-exact-form", "Python (openai)")
    expect(call(tab, "continue")).to_contain_text(f'"{scripted_app.url}/v1"', timeout=TIMEOUT)
    choose(tab, "continue-exact-form", "Python (gradio_client)")
    expect(call(tab, "continue")).to_contain_text('api_name="/continue"', timeout=TIMEOUT)
    tab.locator("#continue-top_k input, #continue-temperature input").first.fill("1.5")
    expect(call(tab, "continue")).to_contain_text('"temperature": 1.5', timeout=TIMEOUT)


def test_all_of_a_folded_prompt_is_copied_and_saved(tab: Page, tmp_path: Path) -> None:
    text = "a" * 3000 + "m" * 500 + "z" * 3000
    type_code(tab, "continue-prompt", text)
    open_panel(tab, "continue")
    expect(prompt(tab, "continue")).to_contain_text("2,500 tokens not shown", timeout=TIMEOUT)
    assert "m" not in (prompt(tab, "continue").text_content() or "")
    tab.context.grant_permissions(["clipboard-read", "clipboard-write"])
    view = tab.locator("#continue-exact-view")
    view.get_by_role("button", name="Copy text").click()
    expect(view.get_by_role("button", name="Copied")).to_be_visible()
    assert tab.evaluate("navigator.clipboard.readText()") == text
    view.get_by_role("button", name="Copy ids").click()
    expect(view.get_by_role("button", name="Copied")).to_have_count(2)
    assert json.loads(tab.evaluate("navigator.clipboard.readText()")) == list(text.encode())
    with tab.expect_download() as download:
        view.get_by_role("button", name="Download").click()
    download.value.save_as(tmp_path / "prompt.json")
    assert json.loads((tmp_path / "prompt.json").read_text())["segments"][0]["text"] == text


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_on_a_phone_the_page_does_not_scroll_sideways(
    page: Page, scripted_app: RunningApp, theme: str
) -> None:
    page.set_viewport_size(PHONE)
    open_page(page, f"{scripted_app.url}/?__theme={theme}")
    for name in ("Continue", "Infill", "Chat"):
        open_tab(page, name)
        open_panel(page, name.lower())
    open_tab(page, "Continue")
    type_code(page, "continue-prompt", "x" * 400)
    expect(prompt(page, "continue")).to_contain_text("xxx", timeout=TIMEOUT)
    choose(page, "continue-exact-look", "Token ids")
    expect(prompt(page, "continue").locator(".pg-id").first).to_be_visible(timeout=TIMEOUT)
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]

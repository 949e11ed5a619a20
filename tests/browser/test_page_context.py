"""The meters below the editors in a real browser, over the scripted engine: a token is a byte."""

from __future__ import annotations

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.tabs import (
    TIMEOUT,
    code_in,
    open_page,
    open_section,
    open_tab,
    setting,
    type_code,
    wait_until_over,
)
from tests.servers import RunningApp

pytestmark = pytest.mark.browser


@pytest.fixture
def tab(page: Page, scripted_app: RunningApp) -> Page:
    open_page(page, scripted_app.url)
    return page


def meter(page: Page, name: str) -> Locator:
    return page.locator(f"#{name}-context")


def bar_width(page: Page, name: str) -> float:
    share = meter(page, name).locator(".pg-bar i").first.get_attribute("style") or ""
    return float(share.removeprefix("width:").rstrip("%; ").strip())


def test_each_tab_shows_the_context_before_anything_is_typed(tab: Page) -> None:
    for name, room in (("Continue", 256), ("Infill", 128), ("Chat", 512)):
        open_tab(tab, name)
        expect(meter(tab, name.lower())).to_contain_text(
            f"0 of 8,192 tokens · {room} for the completion", timeout=TIMEOUT
        )


def test_the_meter_follows_the_typing(tab: Page) -> None:
    tab.locator("#continue-prompt .cm-content").click()
    tab.keyboard.type("abcde", delay=5)
    expect(meter(tab, "continue")).to_contain_text("5 of 8,192 tokens", timeout=TIMEOUT)
    tab.keyboard.press("Backspace")
    expect(meter(tab, "continue")).to_contain_text("4 of 8,192 tokens", timeout=TIMEOUT)
    assert code_in(tab, "continue-prompt") == "abcd"


def test_the_bar_grows_with_the_prompt_and_the_words_with_the_settings(tab: Page) -> None:
    type_code(tab, "continue-prompt", "x" * 4096)
    expect(meter(tab, "continue")).to_contain_text("4,096 of 8,192", timeout=TIMEOUT)
    assert bar_width(tab, "continue") == 50
    setting(tab, "continue", "max_new_tokens").fill("5000")
    expect(meter(tab, "continue")).to_contain_text("only 4,096 for the completion", timeout=TIMEOUT)


def test_what_will_be_left_out_is_told_before_it_is(tab: Page) -> None:
    type_code(tab, "continue-prompt", "# line\n" * 1300)
    words = "1,164 tokens will be left out from the start of the prompt"
    expect(meter(tab, "continue").locator(".pg-over")).to_contain_text(words, timeout=TIMEOUT)
    type_code(tab, "continue-prompt", "short")
    expect(meter(tab, "continue")).not_to_contain_text("left out", timeout=TIMEOUT)


def test_an_example_moves_the_meter_too(tab: Page) -> None:
    tab.click("#continue-example-1")
    expect(meter(tab, "continue")).to_contain_text("74 of 8,192", timeout=TIMEOUT)


def test_prefix_and_suffix_share_a_meter_that_reads_the_marker(tab: Page) -> None:
    open_tab(tab, "Infill")
    type_code(tab, "infill-prefix", "abc<FILL_HERE>de")
    expect(meter(tab, "infill")).to_contain_text("8 of 8,192", timeout=TIMEOUT)
    type_code(tab, "infill-suffix", "fg")
    expect(meter(tab, "infill")).to_contain_text("10 of 8,192", timeout=TIMEOUT)
    type_code(tab, "infill-prefix", "<FILL_HERE>" * 21)
    expect(meter(tab, "infill")).to_contain_text("20 gaps can be filled", timeout=TIMEOUT)
    expect(tab.locator(".toast-body")).to_have_count(0)


def test_a_conversation_counts_with_the_draft_and_the_system_prompt(tab: Page) -> None:
    open_tab(tab, "Chat")
    box = tab.locator("#chat-message textarea")
    box.fill("SAY: ok")
    expect(meter(tab, "chat")).not_to_contain_text("0 of 8,192 tokens", timeout=TIMEOUT)
    box.press("Enter")
    wait_until_over(tab, "chat")
    expect(meter(tab, "chat")).to_contain_text(f"{count('SAY: ok', 'ok', '')} of", timeout=TIMEOUT)
    box.fill("next")
    expect(meter(tab, "chat")).to_contain_text(
        f"{count('SAY: ok', 'ok', 'next')} of", timeout=TIMEOUT
    )
    open_section(tab, "System prompt")
    tab.locator("#chat-system textarea").fill("brief")
    expect(meter(tab, "chat")).to_contain_text(
        f"{count('SAY: ok', 'ok', 'next', system='brief')} of", timeout=TIMEOUT
    )


def count(*texts: str, system: str = "") -> int:
    """Tokens of StarChat's markup: each turn has an opening token, two newlines and its end, and
    the reply its opening token."""
    return sum(len(text) + 4 for text in (system, *texts)) + 1

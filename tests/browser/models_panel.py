"""What the page says of its models, and how they are changed there."""

from __future__ import annotations

from playwright.sync_api import Locator, Page, expect

from tests.browser.tabs import (
    TIMEOUT,
    generated,
    open_tab,
    setting,
    type_code,
    wait_for_generated,
    wait_until_over,
)

LOAD_TIMEOUT = 90_000
# Nothing to find out by a trial, whose result would be kept in the user's cache.
FLAGS = ("--threads", "1", "--precision", "float32")
TYPED = "keep = 'me'"


def chip(page: Page, number: int = 0) -> Locator:
    """The header's chip of the base model (0) or the chat model (1)."""
    return page.locator(".pg-chip").nth(number)


def open_models(page: Page) -> None:
    page.get_by_role("button", name="Models and memory").click()
    expect(page.locator("#models-base")).to_be_visible()


def choose_model(page: Page, label: str, slot: str = "base") -> None:
    """Choose what the list names so, as somebody does who types its name."""
    _choose(page, f"#models-{slot}-model", label)


def choose_weights(page: Page, label: str, slot: str = "base") -> None:
    _choose(page, f"#models-{slot}-quantization", label)


def _choose(page: Page, selector: str, label: str) -> None:
    page.locator(f"{selector} input").click()
    page.get_by_role("option", name=label).first.click()


def load_model(page: Page, label: str, slot: str = "base") -> None:
    choose_model(page, label, slot)
    page.click(f"#models-{slot}-load")


def change(page: Page, slot: str = "base") -> Locator:
    """What the panel says of a model on its way, or of one that did not arrive."""
    return page.locator(f"#models-{slot}-change")


def expect_advice(box: Locator, message: str, *links: str) -> None:
    """The message stands there, and leads to each of `links`."""
    expect(box).to_contain_text(message, timeout=TIMEOUT)
    for link in links:
        expect(box.locator(f'a[href="{link}"]').first).to_be_visible()


def expect_streaming(page: Page, prompt: str = "def f():") -> None:
    """The Continue tab's model writes, token by token."""
    open_tab(page, "Continue")
    page.click("#continue-clear")
    expect(page.locator("#continue-prompt mark.pg-generated")).to_have_count(0)
    setting(page, "continue", "max_new_tokens").fill("40")
    type_code(page, "continue-prompt", prompt)
    page.click("#continue-run")
    wait_for_generated(page, "continue-prompt", 1)
    wait_until_over(page, "continue")
    assert generated(page, "continue-prompt")

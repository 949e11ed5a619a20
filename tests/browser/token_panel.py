"""The panel of generated tokens as a person works with it, for browser tests."""

from __future__ import annotations

from playwright.sync_api import Locator, Page, expect

from tests.browser.tabs import TIMEOUT, wait_until_over


def tokens(page: Page, tab: str = "continue") -> Locator:
    """One per token: its first part, where a line break divides it."""
    return page.locator(f"#{tab}-tokens .pg-t[role=button]")


def options(page: Page, tab: str = "continue") -> Locator:
    return page.locator(f"#{tab}-tokens .pg-alternative")


def spelt(page: Page, tab: str = "continue") -> str:
    """What the panel's tokens spell, chips left out."""
    return str(
        page.evaluate(
            "texts => [...document.querySelectorAll(texts)].map((it) => it.textContent).join('')",
            f"#{tab}-tokens .pg-t:not(.pg-t-special, .pg-t-part)",
        )
    )


def wait_for_tokens(page: Page, text: str, tab: str = "continue") -> None:
    """Until the panel's tokens spell `text`, and its alternatives can be taken."""
    expect(page.locator(f"#{tab}-tokens .pg-t-special")).to_have_count(1, timeout=TIMEOUT)
    wait_until_over(page, tab)
    assert spelt(page, tab) == text


def ask_for_tokens(page: Page, tab: str = "continue") -> None:
    page.locator(f"#{tab}-probabilities input").check()


def chosen_first(page: Page, tab: str) -> bool:
    """Whether the token that is open is the likeliest in its place."""
    return options(page, tab).first.get_attribute("aria-current") == "true"


def take_second(page: Page, index: int, tab: str) -> str:
    """The second likeliest in place of a token; what the text is up to there, and it."""
    before = page.evaluate(
        "([tab, index]) => [...document.querySelectorAll(`#${tab}-tokens .pg-t`)]"
        ".filter((part) => Number(part.dataset.i) < index).map((it) => it.textContent).join('')",
        [tab, index],
    )
    tokens(page, tab).nth(index).click()
    assert chosen_first(page, tab)
    options(page, tab).nth(1).click()
    taken = page.locator(f"#{tab}-tokens .pg-taken").first
    expect(taken).to_be_visible(timeout=TIMEOUT)
    return str(before) + (taken.text_content() or "")

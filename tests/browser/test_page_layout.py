"""What the page looks like on a phone and in the dark, and what it asks the network for."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.browser.tabs import TIMEOUT, generated, open_page, open_tab, wait_until_over
from tests.servers import RunningApp, running_app

pytestmark = pytest.mark.browser

PHONE = {"width": 390, "height": 844}
TABS = ("Continue", "Infill", "Chat")


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_phone_scrolls_in_one_direction_only(
    page: Page, scripted_app: RunningApp, theme: str
) -> None:
    page.set_viewport_size(PHONE)
    open_page(page, f"{scripted_app.url}/?__theme={theme}")
    for name in TABS:
        open_tab(page, name)
        assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
        run = page.locator(f"#{name.lower()}-run").bounding_box()
        assert run is not None
        assert run["x"] + run["width"] <= PHONE["width"]


def test_settings_are_closed_on_a_phone_and_open_on_a_desk(
    page: Page, scripted_app: RunningApp
) -> None:
    open_page(page, scripted_app.url)
    expect(page.locator("#continue-temperature")).to_be_visible()
    page.set_viewport_size(PHONE)
    open_page(page, scripted_app.url)
    expect(page.locator("#continue-temperature")).to_be_hidden()


def test_dark_mode_is_dark(page: Page, scripted_app: RunningApp) -> None:
    open_page(page, f"{scripted_app.url}/?__theme=dark")
    colour = page.evaluate("getComputedStyle(document.querySelector('gradio-app')).backgroundColor")
    assert max(int(part) for part in colour[4:-1].split(",")) < 40


def test_the_page_asks_for_nothing_outside(
    page: Page, scripted_app: RunningApp, outside_requests: list[str]
) -> None:
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    open_page(page, scripted_app.url)
    for name in TABS:
        open_tab(page, name)
    page.locator("#chat-message textarea").fill("SAY: `x`")
    page.locator("#chat-message textarea").press("Enter")
    wait_until_over(page, "chat")
    assert outside_requests == []
    assert faults == []


def test_generate_waits_while_the_model_loads(page: Page) -> None:
    with running_app("--engine", "scripted", "--scripted-load-seconds", "20") as app:
        page.goto(app.url)
        expect(page.locator(".pg-chip.pg-loading").first).to_be_visible(timeout=TIMEOUT)
        page.locator("#continue-prompt .cm-content").click()
        page.keyboard.insert_text("SAY: at last")
        page.click("#continue-run")
        expect(page.locator("#continue-status")).to_contain_text("loading", timeout=TIMEOUT)
        wait_until_over(page, "continue")
        assert generated(page, "continue-prompt") == "at last"
        expect(page.locator(".pg-chip.pg-ready")).to_have_count(2, timeout=TIMEOUT)


def test_every_control_has_a_name(page: Page, scripted_app: RunningApp) -> None:
    open_page(page, scripted_app.url)
    for name in TABS:
        open_tab(page, name)
        nameless = page.evaluate(
            """() => [...document.querySelectorAll("button, input, textarea, [role=textbox]")]
                .filter((element) => element.offsetParent !== null)
                .filter((element) => !element.ariaLabel && !element.textContent.trim()
                    && !element.title && !element.labels?.length && !element.ariaLabelledByElements)
                .map((element) => element.outerHTML.slice(0, 120))"""
        )
        assert nameless == [], name

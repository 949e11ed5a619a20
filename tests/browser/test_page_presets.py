"""Presets of the settings, in a real browser."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.browser.tabs import open_page, open_tab, setting
from tests.servers import RunningApp

pytestmark = pytest.mark.browser

HOSTILE = "<img src=x onerror='window.hacked=1'>"


@pytest.fixture
def tab(page: Page, scripted_app: RunningApp) -> Page:
    open_page(page, scripted_app.url)
    return page


def expect_preset(page: Page, name: str, tab: str = "continue") -> None:
    expect(page.locator(f"#{tab}-preset input")).to_have_value(name)


def expect_ours_on_offer(page: Page) -> None:
    page.locator("#continue-preset input").click()
    names = ("Recommended", "Precise", "Balanced", "Creative", "Custom")
    for name in names:
        expect(page.get_by_role("option", name=name, exact=True)).to_be_visible()
    expect(page.get_by_role("option")).to_have_count(len(names))


def pick(page: Page, name: str, tab: str = "continue") -> None:
    page.locator(f"#{tab}-preset input").click()
    page.get_by_role("option", name=name, exact=True).click()
    expect_preset(page, name, tab)


def save_as(page: Page, name: str, tab: str = "continue") -> None:
    page.click(f"#{tab}-preset-save-as")
    box = page.locator(f"#{tab}-preset-name").locator("input, textarea")
    expect(box).to_be_focused()
    box.fill(name)
    box.press("Enter")


def expect_setting(page: Page, field: str, value: str, tab: str = "continue") -> None:
    expect(setting(page, tab, field)).to_have_value(value)


@pytest.mark.parametrize("name", ["continue", "infill", "chat"])
def test_ours_set_how_tokens_are_drawn_and_leave_the_rest(tab: Page, name: str) -> None:
    open_tab(tab, name.capitalize())
    expect_preset(tab, "Recommended", name)
    for field, value in (("seed", "5"), ("stop", "\\n\\n"), ("max_new_tokens", "33")):
        setting(tab, name, field).fill(value)
    pick(tab, "Creative", name)
    expect_setting(tab, "temperature", "0.9", name)
    for field, value in (("seed", "5"), ("stop", "\\n\\n"), ("max_new_tokens", "33")):
        expect_setting(tab, field, value, name)
    setting(tab, name, "temperature").fill("0.8")
    setting(tab, name, "temperature").press("Tab")
    expect_preset(tab, "Custom", name)
    setting(tab, name, "temperature").fill("0.9")
    setting(tab, name, "temperature").press("Tab")
    expect_preset(tab, "Creative", name)


def test_ones_own_survives_a_reload_serves_every_tab_and_is_deleted(tab: Page) -> None:
    tab.evaluate("playgroundKept.switchTo(false)")  # a draft would bring the settings back, too
    asked: list[str] = []
    tab.on("request", lambda request: asked.append(request.post_data or ""))
    setting(tab, "continue", "temperature").fill("0.35")
    setting(tab, "continue", "stop").fill("\\n\\n")
    setting(tab, "continue", "max_new_tokens").fill("44")
    setting(tab, "continue", "seed").fill("5")
    save_as(tab, HOSTILE)
    expect_preset(tab, HOSTILE)
    expect(tab.locator("#continue-preset-note")).to_contain_text(f"Saved “{HOSTILE}”")
    assert not any("onerror" in body for body in asked)
    open_page(tab, tab.url)
    expect_preset(tab, "Recommended")
    open_tab(tab, "Chat")
    pick(tab, HOSTILE, "chat")
    expect_setting(tab, "temperature", "0.35", "chat")
    expect_setting(tab, "stop", "\\n\\n", "chat")
    expect_setting(tab, "max_new_tokens", "44", "chat")
    expect_setting(tab, "seed", "", "chat")
    tab.click("#chat-preset-delete")
    expect_preset(tab, "Custom", "chat")
    expect_setting(tab, "temperature", "0.35", "chat")
    expect(tab.locator("#chat-preset-delete")).to_have_count(0)
    open_tab(tab, "Continue")
    expect_ours_on_offer(tab)
    assert tab.evaluate("window.hacked") is None


def test_one_that_is_saved_is_on_offer_in_the_other_tabs_at_once(tab: Page) -> None:
    open_tab(tab, "Infill")
    open_tab(tab, "Continue")
    setting(tab, "continue", "temperature").fill("0.35")
    save_as(tab, "mine")
    expect_preset(tab, "mine")
    open_tab(tab, "Infill")
    pick(tab, "mine", "infill")
    expect_setting(tab, "temperature", "0.35", "infill")


def test_reset_returns_to_the_defaults_and_can_be_undone(tab: Page) -> None:
    for field, value in (("temperature", "1.2"), ("seed", "5"), ("stop", "end")):
        setting(tab, "continue", field).fill(value)
    reset = tab.locator("#continue-preset-reset")
    reset.click()
    expect_preset(tab, "Recommended")
    for field, value in (("temperature", "0.2"), ("seed", ""), ("stop", "")):
        expect_setting(tab, field, value)
    expect(reset).to_have_text("Undo reset")
    reset.click()
    for field, value in (("temperature", "1.2"), ("seed", "5"), ("stop", "end")):
        expect_setting(tab, field, value)
    expect(reset).to_have_text("Reset")


@pytest.mark.parametrize("name", ["creative", "Custom", " "])
def test_a_preset_needs_a_name_of_its_own(tab: Page, name: str) -> None:
    save_as(tab, name)
    expect(tab.locator("#continue-preset-note")).to_contain_text("name")
    expect_preset(tab, "Recommended")
    assert tab.evaluate("localStorage.getItem('starcoder-playground/presets')") is None


@pytest.mark.parametrize("stored", ["{", "[1]", '{"x": 1}', '{"x": {"temperature": {}}}', "null"])
def test_what_another_program_stored_there_is_left_out(tab: Page, stored: str) -> None:
    tab.evaluate("text => localStorage.setItem('starcoder-playground/presets', text)", stored)
    open_page(tab, tab.url)
    pick(tab, "Precise")
    expect_setting(tab, "temperature", "0.1")
    expect_ours_on_offer(tab)


def test_where_nothing_can_be_stored_that_is_said(tab: Page) -> None:
    tab.evaluate(
        "() => { Storage.prototype.setItem = () => { throw new DOMException('', 'QuotaError') } }"
    )
    setting(tab, "continue", "temperature").fill("0.35")
    save_as(tab, "mine")
    expect(tab.locator("#continue-preset-note")).to_contain_text("was not saved")
    expect_preset(tab, "Custom")
    expect_setting(tab, "temperature", "0.35")

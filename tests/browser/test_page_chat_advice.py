"""What a model brings into the Chat tab of its own, in a real browser."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, Route, expect

from tests.browser.tabs import TIMEOUT, open_section, open_tab, setting
from tests.servers import RunningApp

pytestmark = pytest.mark.browser


def test_what_is_typed_while_the_page_still_asks_for_the_models_own_values_stays(
    page: Page, scripted_app: RunningApp
) -> None:
    held: list[Route] = []
    page.route("**/run/predict*", lambda route: held.append(route))
    page.goto(scripted_app.url)
    open_tab(page, "Chat")
    open_section(page, "System prompt")
    page.locator("#chat-system textarea").fill("Be brief.")
    setting(page, "chat", "temperature").fill("0.7")
    assert held
    page.route("**/run/predict*", lambda route: route.continue_())
    for route in held:
        route.continue_()
    page.evaluate("() => playgroundKept.settled")
    expect(page.locator(".pg-chip.pg-ready")).to_have_count(2, timeout=TIMEOUT)
    expect(page.locator("#chat-system textarea")).to_have_value("Be brief.")
    expect(setting(page, "chat", "temperature")).to_have_value("0.7")

"""The page that describes the API, in a browser and under its own security policy."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.servers import RunningApp, running_app

pytestmark = pytest.mark.browser


def test_the_description_is_shown_without_asking_anybody_else(
    page: Page, outside_requests: list[str], scripted_app: RunningApp
) -> None:
    told: list[str] = []
    page.on(
        "console", lambda message: told.append(message.text) if message.type == "error" else None
    )
    page.goto(f"{scripted_app.url}/docs")
    expect(page.locator(".opblock-summary-path", has_text="/v1/completions").first).to_be_visible()
    assert outside_requests == []
    assert told == []


def test_where_a_key_is_wanted_it_is_the_password_that_the_browser_asks_for(
    browser: Browser,
) -> None:
    environment = {"STARCODER_API_KEY": "first-key"}
    with running_app("--engine", "scripted", environment=environment) as app:
        for password, status in (("wrong", 401), ("first-key", 200)):
            credentials = {"username": "anybody", "password": password}
            with browser.new_context(http_credentials=credentials) as context:
                page = context.new_page()
                response = page.goto(f"{app.url}/docs")
                assert response is not None
                assert response.status == status
                if status == 200:
                    # Made by the script of the page, from the description: both want the key.
                    expect(page.locator(".opblock").first).to_be_visible()

"""The API's description, opened in a browser."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, expect

from tests.servers import running_app

pytestmark = pytest.mark.browser


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

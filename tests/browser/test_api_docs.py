"""The page that describes the API, in a browser and under its own security policy."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.servers import RunningApp

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

"""The browser fixtures themselves: what a page may reach, and what stands beside them."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from playwright.sync_api import Page

from tests.browser import chromium

PAGE = b"""<!doctype html><title>local</title>
<img src="https://example.com/outside.png"><script>new WebSocket("wss://example.com/socket")</script>
"""


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(PAGE)

    def log_message(self, *args: object) -> None:
        """Stay quiet."""


@pytest.fixture
def address() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()
        thread.join()


@pytest.mark.browser
def test_a_page_reaches_this_machine_and_nothing_else(
    page: Page, address: str, outside_requests: list[str]
) -> None:
    page.goto(address)
    assert page.title() == "local"
    assert sorted(url for url in outside_requests if "example" in url) == [
        "https://example.com/outside.png",
        "wss://example.com/socket",
    ]


async def test_async_tests_run_beside_the_browser_tests() -> None:
    await asyncio.sleep(0)


def test_a_missing_chromium_is_an_error_that_says_how_to_get_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(chromium, "find", lambda: None)
    monkeypatch.setattr(chromium, "_install_debian_package", lambda: False)
    monkeypatch.setattr(chromium, "_run", lambda *command: False)
    with pytest.raises(chromium.NoChromiumError, match="apt-get install chromium"):
        chromium.find_or_install()


def test_the_named_chromium_comes_before_any_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(chromium.VARIABLE, "/opt/my/chrome")
    assert str(chromium.find_or_install()) == "/opt/my/chrome"

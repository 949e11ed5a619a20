"""A Chromium, and pages of it that reach nothing but this machine."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, Request, WebSocket, expect, sync_playwright

from tests.browser.chromium import find_or_install
from tests.browser.told_models import told_app
from tests.checkpoints import SANTACODER_TOKENS, STARCODER2_TOKENS

LOCAL_HOSTS = {"127.0.0.1", "localhost", "::1"}
NETWORK = ("http:", "https:", "ws:", "wss:")
# Playwright's own five seconds are too short for a page that shares its cores with a model. Only a
# failure waits so long.
EXPECT_MILLISECONDS = 30_000
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    # No other host is found. To route each request through Playwright instead would cost a page of
    # a hundred files half a second, and its cache.
    "--no-proxy-server",
    "--host-resolver-rules="
    + ", ".join(["MAP * ~NOTFOUND", *(f"EXCLUDE {host}" for host in sorted(LOCAL_HOSTS))]),
]


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Browser tests last: once Playwright's sync API has started, its event loop counts as
    running on this thread until the session ends, and async tests refuse to run beside it.

    Raises:
        UsageError: a test uses the browser and is not marked so: it would fail those after it.
    """
    for item in items:
        is_marked = item.get_closest_marker("browser") is not None
        if "browser" in getattr(item, "fixturenames", ()) and not is_marked:
            raise pytest.UsageError(f"{item.nodeid} uses the browser: mark it 'browser'.")
    items.sort(key=lambda item: item.get_closest_marker("browser") is not None)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """One Chromium for all tests; fails, and says how to get one, where there is none."""
    executable = find_or_install()
    expect.set_options(timeout=EXPECT_MILLISECONDS)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture
def outside_requests() -> list[str]:
    """The addresses outside this machine that the test's page asked for, and did not get."""
    return []


@pytest.fixture
def locale() -> str:
    """The language of the browser. A module of tests may have another."""
    return "en-US"


@pytest.fixture
def page(browser: Browser, outside_requests: list[str], locale: str) -> Iterator[Page]:
    """A fresh page with storage of its own, 1280 by 900, cut off from everything outside."""

    def note(asked: Request | WebSocket) -> None:
        if asked.url.startswith(NETWORK) and urlsplit(asked.url).hostname not in LOCAL_HOSTS:
            outside_requests.append(asked.url)

    context = browser.new_context(viewport={"width": 1280, "height": 900}, locale=locale)
    context.on("request", note)
    context.on("page", lambda page: page.on("websocket", note))
    faults: list[str] = []
    context.on("weberror", lambda error: faults.append(str(error.error)))
    yield context.new_page()
    context.close()
    assert not faults, "the page's scripts failed"


@pytest.fixture(scope="module")
def starcoder2(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """An app whose scripted models have StarCoder 2's tokens; its address."""
    folder = tmp_path_factory.mktemp("starcoder2")
    with told_app(folder, STARCODER2_TOKENS, "starcoder2-3b") as address:
        yield address


@pytest.fixture(scope="module")
def santacoder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The same with SantaCoder's."""
    folder = tmp_path_factory.mktemp("santacoder")
    with told_app(folder, SANTACODER_TOKENS, "santacoder") as address:
        yield address

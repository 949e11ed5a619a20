"""The Connect panel: what it shows, what it copies, and how it looks on a phone and in the dark."""

from __future__ import annotations

import json

import pytest
from playwright.sync_api import Locator, Page, Route, expect

from tests.browser.tabs import TIMEOUT, open_page
from tests.servers import RunningApp, running_app
from ui.snippets import CLIENTS

pytestmark = pytest.mark.browser

PHONE = {"width": 390, "height": 844}
NO_CLIPBOARD = "Object.defineProperty(Navigator.prototype, 'clipboard', {get: () => undefined})"


def open_connect(page: Page) -> None:
    page.locator("#connect").get_by_role("button", name="Connect").click()
    expect(snippet(page)).to_be_visible()


def snippet(page: Page) -> Locator:
    return page.locator("#connect-snippet pre code")


def choose(page: Page, title: str) -> None:
    page.locator("#connect-client").get_by_label(title, exact=True).click()


def paste(page: Page) -> str:
    """What lies on the clipboard."""
    page.evaluate(
        "window.box = document.body.appendChild(document.createElement('textarea'));box.focus()"
    )
    page.keyboard.press("Control+v")
    text = page.evaluate("box.value")
    page.evaluate("box.remove()")
    return str(text)


@pytest.mark.parametrize("is_secure", [True, False])
def test_what_is_shown_is_what_is_copied(
    page: Page, scripted_app: RunningApp, is_secure: bool
) -> None:
    if not is_secure:  # as over plain http from another machine
        page.add_init_script(NO_CLIPBOARD)
    open_page(page, scripted_app.url)
    assert page.evaluate("navigator.clipboard !== undefined") == is_secure
    open_connect(page)
    page.locator("#connect-snippet").get_by_role("button", name="Copy").click()
    expect(page.locator("#connect-snippet").get_by_role("button", name="Copied")).to_be_visible()
    settings = json.loads(paste(page))
    assert settings["llm.url"] == scripted_app.url
    assert settings["llm.modelId"] == "scripted-base"
    page.locator("#connect-facts").get_by_role("button", name="Copy").nth(1).click()
    expect(page.locator("#connect-facts").get_by_role("button", name="Copied")).to_be_visible()
    assert paste(page) == f"{scripted_app.url}/v1"


def test_each_client_has_a_text_of_its_own(page: Page, scripted_app: RunningApp) -> None:
    open_page(page, scripted_app.url)
    open_connect(page)
    texts = {snippet(page).text_content()}
    for client in list(CLIENTS.values())[1:]:
        before = snippet(page).text_content()
        choose(page, client.title)
        expect(snippet(page)).not_to_have_text(before or "")
        text = snippet(page).text_content() or ""
        assert scripted_app.url in text
        texts.add(text)
        expect(page.locator("#connect-snippet .pg-steps li")).to_have_count(2)
    assert len(texts) == len(CLIENTS)


def test_the_address_is_the_one_in_the_browsers_bar(page: Page, scripted_app: RunningApp) -> None:
    url = scripted_app.url.replace("127.0.0.1", "localhost")
    open_page(page, f"{url}/?__theme=dark#there")
    open_connect(page)
    expect(page.locator("#connect-facts code").first).to_have_text(url)
    expect(snippet(page)).to_contain_text(f'"llm.url": "{url}"')


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_on_a_phone_long_lines_scroll_and_the_page_does_not(
    page: Page, scripted_app: RunningApp, theme: str
) -> None:
    page.set_viewport_size(PHONE)
    open_page(page, f"{scripted_app.url}/?__theme={theme}")
    open_connect(page)
    for client in CLIENTS.values():
        choose(page, client.title)
        expect(
            page.locator("#connect-client").get_by_label(client.title, exact=True)
        ).to_be_checked()
        assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
        button = page.locator("#connect-snippet").get_by_role("button", name="Copy").bounding_box()
        assert button is not None
        assert button["x"] + button["width"] <= PHONE["width"]


def test_a_share_links_long_address_leaves_its_button_whole(
    page: Page, scripted_app: RunningApp
) -> None:
    shared = "https://0123456789abcdef01.gradio.live"

    def seen_from_outside(route: Route) -> None:
        body = (route.request.post_data or "").replace(scripted_app.url, shared)
        route.continue_(post_data=body)

    page.route("**/gradio_api/run/**", seen_from_outside)
    page.set_viewport_size(PHONE)
    open_page(page, scripted_app.url)
    open_connect(page)
    address = page.locator("#connect-facts .pg-copy").nth(1)
    expect(address.locator("code")).to_have_text(f"{shared}/v1")
    button = address.get_by_role("button").bounding_box()
    assert button is not None
    assert button["height"] < 30
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]


def test_the_two_panels_stand_side_by_side_until_one_is_opened(
    page: Page, scripted_app: RunningApp
) -> None:
    open_page(page, scripted_app.url)
    models, connect = page.locator("#models"), page.locator("#connect")

    def tops() -> list[float]:
        return [box["y"] for each in (models, connect) if (box := each.bounding_box())]

    assert tops()[0] == tops()[1]
    open_connect(page)
    assert tops()[0] < tops()[1]
    box = connect.bounding_box()
    assert box is not None
    assert box["width"] > 1200
    page.locator("#connect").get_by_role("button", name="Connect").click()
    expect(snippet(page)).to_be_hidden()
    assert tops()[0] == tops()[1]


def test_the_panel_follows_the_models(page: Page) -> None:
    with running_app("--engine", "scripted", "--scripted-load-seconds", "15") as app:
        page.goto(app.url)
        open_connect(page)
        expect(page.locator("#connect-snippet")).to_contain_text("is still loading")
        expect(snippet(page)).to_contain_text('"llm.contextWindow": 1984')
        expect(page.locator(".pg-chip.pg-ready")).to_have_count(2, timeout=TIMEOUT)
        expect(page.locator("#connect-snippet .pg-notice")).to_have_count(0)
        expect(snippet(page)).to_contain_text('"llm.contextWindow": 2048')


def test_strangers_see_it_too_and_never_the_key(page: Page) -> None:
    flags = ("--engine", "scripted", "--host", "0.0.0.0", "--scripted-load-seconds", "0")
    environment = {"STARCODER_API_KEY": "tell-nobody"}
    with running_app(*flags, environment=environment) as app:
        app.wait_until_ready(key="tell-nobody")
        open_page(page, app.url)
        open_connect(page)
        expect(page.locator("#connect-facts")).to_contain_text("YOUR_KEY")
        for client in CLIENTS.values():
            choose(page, client.title)
            expect(
                page.locator("#connect-client").get_by_label(client.title, exact=True)
            ).to_be_checked()
        choose(page, "openai")
        expect(snippet(page)).to_contain_text('api_key="YOUR_KEY"')
        assert "tell-nobody" not in page.content()

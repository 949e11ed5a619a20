"""Continue beside a model on another machine, which is a second app over the scripted engine."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.browser.tabs import TIMEOUT, open_page, setting, status, type_code, wait_for_code
from tests.browser.test_page_axe import faults_of
from tests.browser.test_page_keeping import history
from tests.browser.test_page_samples import card, compare_with, text_of, wait_for_choice
from tests.remote_server import KEY, RemoteServer, remote_server
from tests.servers import RunningApp, running_app

pytestmark = pytest.mark.browser

PROMPT = "continue-prompt"
FLAGS = ("--engine", "scripted", "--scripted-load-seconds", "0")


def set_up(url: str, key: str) -> dict[str, str]:
    return {
        "HF_HUB_OFFLINE": "1",
        "STARCODER_REMOTE_URL": url,
        "STARCODER_REMOTE_MODEL": "scripted",
        "STARCODER_REMOTE_KEY": key,
    }


def host_of(url: str) -> str:
    return url.removeprefix("http://").removesuffix("/v1")


@pytest.fixture(scope="module")
def own_app() -> Iterator[tuple[RunningApp, RunningApp]]:
    """An app, and one that has it for its remote model."""
    with running_app(*FLAGS, environment={"STARCODER_API_KEY": KEY}) as remote:
        remote.wait_until_ready(key=KEY)
        with running_app(*FLAGS, environment=set_up(f"{remote.url}/v1", KEY)) as app:
            app.wait_until_ready()
            yield remote, app


@pytest.fixture(scope="module")
def broken() -> Iterator[tuple[RemoteServer, RunningApp]]:
    """A server that goes wrong as the prompt says, and an app that has it for its remote model."""
    with (
        remote_server() as server,
        running_app(*FLAGS, environment=set_up(server.url, KEY)) as app,
    ):
        app.wait_until_ready()
        yield server, app


def ask_both(page: Page, app: RunningApp, host: str, prompt: str) -> None:
    open_page(page, app.url)
    type_code(page, PROMPT, prompt)
    compare_with(page, f"scripted at {host}")
    warning = page.locator("#continue-remote")
    expect(warning).to_contain_text(f"sends the prompt to {host}: it leaves this machine")
    page.click("#continue-run")


def test_both_texts_come_side_by_side_after_the_page_said_where_the_prompt_goes(
    page: Page, own_app: tuple[RunningApp, RunningApp]
) -> None:
    remote, app = own_app
    host = host_of(remote.url)
    ask_both(page, app, host, "SAY: x")
    wait_for_choice(page)
    expect(card(page, 1).locator("header")).to_contain_text("Script without a model")
    expect(card(page, 2).locator("header")).to_contain_text(f"scripted at {host}")
    assert (text_of(page, 1), text_of(page, 2)) == ("x", "x")
    expect(card(page, 2)).to_contain_text("ended by itself")
    expect(history(page, "continue")).to_have_count(2)
    expect(page.locator("#continue-history")).to_contain_text(f"scripted at {host}")
    card(page, 2).get_by_role("button", name="Use this").click()
    wait_for_code(page, PROMPT, "SAY: xx")
    assert KEY not in page.content()
    assert KEY not in app.output + remote.output


def test_the_choice_is_for_one_run_and_nothing_is_sent_without_it(
    page: Page, broken: tuple[RemoteServer, RunningApp]
) -> None:
    server, app = broken
    num_before = len(server.asked)
    ask_both(page, app, host_of(server.url), "go")
    wait_for_choice(page)
    assert text_of(page, 2) == "one two three"
    assert len(server.asked) == num_before + 1
    expect(page.locator("#continue-compare input")).to_have_value("Nothing")
    expect(page.locator("#continue-remote")).to_be_hidden()
    page.click("#continue-regenerate")
    expect(card(page, 1)).to_be_hidden()
    setting(page, "continue", "samples").fill("2")
    page.click("#continue-run")
    wait_for_choice(page)
    assert len(server.asked) == num_before + 1


@pytest.mark.parametrize(
    ("prompt", "says"),
    [
        ("key", "does not accept the key of this page"),
        ("model", "no such model"),
        ("busy", "Rate limit reached"),
        ("breaks off", "broke off before its end"),
    ],
)
def test_what_goes_wrong_there_is_said_in_its_card_while_the_other_goes_on(
    page: Page, broken: tuple[RemoteServer, RunningApp], prompt: str, says: str
) -> None:
    server, app = broken
    ask_both(page, app, host_of(server.url), prompt)
    expect(card(page, 2).locator(".pg-error")).to_contain_text(says, timeout=TIMEOUT)
    expect(card(page, 1)).to_contain_text("ended by itself", timeout=TIMEOUT)
    expect(page.locator("#continue-run")).to_be_visible()
    assert KEY not in page.content()
    assert KEY not in app.output


def test_stop_closes_the_connection_and_keeps_both_texts(
    page: Page, broken: tuple[RemoteServer, RunningApp]
) -> None:
    server, app = broken
    server.is_left.clear()
    ask_both(page, app, host_of(server.url), "waits")
    expect(card(page, 2).locator(".pg-new")).to_have_text("one two three", timeout=TIMEOUT)
    expect(card(page, 1).locator(".pg-new")).not_to_be_empty(timeout=TIMEOUT)
    page.click("#continue-stop")
    wait_for_choice(page)
    expect(card(page, 2)).to_contain_text("stopped by you")
    assert text_of(page, 2) == "one two three"
    assert server.is_left.wait(30)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing_serious_in_the_warning(
    page: Page, broken: tuple[RemoteServer, RunningApp], theme: str
) -> None:
    server, app = broken
    open_page(page, f"{app.url}/?__theme={theme}")
    compare_with(page, f"scripted at {host_of(server.url)}")
    expect(page.locator("#continue-remote")).to_be_visible()
    assert faults_of(page) == []


def test_without_a_remote_model_the_page_offers_none(page: Page, scripted_app: RunningApp) -> None:
    open_page(page, scripted_app.url)
    page.locator("#continue-compare input").click()
    expect(page.get_by_role("option", name="Creative", exact=True)).to_be_visible()
    expect(page.get_by_role("option")).to_have_count(5)
    expect(status(page, "continue")).not_to_contain_text("leaves this machine")

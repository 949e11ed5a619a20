"""What a screen reader and a keyboard meet: axe's rules, and Tab through every control."""

from __future__ import annotations

from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from tests.browser.tabs import (
    TIMEOUT,
    open_page,
    open_tab,
    send_message,
    type_code,
    wait_until_over,
)
from tests.servers import RunningApp

pytestmark = pytest.mark.browser

EDITORS = {"Continue": "continue-prompt", "Infill": "infill-prefix"}
TABS = (*EDITORS, "Chat")
CODE = "@cache\ndef f(a):\n    return 'x' + str(1)  # c\n"
CLOSED = "button.label-wrap:not(.open):visible"
# One of a group answers to Tab, the others to arrow keys.
CONTROLS = """() => {
    const all = "a[href], button, input, textarea, select, summary, .cm-content";
    const groups = new Set();
    return [...document.querySelectorAll(all)]
        .filter((element) => element.checkVisibility({visibilityProperty: true})
            && !element.disabled && !element.closest("[aria-hidden=true]"))
        .filter((element) => element.type !== "radio"
            || (element.checked || !document.querySelector(`[name="${element.name}"]:checked`))
            && !groups.has(element.name) && groups.add(element.name));
}"""


def fill(page: Page, tab: str) -> None:
    """The tab after a generation, with all of its panels open."""
    open_tab(page, tab)
    if tab == "Chat":
        send_message(page, f"SAY: Look at `f` <b>:\n\n```python\n{CODE}```\n\n> [so](http://a.b)\n")
    else:
        type_code(page, EDITORS[tab], f"SAY: {CODE}")
        page.click(f"#{tab.lower()}-run")
    wait_until_over(page, tab.lower())
    while page.locator(CLOSED).count():
        page.locator(CLOSED).first.click()
    expect(page.locator(f"#{tab.lower()}-exact-view .pg-counts")).to_be_visible(timeout=TIMEOUT)


def edit(page: Page) -> None:
    """Continue with a proposed change."""
    page.locator("#continue-form").get_by_label("Edit", exact=True).check()
    page.get_by_label("What to change").fill(f"SAY: {CODE}")
    page.keyboard.press("Control+Enter")
    expect(page.get_by_role("button", name="Accept")).to_be_enabled(timeout=TIMEOUT)


def write_a_notebook(page: Page) -> None:
    page.locator("#continue-form").get_by_label("Notebook", exact=True).check()
    expect(page.locator("#continue-notebook-next")).to_be_visible(timeout=TIMEOUT)
    type_code(page, EDITORS["Continue"], "# %% [markdown]\n# SAY: y = 2\n")
    page.click("#continue-run")
    wait_until_over(page, "continue")


def faults_of(page: Page) -> list[str]:
    """axe's findings that keep somebody from using the page."""
    found: list[dict[str, Any]] = Axe().run(page).response["violations"]
    return [
        f"{fault['id']} at {node['target']}: {node['failureSummary']}\n{node['html'][:200]}"
        for fault in found
        if fault["impact"] in ("serious", "critical")
        for node in fault["nodes"]
    ]


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing_serious(page: Page, scripted_app: RunningApp, theme: str) -> None:
    open_page(page, f"{scripted_app.url}/?__theme={theme}")
    assert faults_of(page) == []
    for tab in TABS:
        fill(page, tab)
        assert faults_of(page) == [], tab
    open_tab(page, "Continue")
    edit(page)
    assert faults_of(page) == [], "an edit"
    write_a_notebook(page)
    assert faults_of(page) == [], "a notebook"
    page.get_by_role("button", name="Shortcuts").click()
    assert faults_of(page) == []


def test_axe_would_find_a_button_without_a_name(page: Page, scripted_app: RunningApp) -> None:
    open_page(page, scripted_app.url)
    page.evaluate("document.querySelector('#continue-run').replaceChildren()")
    assert any(fault.startswith("button-name") for fault in faults_of(page))


@pytest.mark.parametrize("tab", TABS)
def test_tab_reaches_every_control(page: Page, scripted_app: RunningApp, tab: str) -> None:
    open_page(page, scripted_app.url)
    fill(page, tab)
    page.evaluate(f"window.missing = new Set(({CONTROLS})()); document.activeElement?.blur()")
    page.evaluate("document.body.focus()")
    assert page.evaluate("window.missing.size") > 20
    for _ in range(page.evaluate("window.missing.size") + 20):
        page.keyboard.press("Tab")
        page.evaluate("window.missing.delete(document.activeElement)")
        if page.evaluate("document.activeElement.closest('.cm-editor') !== null"):
            page.keyboard.press("Escape")  # Tab after it leaves the editor.
    missing = "[...window.missing].map((element) => element.outerHTML.slice(0, 160))"
    assert page.evaluate(missing) == []

"""A conversation saved to a file and read back, in a real browser."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.tabs import (
    TIMEOUT,
    open_page,
    open_section,
    open_tab,
    send_message,
    status,
    turns,
    wait_until_over,
)
from tests.servers import RunningApp

pytestmark = pytest.mark.browser

CODE = "def f():\n    return `<b>` $${x}\n"


@pytest.fixture
def tab(page: Page, scripted_app: RunningApp) -> Page:
    open_page(page, scripted_app.url)
    open_tab(page, "Chat")
    page.get_by_role("button", name="Save, open, share").click()
    send_message(page, f"SAY: ```\n{CODE}```")
    wait_until_over(page, "chat")
    return page


def save(page: Page, kind: str, path: Path) -> str:
    with page.expect_download(timeout=TIMEOUT) as download:
        page.click(f"#chat-save-{kind}")
    download.value.save_as(path)
    return path.read_text(encoding="utf-8")


def choose(page: Page, path: Path) -> None:
    with page.expect_file_chooser() as chooser:
        page.click("#chat-choose")
    chooser.value.set_files(path)


def test_what_is_saved_comes_back_and_restore_undoes_it(tab: Page, tmp_path: Path) -> None:
    open_section(tab, "System prompt")
    system = tab.locator("#chat-system textarea")
    system.fill("Be brief.")
    data = json.loads(save(tab, "json", tmp_path / "talk.json"))
    assert data["content"]["system"] == "Be brief."
    assert CODE in data["content"]["conversation"]["turns"][1]["text"]
    tab.click("#chat-clear")
    expect(turns(tab, "bot")).to_have_count(0, timeout=TIMEOUT)
    system.fill("Another.")
    choose(tab, tmp_path / "talk.json")
    expect(turns(tab, "bot").locator("code")).to_have_text(CODE, timeout=TIMEOUT)
    expect(system).to_have_value("Be brief.")
    tab.click("#chat-restore")
    expect(turns(tab, "bot")).to_have_count(0, timeout=TIMEOUT)
    expect(system).to_have_value("Another.")


def test_markdown_is_saved_with_its_code_exact(tab: Page, tmp_path: Path) -> None:
    text = save(tab, "markdown", tmp_path / "talk.md")
    assert f"## Script without a model\n\n```\n{CODE}```\n" in text


def test_a_bad_file_changes_nothing_and_says_why(tab: Page, tmp_path: Path) -> None:
    (tmp_path / "bad.json").write_text("{}")
    choose(tab, tmp_path / "bad.json")
    expect(status(tab, "chat").locator(".pg-error")).to_contain_text("no work of this page")
    expect(turns(tab, "bot")).to_have_count(1)

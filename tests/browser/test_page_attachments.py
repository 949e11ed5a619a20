"""Files that go with a message, in a real browser, over the scripted engine."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.tabs import TIMEOUT, open_page, open_tab, setting, status, turns, wait_until_over
from tests.servers import RunningApp

pytestmark = pytest.mark.browser

CODE = 'def f():\n    return "```" + `x` + $${y}\n'
BLOCK = f"`a.py`\n\n````python\n{CODE}````"


@pytest.fixture
def tab(page: Page, scripted_app: RunningApp) -> Page:
    open_page(page, scripted_app.url)
    open_tab(page, "Chat")
    return page


def attach(page: Page, *paths: Path) -> None:
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="Attach").click()
    chooser.value.set_files(list(paths))


def chips(page: Page) -> Locator:
    return page.get_by_role("list", name="Attached").get_by_role("listitem")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    (tmp_path / "a.py").write_text(CODE)
    return tmp_path / "a.py"


def test_a_file_is_a_chip_counts_and_goes_with_the_message(tab: Page, file: Path) -> None:
    attach(tab, file)
    expect(chips(tab)).to_have_count(1, timeout=TIMEOUT)
    expect(chips(tab)).to_contain_text(f"{len(BLOCK)} tokens")
    around = 4 + 4 + 1  # StarChat's markup of a system prompt, a question and a reply's beginning
    expect(tab.locator("#chat-context")).to_contain_text(
        f"{len(BLOCK) + around} of", timeout=TIMEOUT
    )
    tab.locator("#chat-message textarea").fill("SAY: seen")
    tab.keyboard.press("Enter")
    wait_until_over(tab, "chat")
    expect(chips(tab)).to_have_count(0)
    expect(turns(tab, "user").locator("p code")).to_have_text("a.py")
    assert turns(tab, "user").locator("pre code").text_content() == CODE
    expect(turns(tab, "user")).to_contain_text("SAY: seen")
    expect(turns(tab, "bot")).to_have_text(["seen"])


def test_a_chip_is_removed_and_a_file_alone_can_be_sent(tab: Page, file: Path) -> None:
    (file.parent / "b.txt").write_text("SAY: from the file")
    attach(tab, file, file.parent / "b.txt")
    expect(chips(tab)).to_have_count(2, timeout=TIMEOUT)
    tab.get_by_role("button", name="Remove a.py").click()
    expect(chips(tab)).to_have_count(1, timeout=TIMEOUT)
    tab.locator("#chat-message textarea").press("Enter")
    wait_until_over(tab, "chat")
    expect(turns(tab, "bot")).to_contain_text("from the file")
    expect(turns(tab, "user").locator("p code")).to_have_text("b.txt")


def test_where_nothing_could_be_asked_the_file_stays(tab: Page, file: Path) -> None:
    attach(tab, file)
    expect(chips(tab)).to_have_count(1, timeout=TIMEOUT)
    setting(tab, "chat", "max_new_tokens").fill("0")
    tab.locator("#chat-message textarea").fill("keep me")
    tab.keyboard.press("Enter")
    expect(tab.locator("#chat-status .pg-error")).to_contain_text("Max new", timeout=TIMEOUT)
    expect(chips(tab)).to_have_count(1)
    expect(tab.locator("#chat-message textarea")).to_have_value("keep me")


def test_where_no_answer_came_the_file_comes_back(tab: Page, file: Path) -> None:
    file.write_text("x" * 9000)
    attach(tab, file)
    expect(chips(tab)).to_have_count(1, timeout=TIMEOUT)
    tab.locator("#chat-message textarea").fill("too long")
    tab.keyboard.press("Enter")
    expect(status(tab, "chat").locator(".pg-error")).to_contain_text("tokens long", timeout=TIMEOUT)
    expect(chips(tab)).to_have_count(1)
    expect(tab.locator("#chat-message textarea")).to_have_value("too long")


def test_what_is_no_text_is_refused_by_its_name(tab: Page, file: Path) -> None:
    blob = file.parent / "blob.bin"
    blob.write_bytes(b"\x7fELF\x00")
    attach(tab, blob, file)
    expect(chips(tab)).to_have_count(1, timeout=TIMEOUT)
    expect(tab.locator("#chat-attachments .pg-error")).to_contain_text("blob.bin is no text")


def test_a_file_is_dropped_onto_the_message_box(tab: Page) -> None:
    tab.locator("#chat-message textarea").evaluate(
        """(box) => {
            const dataTransfer = new DataTransfer();
            dataTransfer.items.add(new File(["dropped\\n"], "x.py"));
            for (const type of ["dragover", "drop"]) {
                box.dispatchEvent(new DragEvent(type, {dataTransfer, bubbles: true}));
            }
        }"""
    )
    expect(chips(tab)).to_contain_text("x.py", timeout=TIMEOUT)
    expect(tab.locator(".pg-drop-here")).to_have_count(0)

"""Work saved to files, opened again and shared as a link, in a real browser."""

from __future__ import annotations

import base64
import json
import random
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.tabs import (
    TIMEOUT,
    code_in,
    generated,
    open_page,
    open_tab,
    send_message,
    setting,
    status,
    type_code,
    wait_for_code,
    wait_for_generated,
    wait_until_over,
)
from tests.servers import RunningApp

pytestmark = pytest.mark.browser

PROMPT = "continue-prompt"
TEXT = "\tif 😀é:\n    x = `${1}`  \n\n"
SUFFIX = ")  # é\n"
# Text enough that no compression makes a short link of it.
NOISE = random.Random(0).randbytes(150_000).hex()


@pytest.fixture
def tab(page: Page, scripted_app: RunningApp) -> Page:
    open_page(page, scripted_app.url)
    return page


def press(page: Page, elem_id: str) -> None:
    """A button of "Save, open, share", which is unfolded where it is not."""
    button = page.locator(f"#{elem_id}")
    if not button.is_visible():
        page.get_by_role("button", name="Save, open, share").locator("visible=true").click()
    button.click()


def save(page: Page, elem_id: str, folder: Path) -> Path:
    with page.expect_download(timeout=TIMEOUT) as download:
        press(page, elem_id)
    path = folder / download.value.suggested_filename
    download.value.save_as(path)
    return path


def choose(page: Page, tab: str, path: Path) -> None:
    with page.expect_file_chooser() as chooser:
        press(page, f"{tab}-choose")
    chooser.value.set_files(path)


def copy_link(page: Page, tab: str) -> str:
    press(page, f"{tab}-copy-link")
    return page.locator(f"#{tab}-link input").input_value(timeout=TIMEOUT)


def pack(text: bytes) -> str:
    made = zlib.compressobj(wbits=-15)
    return base64.urlsafe_b64encode(made.compress(text) + made.flush()).decode().rstrip("=")


def run(page: Page, tab: str) -> None:
    page.click(f"#{tab}-run")
    wait_until_over(page, tab)


def fill_continue(page: Page) -> Callable[[], object]:
    type_code(page, PROMPT, f"SAY: {TEXT}")
    setting(page, "continue", "max_new_tokens").fill("40")
    run(page, "continue")
    return lambda: (code_in(page, PROMPT), generated(page, PROMPT))


def fill_infill(page: Page) -> Callable[[], object]:
    open_tab(page, "Infill")
    type_code(page, "infill-prefix", f"SAY: {TEXT}")
    type_code(page, "infill-suffix", SUFFIX)
    setting(page, "infill", "max_new_tokens").fill("40")
    run(page, "infill")
    parts = ("infill-prefix", "infill-suffix")
    return lambda: (*(code_in(page, part) for part in parts), generated(page, "infill-middle"))


def fill_chat(page: Page) -> Callable[[], object]:
    open_tab(page, "Chat")
    setting(page, "chat", "max_new_tokens").fill("40")
    send_message(page, f"SAY: ```\n{TEXT.strip()}\n```")
    wait_until_over(page, "chat")
    turns = page.locator("#chat-conversation .message-content")
    return lambda: turns.all_text_contents()


FILL = {"continue": fill_continue, "infill": fill_infill, "chat": fill_chat}


@pytest.mark.parametrize("name", FILL)
def test_a_link_shows_the_work_with_its_settings_and_seed_and_leaves_the_address(
    tab: Page, scripted_app: RunningApp, name: str
) -> None:
    seen = FILL[name](tab)
    before = seen()
    ended = status(tab, name).inner_text()
    link = copy_link(tab, name)
    assert link.startswith(f"{scripted_app.url}/#work=")
    assert status(tab, name).inner_text() == ended
    requests: list[str] = []
    tab.on("request", lambda request: requests.append(request.url))
    tab.goto("about:blank")
    tab.goto(link)
    expect(status(tab, name)).to_contain_text("Opened a link", timeout=TIMEOUT)
    expect(tab.locator(f"#{name}-run")).to_be_visible()
    tab.wait_for_function("window.playgroundEditors !== undefined")
    assert seen() == before
    expect(setting(tab, name, "max_new_tokens")).to_have_value("40")
    seed = setting(tab, name, "seed").input_value()
    assert seed.isdecimal()
    assert f"seed {seed}" in ended
    assert "#" not in tab.url
    assert not any("work=" in url for url in requests)
    assert tab.locator(f"#{name}-stop").count() == 0


def test_a_link_that_is_followed_on_the_open_page_leaves_a_way_back(tab: Page) -> None:
    type_code(tab, PROMPT, "shared")
    link = copy_link(tab, "continue")
    type_code(tab, PROMPT, "mine")
    open_tab(tab, "Chat")
    tab.evaluate("link => { location.href = link }", link)
    expect(status(tab, "continue")).to_contain_text("Undo brings back", timeout=TIMEOUT)
    wait_for_code(tab, PROMPT, "shared")
    tab.click("#continue-undo")
    wait_for_code(tab, PROMPT, "mine")
    tab.reload()
    expect(tab.locator("#continue-run")).to_be_visible()
    assert "#" not in tab.url


@pytest.mark.parametrize(
    ("packed", "words"),
    [
        ("", "damaged"),
        ("!!!", "damaged"),
        (pack(b"x" * 5000)[:-6], "damaged"),
        (pack(b"\xff\xfe"), "damaged"),
        (pack(b"{}"), "The link holds no work"),
        (pack(b"[" * 200_000), "not JSON"),
        # Half a megabyte that unfolds to 500.
        (pack(b" " * 500_000_000), "over 500,000 bytes"),
    ],
    ids=["empty", "no base64", "cut", "no utf-8", "no work", "no json", "bomb"],
)
def test_a_broken_link_says_so_and_changes_nothing(tab: Page, packed: str, words: str) -> None:
    type_code(tab, PROMPT, "mine")
    tab.evaluate("packed => { location.hash = `work=${packed}` }", packed)
    error = status(tab, "continue").locator(".pg-error")
    expect(error).to_contain_text(words, timeout=TIMEOUT)
    expect(error).to_contain_text("Nothing was changed")
    assert code_in(tab, PROMPT) == "mine"


def test_what_is_shared_is_shown_as_text_only(tab: Page) -> None:
    hostile = "<img src=x onerror='window.hacked = 1'>${window.hacked = 1}"
    type_code(tab, PROMPT, hostile)
    link = copy_link(tab, "continue")
    tab.goto("about:blank")
    tab.goto(link)
    expect(status(tab, "continue")).to_contain_text("Opened a link", timeout=TIMEOUT)
    tab.wait_for_function("window.playgroundEditors !== undefined")
    wait_for_code(tab, PROMPT, hostile)
    assert tab.evaluate("window.hacked") is None


def test_while_text_comes_nothing_takes_its_place(tab: Page) -> None:
    type_code(tab, PROMPT, "shared")
    link = copy_link(tab, "continue")
    type_code(tab, PROMPT, "SAY: " + "x" * 250)
    tab.click("#continue-run")
    wait_for_generated(tab, PROMPT, 5)
    tab.evaluate(
        """link => new Promise(resolve => {
            new MutationObserver((_, observer) => {
                const error = document.querySelector("#continue-status .pg-error");
                if (!error?.textContent.includes("being generated")) return;
                observer.disconnect();
                resolve();
            }).observe(document.body, {childList: true, subtree: true, characterData: true});
            location.href = link;
        })""",
        link,
    )
    wait_until_over(tab, "continue")
    assert code_in(tab, PROMPT).startswith("SAY: ")


def test_where_the_clipboard_is_refused_the_link_stands_selected_in_a_box(tab: Page) -> None:
    tab.evaluate(
        """() => {
            Object.defineProperty(navigator, "clipboard", {value: undefined});
            document.execCommand = () => false;
        }"""
    )
    type_code(tab, PROMPT, "a = 1")
    link = copy_link(tab, "continue")
    expect(tab.locator("#continue-link")).to_contain_text("copy it from the box")
    assert tab.evaluate("getSelection().toString() || document.activeElement.value") == link


def test_a_long_text_is_saved_and_opened_but_is_no_link(tab: Page, tmp_path: Path) -> None:
    type_code(tab, PROMPT, NOISE)
    press(tab, "continue-copy-link")
    expect(tab.locator("#continue-link")).to_contain_text("Too long for a link", timeout=TIMEOUT)
    assert tab.locator("#continue-link input").count() == 0
    path = save(tab, "continue-save-json", tmp_path)
    tab.click("#continue-clear")
    wait_for_code(tab, PROMPT, "")
    choose(tab, "continue", path)
    wait_for_code(tab, PROMPT, NOISE)
    # What repeats itself is as long and makes a short link.
    type_code(tab, PROMPT, "0123456789" * 30_000)
    link = copy_link(tab, "continue")
    expect(tab.locator("#continue-link")).not_to_contain_text("Some programs")
    tab.goto("about:blank")
    tab.goto(link)
    expect(status(tab, "continue")).to_contain_text("Opened a link", timeout=TIMEOUT)
    tab.wait_for_function("window.playgroundEditors !== undefined")
    wait_for_code(tab, PROMPT, "0123456789" * 30_000)


def test_a_link_that_some_programs_cut_comes_with_a_warning(tab: Page) -> None:
    type_code(tab, PROMPT, NOISE[:16_000])
    assert len(copy_link(tab, "continue")) > 8_000
    expect(tab.locator("#continue-link")).to_contain_text("over 8,000 characters")


def test_code_is_saved_exactly_and_named_by_its_language(tab: Page, tmp_path: Path) -> None:
    fill_continue(tab)
    tab.locator("#continue-language input").click()
    tab.get_by_role("option", name="Rust").click()
    path = save(tab, "continue-save-code", tmp_path)
    assert path.name == "continue.rs"
    assert path.read_bytes() == code_in(tab, PROMPT).encode()


def test_line_ends_of_every_kind_survive_file_code_and_link(tab: Page, tmp_path: Path) -> None:
    text = "\ta\r\n\r😀\u2028 \n\r\n"
    type_code(tab, PROMPT, "x")
    path = save(tab, "continue-save-json", tmp_path)
    work = json.loads(path.read_text("utf-8"))
    work["content"]["text"] = {"text": text, "marks": [[5, 7]]}
    path.write_text(json.dumps(work))
    choose(tab, "continue", path)
    wait_for_code(tab, PROMPT, text)
    assert save(tab, "continue-save-code", tmp_path).read_bytes() == text.encode()
    link = copy_link(tab, "continue")
    tab.goto("about:blank")
    tab.goto(link)
    expect(status(tab, "continue")).to_contain_text("Opened a link", timeout=TIMEOUT)
    tab.wait_for_function("window.playgroundEditors !== undefined")
    wait_for_code(tab, PROMPT, text)
    assert generated(tab, PROMPT) == "😀"


def test_an_infill_is_saved_as_the_file_that_is_shown(tab: Page, tmp_path: Path) -> None:
    seen = fill_infill(tab)
    path = save(tab, "infill-save-code", tmp_path)
    prefix, suffix, middle = seen()  # type: ignore[misc]
    assert path.name == "infill.py"
    assert middle
    assert path.read_bytes() == f"{prefix}{middle}{suffix}".encode()


def test_a_file_opens_in_the_tab_that_it_belongs_to(tab: Page, tmp_path: Path) -> None:
    seen = fill_infill(tab)
    before = seen()
    path = save(tab, "infill-save-json", tmp_path)
    assert json.loads(path.read_text("utf-8"))["tab"] == "infill"
    tab.click("#infill-clear")
    wait_for_code(tab, "infill-prefix", "")
    type_code(tab, "infill-suffix", "mine")
    open_tab(tab, "Chat")
    choose(tab, "chat", path)
    expect(status(tab, "infill")).to_contain_text("Opened infill.json · Undo", timeout=TIMEOUT)
    expect(tab.get_by_role("tab", name="Infill")).to_have_attribute("aria-selected", "true")
    wait_for_code(tab, "infill-suffix", SUFFIX)
    expect(tab.locator("#infill-middle .pg-new")).to_be_visible()
    assert seen() == before
    tab.click("#infill-undo")
    wait_for_code(tab, "infill-suffix", "mine")


@pytest.mark.parametrize(
    ("text", "words"),
    [("print(1)\n", "not JSON"), ('{"format": "x"}', "no work"), ("x" * 500_001, "over 500,000")],
    ids=["code", "other", "long"],
)
def test_another_file_is_refused_and_changes_nothing(
    tab: Page, tmp_path: Path, text: str, words: str
) -> None:
    type_code(tab, PROMPT, "mine")
    (tmp_path / "other.json").write_text(text)
    choose(tab, "continue", tmp_path / "other.json")
    expect(status(tab, "continue").locator(".pg-error")).to_contain_text(words, timeout=TIMEOUT)
    assert code_in(tab, PROMPT) == "mine"


def test_of_nothing_there_is_no_file_and_no_link(tab: Page) -> None:
    note = tab.locator("#continue-files-note")
    press(tab, "continue-save-json")
    expect(note).to_contain_text("nothing to save", timeout=TIMEOUT)
    press(tab, "continue-copy-link")
    expect(note).to_contain_text("nothing to share", timeout=TIMEOUT)
    assert tab.locator("#continue-link input").count() == 0


def test_share_above_the_tabs_makes_the_shown_tabs_link_where_it_is_seen(tab: Page) -> None:
    open_tab(tab, "Infill")
    type_code(tab, "infill-prefix", "x = ")
    share = tab.get_by_role("button", name="Share", exact=True)
    share.click()
    link = tab.locator("#infill-link input")
    expect(link).to_be_in_viewport(timeout=TIMEOUT)
    first = link.input_value()
    # The panel is open by now, and stays so.
    type_code(tab, "infill-suffix", " + 1")
    share.click()
    expect(link).not_to_have_value(first, timeout=TIMEOUT)
    expect(link).to_be_visible()


def test_share_of_an_empty_tab_says_that_there_is_nothing_yet(tab: Page) -> None:
    tab.get_by_role("button", name="Share", exact=True).click()
    expect(tab.locator("#continue-files-note")).to_contain_text(
        "There is nothing to share yet", timeout=TIMEOUT
    )

"""The Infill tab's repository context in a real browser: a script with StarCoder 2's tokens."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.tabs import (
    TIMEOUT,
    open_page,
    open_tab,
    setting,
    status,
    type_code,
    wait_for_code,
    wait_until_kept,
    wait_until_over,
)
from tests.servers import RunningApp

pytestmark = pytest.mark.browser

HELPERS = "def add(a, b):\n    return a + b\n"
PANEL = "#infill-repository"


@pytest.fixture
def tab(page: Page, starcoder2: str) -> Page:
    open_page(page, starcoder2)
    open_tab(page, "Infill")
    open_panel(page)
    return page


def open_panel(page: Page) -> None:
    page.locator(f"{PANEL} > button.label-wrap").click()
    expect(page.get_by_role("button", name="Add files")).to_be_visible()


def write(folder: Path, **texts: str) -> list[Path]:
    """Files by their names, in which `_` stands for the dot."""
    paths = []
    for name, text in texts.items():
        paths.append(folder / name.replace("_", "."))
        paths[-1].write_text(text, encoding="utf-8")
    return paths


def add(page: Page, paths: list[Path]) -> None:
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="Add files").click()
    chooser.value.set_files(paths)


def paths_shown(page: Page) -> Locator:
    return page.locator(f"{PANEL}-files li input")


def expect_paths(page: Page, *paths: str) -> None:
    expect(paths_shown(page)).to_have_count(len(paths), timeout=TIMEOUT)
    for index, path in enumerate(paths):
        expect(paths_shown(page).nth(index)).to_have_value(path, timeout=TIMEOUT)


def test_the_prompt_tells_the_path_the_repository_and_its_files(tab: Page, tmp_path: Path) -> None:
    tab.get_by_label("Path of this file").fill("src/main.rs")
    tab.get_by_label("Repository", exact=True).fill("me/thing")
    add(tab, write(tmp_path, helpers_py=HELPERS, conf_yaml="a: 1\n"))
    expect_paths(tab, "helpers.py", "conf.yaml")
    type_code(tab, "infill-prefix", "fn main() {")
    tab.locator("#infill-exact > button.label-wrap").click()
    prompt = (
        f"<repo_name>me/thing<file_sep>helpers.py\n{HELPERS}<file_sep>conf.yaml\na: 1\n"
        "<file_sep><fim_prefix>src/main.rs\nfn main() {<fim_suffix><fim_middle>"
    )
    shown = tab.locator("#infill-exact-view .pg-exact pre").first
    expect(shown).to_have_text(prompt, use_inner_text=False, timeout=TIMEOUT)
    assert shown.text_content() == prompt
    num_tokens = len(prompt) - sum(map(len, ["<repo_name>", *["<file_sep>"] * 3])) + 4
    num_tokens += 3 - len("<fim_prefix><fim_suffix><fim_middle>")
    expect(tab.locator("#infill-context")).to_contain_text(f"{num_tokens} of 8,192")
    expect(tab.locator("#infill-language input")).to_have_value("Rust")
    tab.locator("#infill-exact-form").get_by_label("Python (gradio_client)").click()
    call = tab.locator("#infill-exact-call pre code")
    for text in ('path="src/main.rs"', 'repo_name="me/thing"', '"path": "conf.yaml"'):
        expect(call).to_contain_text(text, timeout=TIMEOUT)
    tab.locator("#infill-exact-form").get_by_label("curl", exact=True).click()
    expect(tab.locator("#infill-exact-call")).to_contain_text("token ids", timeout=TIMEOUT)
    tab.click("#infill-run")
    wait_until_over(tab, "infill")


def test_files_are_ordered_renamed_removed_and_put_back(tab: Page, tmp_path: Path) -> None:
    add(tab, write(tmp_path, a_py=HELPERS, b_py="b\n", c_py="c\n"))
    expect_paths(tab, "a.py", "b.py", "c.py")
    expect(tab.locator(f"{PANEL}-files li").first).to_contain_text(
        f"{len('a.py' + HELPERS) + 1} tokens"
    )
    expect(tab.locator(f"{PANEL} > button")).to_contain_text("3 files")
    paths_shown(tab).first.fill("src/<b>.py")
    paths_shown(tab).first.press("Enter")
    tab.get_by_role("button", name="Move down src/<b>.py").click()
    expect_paths(tab, "b.py", "src/<b>.py", "c.py")
    expect(tab.get_by_role("button", name="Move down src/<b>.py")).to_be_focused()
    tab.keyboard.press("Enter")
    expect_paths(tab, "b.py", "c.py", "src/<b>.py")
    tab.get_by_role("button", name="Remove b.py").click()
    expect_paths(tab, "c.py", "src/<b>.py")
    tab.get_by_role("button", name="Put b.py back").click()
    expect_paths(tab, "b.py", "c.py", "src/<b>.py")


def test_what_cannot_be_told_is_named_and_the_rest_is_there(tab: Page, tmp_path: Path) -> None:
    (tmp_path / "blob.bin").write_bytes(b"\x7fELF\x00\x01")
    (tmp_path / "latin.py").write_bytes("# é\n".encode("latin-1"))
    (tmp_path / "long.py").write_text("x" * 500_001)
    bad = [tmp_path / name for name in ("blob.bin", "latin.py", "long.py")]
    add(tab, [*bad, *write(tmp_path, good_py="# é\n")])
    expect_paths(tab, "good.py")
    error = tab.locator(f"{PANEL}-status .pg-error")
    for words in ("blob.bin is no text", "latin.py is not UTF-8", "long.py is too long"):
        expect(error).to_contain_text(words)


def test_dropped_and_pasted_files_are_added_and_a_path_is_there_once(tab: Page) -> None:
    tab.locator(PANEL).evaluate(
        """(panel) => {
            const dataTransfer = new DataTransfer();
            dataTransfer.items.add(new File(["dropped\\n"], "x.py"));
            panel.dispatchEvent(new DragEvent("drop", {dataTransfer, bubbles: true}));
        }"""
    )
    expect_paths(tab, "x.py")
    tab.locator(f"{PANEL}-paste > button.label-wrap").click()
    for path, text in (("y.py", "    indented\n"), ("x.py", "another\n")):
        tab.get_by_label("Its path").fill(path)
        tab.get_by_label("Its text").fill(text)
        tab.get_by_role("button", name="Add to the files").click()
        expect(tab.get_by_label("Its text")).to_have_value("", timeout=TIMEOUT)
    expect_paths(tab, "x.py", "y.py")
    expect(tab.locator(f"{PANEL}-status")).to_contain_text("Replaced x.py")
    tab.locator("#infill-exact > button.label-wrap").click()
    type_code(tab, "infill-prefix", "p")
    shown = tab.locator("#infill-exact-view .pg-exact pre").first
    expect(shown).to_contain_text("another", timeout=TIMEOUT)
    assert "<file_sep>y.py\n    indented\n<file_sep>" in (shown.text_content() or "")


def test_a_reload_brings_the_path_and_the_text_back(tab: Page) -> None:
    tab.get_by_label("Path of this file").fill("src/main.rs")
    type_code(tab, "infill-prefix", "fn main() {")
    wait_until_kept(tab, "src/main.rs")
    wait_until_kept(tab, "fn main() {")
    open_page(tab, tab.url)
    open_tab(tab, "Infill")
    wait_for_code(tab, "infill-prefix", "fn main() {")
    open_panel(tab)
    expect(tab.get_by_label("Path of this file")).to_have_value("src/main.rs")


def test_files_that_do_not_fit_are_told_before_and_after(tab: Page, tmp_path: Path) -> None:
    add(tab, write(tmp_path, old_py="o" * 5000, new_py="n" * 4000))
    type_code(tab, "infill-prefix", "p")
    words = "left out from the start of the context files"
    expect(tab.locator("#infill-context")).to_contain_text(words, timeout=TIMEOUT)
    setting(tab, "infill", "max_new_tokens").fill("10")
    tab.click("#infill-run")
    wait_until_over(tab, "infill")
    expect(status(tab, "infill").locator(".pg-warning")).to_contain_text(words)


def test_a_model_without_the_tokens_says_so_and_refuses(
    page: Page, scripted_app: RunningApp
) -> None:
    open_page(page, scripted_app.url)
    open_tab(page, "Infill")
    expect(page.locator(f"{PANEL} > button")).to_contain_text("not for this model")
    open_panel(page)
    expect(page.locator(f"{PANEL}-note .pg-warning")).to_contain_text("StarCoder 2")
    page.get_by_label("Path of this file").fill("a.py")
    type_code(page, "infill-prefix", "SAY: x")
    page.click("#infill-run")
    expect(status(page, "infill").locator(".pg-error")).to_contain_text(
        "no infill form with a path", timeout=TIMEOUT
    )
    page.get_by_label("Path of this file").fill("")
    page.click("#infill-run")
    wait_until_over(page, "infill")

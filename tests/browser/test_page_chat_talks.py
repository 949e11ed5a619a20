"""Several conversations in the Chat tab, in a real browser."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.tabs import (
    TIMEOUT,
    open_page,
    open_tab,
    send_message,
    setting,
    status,
)
from tests.browser.talks import (
    BOX,
    LIST,
    ask,
    begin_new,
    current,
    do,
    go_to,
    names,
    note,
    row_of,
    rows,
    said,
    wait_until_kept,
)
from tests.servers import RunningApp

pytestmark = pytest.mark.browser

LONG = "SAY: " + "ab" * 2000


@pytest.fixture
def tab(page: Page, scripted_app: RunningApp) -> Page:
    open_page(page, scripted_app.url)
    open_tab(page, "Chat")
    return page


@pytest.fixture
def two(tab: Page) -> Page:
    """With the conversations "SAY: one" and, on show, "SAY: two"."""
    ask(tab, "one")
    begin_new(tab)
    ask(tab, "two")
    return tab


def test_each_conversation_is_kept_by_itself_and_comes_back(two: Page) -> None:
    ask(two, "three")
    expect(names(two)).to_have_text(["SAY: two", "SAY: one"])
    expect(current(two)).to_have_text("SAY: two")
    go_to(two, "SAY: one")
    expect(said(two)).to_have_text(["one"])
    go_to(two, "SAY: two")
    expect(said(two)).to_have_text(["two", "three"])
    # To look at one does not make it the latest.
    expect(names(two)).to_have_text(["SAY: two", "SAY: one"])


def test_what_is_chosen_while_another_one_is_on_its_way_comes_after_it(two: Page) -> None:
    show_slowly(two)
    row_of(two, "SAY: one").locator(".pg-kept-entry").click()
    expect(said(two)).to_have_text(["one"])
    row_of(two, "SAY: two").locator(".pg-kept-entry").click()
    expect(said(two)).to_have_text(["two"])
    expect(current(two)).to_have_text("SAY: two")
    do(two, "Delete", "SAY: two")
    expect(said(two)).to_have_count(0)
    two.locator(f"{LIST} .pg-link").click()
    expect(said(two)).to_have_text(["two"])


def show_slowly(page: Page) -> None:
    """From what the server shows to its place in the list, as on a busy machine."""
    page.evaluate(
        """() => {
            const {talks} = playgroundKept;
            const {shown} = talks;
            talks.shown = () => setTimeout(shown, 1000);
        }"""
    )


def test_a_new_chat_is_listed_from_its_first_message_on(tab: Page) -> None:
    expect(note(tab)).to_contain_text("Each conversation is listed here")
    begin_new(tab)
    begin_new(tab)
    expect(tab.locator(BOX)).to_be_focused()
    expect(rows(tab)).to_have_count(0)
    send_message(tab, "Explain `map`, `filter` and everything that comes after them.\nSAY: so")
    expect(names(tab)).to_have_text(["Explain map, filter and everything that…"], timeout=TIMEOUT)


def test_a_conversation_brings_its_own_system_prompt_settings_and_draft(tab: Page) -> None:
    tab.get_by_role("button", name="System prompt").click()
    system = tab.locator("#chat-system textarea")
    models_own = system.input_value()
    ask(tab, "one")
    system.fill("Be brief.")
    setting(tab, "chat", "temperature").fill("0.7")
    tab.get_by_label("Both, side by side").check()
    tab.locator(BOX).fill("not sent yet")
    begin_new(tab)
    expect(system).to_have_value(models_own)
    expect(setting(tab, "chat", "temperature")).to_have_value("0.7")
    expect(tab.locator(BOX)).to_have_value("")
    setting(tab, "chat", "temperature").fill("0.3")
    tab.get_by_label("Script without a model", exact=True).first.check()
    ask(tab, "two")
    go_to(tab, "SAY: one")
    expect(said(tab)).to_have_text(["one"])
    expect(system).to_have_value("Be brief.")
    expect(setting(tab, "chat", "temperature")).to_have_value("0.7")
    expect(tab.get_by_label("Both, side by side")).to_be_checked()
    expect(tab.locator(BOX)).to_have_value("not sent yet")
    go_to(tab, "SAY: two")
    expect(said(tab)).to_have_text(["two"])
    expect(system).to_have_value(models_own)
    expect(setting(tab, "chat", "temperature")).to_have_value("0.3")
    expect(tab.locator(BOX)).to_have_value("")


def test_versions_seed_and_what_was_cut_come_back(tab: Page, tmp_path: Path) -> None:
    ask(tab, "one or another")
    setting(tab, "chat", "max_new_tokens").fill("5")
    tab.click("#chat-retry")
    expect(tab.locator("#chat-further")).to_contain_class("primary", timeout=TIMEOUT)
    wait_until_kept(tab, '"is_cut":true')
    tab.get_by_role("button", name="Save, open, share").click()

    def save() -> dict[str, object]:
        with tab.expect_download(timeout=TIMEOUT) as download:
            tab.click("#chat-save-json")
        download.value.save_as(tmp_path / "talk.json")
        return dict(json.loads((tmp_path / "talk.json").read_text("utf-8")))

    before = save()
    assert before["seed"] is not None
    begin_new(tab)
    ask(tab, "two")
    go_to(tab, "SAY: one or another")
    expect(said(tab, "user")).to_have_text(["SAY: one or another"])
    assert save() == before


def test_while_a_reply_comes_its_conversation_stays(two: Page) -> None:
    setting(two, "chat", "max_new_tokens").fill("3000")
    send_message(two, LONG)
    expect(said(two).last).to_contain_text("abab", timeout=TIMEOUT)
    expect(row_of(two, "SAY: one").locator(".pg-kept-entry")).to_be_disabled()
    expect(two.get_by_role("button", name="New chat")).to_be_disabled()
    do(two, "Rename", "SAY: one")
    two.keyboard.press("Escape")
    expect(two.locator("#chat-stop")).to_be_visible()
    two.click("#chat-stop")
    expect(two.get_by_role("button", name="New chat")).to_be_enabled(timeout=TIMEOUT)
    cut = said(two).last.inner_text()
    go_to(two, "SAY: one")
    expect(said(two)).to_have_text(["one"])
    go_to(two, "SAY: two")
    expect(said(two)).to_have_text(["two", cut])
    expect(two.locator("#chat-further")).to_contain_class("primary")


def test_a_reply_lands_in_its_conversation_however_soon_another_is_chosen(two: Page) -> None:
    two.locator(BOX).fill("SAY: late")
    two.evaluate(
        """async (list) => {
            document.querySelector("#chat-run").click();
            await new Promise(requestAnimationFrame);
            document.querySelector(`${list} li:last-child .pg-kept-entry`).click();
        }""",
        LIST,
    )
    expect(said(two)).to_have_text(["two", "late"], timeout=TIMEOUT)
    wait_until_kept(two, '"text":"late"')
    go_to(two, "SAY: one")
    expect(said(two)).to_have_text(["one"])


def test_nothing_is_sent_while_another_conversation_is_on_its_way(two: Page) -> None:
    two.locator(BOX).fill("SAY: stray")
    two.evaluate(
        """(list) => {
            document.querySelector(`${list} li:last-child .pg-kept-entry`).click();
            const keys = {key: "Enter", ctrlKey: true, bubbles: true};
            document.body.dispatchEvent(new KeyboardEvent("keydown", keys));
        }""",
        LIST,
    )
    expect(current(two)).to_have_text("SAY: one")
    expect(said(two, "user")).to_have_text(["SAY: one"])
    go_to(two, "SAY: two")
    expect(said(two, "user")).to_have_text(["SAY: two"])
    expect(two.locator(BOX)).to_have_value("SAY: stray")


def test_a_name_is_changed_in_place_and_stays(two: Page) -> None:
    do(two, "Rename", "SAY: one")
    box = two.get_by_label("Name of “SAY: one”")
    expect(box).to_be_focused()
    box.fill("Not this")
    box.press("Escape")
    expect(names(two)).to_have_text(["SAY: two", "SAY: one"])
    do(two, "Rename", "SAY: two")
    box = two.get_by_label("Name of “SAY: two”")
    box.fill("<b>Sums</b>")
    box.press("Enter")
    expect(names(two)).to_have_text(["<b>Sums</b>", "SAY: one"])
    expect(two.get_by_role("button", name="Rename “<b>Sums</b>”")).to_be_focused()
    ask(two, "three")
    expect(names(two)).to_have_text(["<b>Sums</b>", "SAY: one"])


def test_one_is_deleted_and_put_back(two: Page) -> None:
    do(two, "Delete", "SAY: one")
    expect(names(two)).to_have_text(["SAY: two"])
    expect(note(two)).to_contain_text("Deleted “SAY: one”")
    expect(said(two)).to_have_text(["two"])
    two.locator(f"{LIST} .pg-link").click()
    expect(names(two)).to_have_text(["SAY: two", "SAY: one"])
    go_to(two, "SAY: one")
    expect(said(two)).to_have_text(["one"])


def test_the_one_on_show_gives_way_to_an_empty_one_and_undo_shows_it_again(two: Page) -> None:
    two.locator(BOX).fill("not sent yet")
    do(two, "Delete", "SAY: two")
    expect(said(two)).to_have_count(0)
    expect(two.locator(BOX)).to_have_value("")
    expect(names(two)).to_have_text(["SAY: one"])
    two.locator(f"{LIST} .pg-link").click()
    expect(said(two)).to_have_text(["two"])
    expect(current(two)).to_have_text("SAY: two")
    expect(two.locator(BOX)).to_have_value("not sent yet")
    expect(names(two)).to_have_text(["SAY: two", "SAY: one"])


def test_names_and_all_that_was_said_is_searched_where_there_are_several(two: Page) -> None:
    search = two.get_by_placeholder("Search conversations")
    expect(search).to_be_hidden()
    for text in ("three", "four"):
        begin_new(two)
        ask(two, text)
    ask(two, "hidden <treasure>")
    search.fill("TREASURE hid")
    expect(names(two)).to_have_text(["SAY: four"])
    search.fill("say: t")
    expect(names(two)).to_have_text(["SAY: four", "SAY: three", "SAY: two"])
    search.fill("nowhere")
    expect(note(two)).to_have_text("Nothing found.")


def test_what_is_cleared_comes_back_to_its_own_conversation(two: Page) -> None:
    two.click("#chat-clear")
    expect(said(two)).to_have_count(0)
    expect(row_of(two, "SAY: two")).to_contain_text("nothing sent")
    go_to(two, "SAY: one")
    expect(said(two)).to_have_text(["one"])
    two.click("#chat-restore")
    expect(said(two)).to_have_text(["two"])
    expect(current(two)).to_have_text("SAY: two")
    expect(row_of(two, "SAY: two")).to_contain_text("2 messages")
    go_to(two, "SAY: one")
    expect(said(two)).to_have_text(["one"])


def test_what_is_opened_or_brought_back_begins_a_conversation(two: Page, tmp_path: Path) -> None:
    two.get_by_role("button", name="Save, open, share").click()
    with two.expect_download(timeout=TIMEOUT) as download:
        two.click("#chat-save-json")
    download.value.save_as(tmp_path / "talk.json")
    go_to(two, "SAY: one")
    with two.expect_file_chooser() as chooser:
        two.click("#chat-choose")
    chooser.value.set_files(tmp_path / "talk.json")
    expect(status(two, "chat")).to_contain_text("Opened talk.json", timeout=TIMEOUT)
    expect(names(two)).to_have_text(["SAY: two", "SAY: two", "SAY: one"])
    expect(rows(two).first).to_have_attribute("aria-current", "true")
    two.click("#chat-restore")
    expect(said(two)).to_have_text(["one"])
    expect(current(two)).to_have_text("SAY: one")
    two.get_by_role("button", name="History").click()
    two.locator("#chat-history .pg-kept-entry").last.click()
    expect(names(two)).to_have_text(["SAY: one", "SAY: two", "SAY: two", "SAY: one"])
    expect(rows(two).first).to_have_attribute("aria-current", "true")


def test_on_a_phone_the_list_stands_folded_above_the_chat(
    page: Page, scripted_app: RunningApp
) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    open_page(page, scripted_app.url)
    open_tab(page, "Chat")
    expect(page.locator(LIST)).to_be_hidden()
    ask(page, "one")
    fold = page.get_by_role("button", name="Conversations")
    fold.click()
    expect(names(page)).to_have_text(["SAY: one"])
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    begin_new(page)
    expect(page.locator(LIST)).to_be_hidden()
    fold.click()
    row_of(page, "SAY: one").locator(".pg-kept-entry").click()
    expect(said(page)).to_have_text(["one"])
    expect(page.locator(LIST)).to_be_hidden()


def test_where_the_server_gives_no_answer_the_conversation_stays(two: Page) -> None:
    refused = {"status": 413, "body": "{}", "content_type": "application/json"}
    two.route("**/gradio_api/run/**", lambda route: route.fulfill(**refused))
    row_of(two, "SAY: one").locator(".pg-kept-entry").click()
    expect(note(two)).to_contain_text("could not be shown")
    expect(current(two)).to_have_text("SAY: two")
    two.unroute("**/gradio_api/run/**")
    go_to(two, "SAY: one")
    expect(said(two)).to_have_text(["one"])

"""How the browser keeps the conversations of the Chat tab: reloads, windows, limits, refusals."""

from __future__ import annotations

import time
from typing import Any

import pytest
from playwright.sync_api import Page, Route, expect

from tests.browser.tabs import TIMEOUT, open_page, open_tab, setting
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

FORMER_STORES = """() => new Promise((resolve) => {
    const request = indexedDB.open("starcoder-playground", 1);
    request.onupgradeneeded = () => {
        const create = (name) => request.result.createObjectStore(name, {keyPath: "id"});
        create("works").put({id: "old", work: "{}"});
        create("drafts").createIndex("by_time", "time");
        create("entries").createIndex("by_time", ["tab", "time"]);
        request.transaction.objectStore("entries").put({
            id: "old", tab: "chat", time: 1, text: "kept by an older page", tokens: 1,
            why: "", model: "", size: 2,
        });
    };
    request.onsuccess = () => { request.result.close(); resolve(); };
})"""
# As the page does where a model fills in its system prompt: once what was kept is on its way back.
SPEAK_EARLY = """(() => {
    const waiting = setInterval(() => {
        const {talks} = window.playgroundKept ?? {};
        if (!talks) return;
        clearInterval(waiting);
        const {adopt} = talks;
        talks.adopt = (fields) => {
            adopt(fields);
            const empty = {...fields, talk: "", branches: '{"turns": [], "shown": []}'};
            playgroundKept.note("chat", Object.keys(empty), Object.values(empty));
            window.hasSpoken = true;
        };
    }, 1);
})()"""
# As on a busy machine: what was kept is looked for once the list stands there.
RETURN_LATE = """(() => {
    const waiting = setInterval(() => {
        const kept = window.playgroundKept;
        if (!kept?.ready) return;
        clearInterval(waiting);
        const {ready} = kept;
        kept.ready = async (part) => {
            while (!document.querySelector("#chat-talk-list li")) {
                await new Promise(requestAnimationFrame);
            }
            ready(part);
        };
    }, 1);
})()"""
FILL = """async (count) => {
    const {transact} = playgroundKept;
    const work = JSON.stringify({branches: '{"turns": [], "shown": []}', draft: ""});
    await transact(["talks", "works"], "readwrite", (talks, works) => {
        for (let time = 1; time <= count; time++) {
            const id = `filler-${time}`;
            talks.put({id, name: id, isNamed: true, time, revision: 1, turns: 0, size: 1});
            works.put({id, work});
        }
    });
}"""


@pytest.fixture
def tab(page: Page, scripted_app: RunningApp) -> Page:
    return open_chat(page, scripted_app)


def open_chat(page: Page, app: RunningApp) -> Page:
    open_page(page, app.url)
    open_tab(page, "Chat")
    return page


def records(page: Page) -> list[dict[str, Any]]:
    """All that is kept of each conversation, latest first."""
    return list(page.evaluate("playgroundKept.talks.list()"))


def wait_until_drafted(page: Page) -> None:
    """Until what a reload would bring back is the conversation on show."""
    page.evaluate(
        """async () => {
            const {transact, whole, talks} = playgroundKept;
            const all = (drafts) => whole(drafts.index("by_time").getAll());
            const latest = async () => (await transact(["drafts"], "readonly", all)).at(-1);
            while ((await latest())?.tabs.chat?.talk !== talks.current()) {
                await new Promise(requestAnimationFrame);
            }
        }"""
    )


def test_a_reload_shows_the_same_conversation_and_changes_no_record(
    tab: Page, scripted_app: RunningApp
) -> None:
    ask(tab, "one")
    begin_new(tab)
    ask(tab, "two")
    setting(tab, "chat", "max_new_tokens").fill("")
    tab.locator(BOX).fill("not sent yet")
    wait_until_kept(tab, '"draft":"not sent yet"')
    before = records(tab)
    for _ in range(2):
        open_chat(tab, scripted_app)
        expect(said(tab)).to_have_text(["two"])
        expect(tab.locator(BOX)).to_have_value("not sent yet")
        expect(current(tab)).to_have_text("SAY: two")
        expect(names(tab)).to_have_text(["SAY: two", "SAY: one"])
        go_to(tab, "SAY: one")
        go_to(tab, "SAY: two")
        expect(tab.locator(BOX)).to_have_value("not sent yet")
        assert records(tab) == before
        wait_until_drafted(tab)


def test_what_the_page_says_before_its_work_is_back_begins_no_other_conversation(
    tab: Page,
) -> None:
    ask(tab, "one")
    wait_until_drafted(tab)
    tab.add_init_script(SPEAK_EARLY)
    tab.route("**/gradio_api/run/**", answer_slowly)
    tab.reload()
    expect(tab.locator("#returned .pg-notice")).to_contain_text("is back", timeout=TIMEOUT)
    open_tab(tab, "Chat")
    expect(said(tab)).to_have_text(["one"])
    assert tab.evaluate("window.hasSpoken")
    ask(tab, "two")
    assert [record["name"] for record in records(tab)] == ["SAY: one"]


def test_the_list_shows_which_conversation_came_back_after_it_was_drawn(
    tab: Page, scripted_app: RunningApp
) -> None:
    ask(tab, "one")
    wait_until_drafted(tab)
    tab.add_init_script(RETURN_LATE)
    open_chat(tab, scripted_app)
    expect(said(tab)).to_have_text(["one"])
    expect(current(tab)).to_have_text("SAY: one")


def answer_slowly(route: Route) -> None:
    time.sleep(0.3)
    route.continue_()


def test_what_is_said_in_two_windows_is_kept_apart(tab: Page, scripted_app: RunningApp) -> None:
    ask(tab, "start")
    other = open_chat(tab.context.new_page(), scripted_app)
    expect(said(other)).to_have_text(["start"])
    expect(current(other)).to_have_text("SAY: start")
    ask(tab, "here")
    expect(note(other)).to_contain_text("went on in another window")
    ask(other, "there")
    expect(note(other)).to_contain_text("goes on as “SAY: start (2)”")
    expect(current(other)).to_have_text("SAY: start (2)")
    ask(tab, "again")
    ask(other, "and again")
    for window in (tab, other):
        expect(names(window)).to_have_text(["SAY: start (2)", "SAY: start"])
    go_to(tab, "SAY: start (2)")
    expect(said(tab)).to_have_text(["start", "there", "and again"])
    go_to(other, "SAY: start")
    expect(said(other)).to_have_text(["start", "here", "again"])


def test_a_window_that_only_looks_on_writes_nothing_and_can_catch_up(
    tab: Page, scripted_app: RunningApp
) -> None:
    ask(tab, "start")
    other = open_chat(tab.context.new_page(), scripted_app)
    expect(said(other)).to_have_text(["start"])
    ask(tab, "here")
    setting(other, "chat", "temperature").fill("0.9")
    note(other).get_by_role("button", name="Show it").click()
    expect(said(other)).to_have_text(["start", "here"])
    expect(names(other)).to_have_text(["SAY: start"])
    expect(note(other)).to_be_empty()
    ask(other, "there")
    note(tab).get_by_role("button", name="Show it").click()
    expect(said(tab)).to_have_text(["start", "here", "there"])
    expect(names(tab)).to_have_text(["SAY: start"])


def test_what_another_window_deleted_comes_back_when_it_is_gone_on_with(
    tab: Page, scripted_app: RunningApp
) -> None:
    ask(tab, "start")
    other = open_chat(tab.context.new_page(), scripted_app)
    expect(said(other)).to_have_text(["start"])
    do(tab, "Delete", "SAY: start")
    expect(rows(other)).to_have_count(0)
    setting(other, "chat", "temperature").fill("0.9")
    ask(other, "more")
    expect(names(other)).to_have_text(["SAY: start"])
    tab.locator(f"{LIST} .pg-link").click()
    expect(said(tab)).to_have_text(["start"])
    expect(names(tab)).to_have_text(["SAY: start", "SAY: start"])
    expect(said(other)).to_have_text(["start", "more"])


def test_a_message_alone_makes_a_record_when_it_is_left(tab: Page) -> None:
    ask(tab, "one")
    begin_new(tab)
    tab.locator(BOX).fill("first words")
    go_to(tab, "SAY: one")
    expect(names(tab)).to_have_text(["first words", "SAY: one"])
    expect(tab.locator(BOX)).to_have_value("")
    go_to(tab, "first words")
    expect(said(tab)).to_have_count(0)
    expect(tab.locator(BOX)).to_have_value("first words")


def test_where_it_is_switched_off_nothing_is_listed_and_restore_goes_back(tab: Page) -> None:
    tab.get_by_role("button", name="History").click()
    tab.get_by_label("Keep in this browser").uncheck()
    expect(note(tab)).to_contain_text("Nothing is kept")
    tab.locator(BOX).fill("kept in the box")
    tab.locator("#chat-run").click()
    expect(said(tab)).to_have_count(1, timeout=TIMEOUT)
    expect(tab.get_by_role("button", name="New chat")).to_be_enabled(timeout=TIMEOUT)
    begin_new(tab)
    expect(rows(tab)).to_have_count(0)
    tab.click("#chat-restore")
    expect(said(tab, "user")).to_have_text(["kept in the box"])
    assert records(tab) == []


def test_without_storage_a_new_chat_can_be_begun_and_the_former_restored(
    page: Page, scripted_app: RunningApp
) -> None:
    page.add_init_script(
        "IDBFactory.prototype.open = () => { throw new DOMException('no', 'SecurityError'); }"
    )
    open_chat(page, scripted_app)
    page.locator(BOX).fill("SAY: one")
    page.locator("#chat-run").click()
    expect(said(page)).to_have_text(["one"], timeout=TIMEOUT)
    expect(note(page)).to_contain_text("keeps nothing here")
    expect(page.get_by_role("button", name="New chat")).to_be_enabled(timeout=TIMEOUT)
    begin_new(page)
    page.click("#chat-restore")
    expect(said(page)).to_have_text(["one"])


def test_a_browser_that_is_full_loses_nothing_on_the_page(tab: Page) -> None:
    ask(tab, "one")
    tab.evaluate(
        """() => {
            const full = () => { throw new DOMException("", "QuotaExceededError"); };
            IDBObjectStore.prototype.put = full;
        }"""
    )
    tab.locator(BOX).fill("SAY: two")
    tab.locator("#chat-run").click()
    expect(said(tab)).to_have_text(["one", "two"], timeout=TIMEOUT)
    expect(note(tab)).to_contain_text("no room left", timeout=TIMEOUT)
    expect(tab.get_by_role("button", name="New chat")).to_be_enabled(timeout=TIMEOUT)
    begin_new(tab)
    tab.click("#chat-restore")
    expect(said(tab)).to_have_text(["one", "two"])


def test_the_oldest_go_where_there_are_more_than_fit_and_that_is_said(tab: Page) -> None:
    tab.evaluate(FILL, 500)
    ask(tab, "one")
    expect(note(tab)).to_contain_text("the oldest went, “filler-1”")
    kept = [head["name"] for head in records(tab)]
    assert (len(kept), kept[0], kept[-1]) == (500, "SAY: one", "filler-2")
    assert tab.evaluate("playgroundKept.work('filler-1')") == ""


def test_what_an_older_page_kept_is_still_there(page: Page, scripted_app: RunningApp) -> None:
    page.goto(f"{scripted_app.url}/health")
    page.evaluate(FORMER_STORES)
    open_chat(page, scripted_app)
    page.get_by_role("button", name="History").click()
    expect(page.locator("#chat-history li code")).to_have_text(["kept by an older page"])
    ask(page, "one")
    expect(row_of(page, "SAY: one")).to_be_visible()

"""What the page keeps in the browser, over the scripted engine."""

from __future__ import annotations

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.tabs import (
    TIMEOUT,
    code_in,
    generated,
    open_page,
    open_tab,
    send_message,
    setting,
    status,
    turns,
    type_code,
    wait_for_code,
    wait_for_generated,
    wait_until_kept,
    wait_until_over,
)
from tests.servers import RunningApp
from ui.examples import CONTINUE_EXAMPLES

pytestmark = pytest.mark.browser

PROMPT = "continue-prompt"
HOSTILE = "<img src=x onerror='window.hacked = 1'> ${alert(1)}"


@pytest.fixture
def tab(page: Page, scripted_app: RunningApp) -> Page:
    open_page(page, scripted_app.url)
    return page


def history(page: Page, tab: str) -> Locator:
    """The entries of a tab's history, which is opened where it is not."""
    panel = page.locator(f"#{tab}-history")
    if not panel.locator(".pg-kept").count():
        panel.get_by_role("button", name="History").click()
        expect(panel.locator(".pg-kept")).to_be_visible()
    return panel.locator("li")


def reload(page: Page) -> None:
    page.reload()
    expect(page.locator(".pg-chip.pg-ready")).to_have_count(2, timeout=TIMEOUT)
    expect(page.locator(f"#{PROMPT} .cm-content")).to_be_visible()


def generate(page: Page, text: str) -> None:
    type_code(page, PROMPT, f"SAY: {text}")
    page.click("#continue-run")
    wait_until_over(page, "continue")


def bring_back(page: Page, entry: Locator) -> None:
    entry.locator(".pg-kept-entry").click()


def keep(page: Page, tab: str, count: int, work: str = "{}") -> None:
    """Entries as the server would send them, from 1 on."""
    page.evaluate(
        """async ([tab, count, work]) => {
            for (let n = 1; n <= count; n++) {
                const entry = {id: `${tab}-${n}`, tab, text: `text ${n}.`, tokens: n};
                const sent = {...entry, why: "ended by itself", model: "Model", work};
                await playgroundKept.record(JSON.stringify(sent));
            }
        }""",
        [tab, count, work],
    )


def num_kept(page: Page, tab: str) -> int:
    return int(page.evaluate("async tab => (await playgroundKept.list(tab)).length", tab))


def test_an_entry_that_is_told_again_with_others_is_kept_once_and_stays_deleted(tab: Page) -> None:
    record = """async (ids) => {
        const entry = {tab: "continue", text: "x", tokens: 1, why: "", model: "", work: "{}"};
        await playgroundKept.record(JSON.stringify(ids.map((id) => ({...entry, id}))));
    }"""
    tab.evaluate(record, ["a"])
    tab.evaluate("async () => playgroundKept.remove((await playgroundKept.list('continue'))[0])")
    tab.evaluate(record, ["a", "b"])
    kept = "async () => (await playgroundKept.list('continue')).map((entry) => entry.id)"
    assert tab.evaluate(kept) == ["b"]


def test_a_generation_is_listed_with_its_figures_and_kept_over_a_reload(tab: Page) -> None:
    expect(history(tab, "continue")).to_have_count(0)
    expect(tab.locator("#continue-history")).to_contain_text("Nothing yet")
    generate(tab, f"{HOSTILE}\nsecond line")
    for _ in range(2):
        entry = history(tab, "continue")
        expect(entry).to_have_count(1)
        expect(entry.locator("code")).to_have_text(HOSTILE)
        expect(entry).to_contain_text("tokens")
        expect(entry).to_contain_text("ended by itself")
        expect(entry).to_contain_text("Script without a model")
        assert tab.evaluate("window.hacked") is None
        reload(tab)
        expect(history(tab, "continue")).to_have_count(1)


def test_what_is_brought_back_has_its_settings_and_language_and_undo_returns(tab: Page) -> None:
    setting(tab, "continue", "max_new_tokens").fill("40")
    setting(tab, "continue", "stop").fill("\\n\\n")
    tab.locator("#continue-language input").click()
    tab.get_by_role("option", name="Rust").click()
    generate(tab, "let x = 1;")
    whole, new = code_in(tab, PROMPT), generated(tab, PROMPT)
    setting(tab, "continue", "max_new_tokens").fill("99")
    setting(tab, "continue", "stop").fill("")
    tab.get_by_role("button", name="SQL").click()
    stood_before = CONTINUE_EXAMPLES[-1].prompt
    wait_for_code(tab, PROMPT, stood_before)
    expect(tab.locator("#continue-language input")).to_have_value("SQL")

    bring_back(tab, history(tab, "continue").first)
    wait_for_code(tab, PROMPT, whole)
    assert generated(tab, PROMPT) == new == "let x = 1;"
    expect(setting(tab, "continue", "max_new_tokens")).to_have_value("40")
    expect(setting(tab, "continue", "stop")).to_have_value("\\n\\n")
    expect(tab.locator("#continue-language input")).to_have_value("Rust")
    expect(status(tab, "continue")).to_contain_text("Undo brings back")
    tab.click("#continue-undo")
    wait_for_code(tab, PROMPT, stood_before)


def test_what_is_stopped_is_kept_and_nothing_is_brought_back_while_text_comes(tab: Page) -> None:
    generate(tab, "former")
    expect(history(tab, "continue")).to_have_count(1)
    type_code(tab, PROMPT, "SAY: " + "x" * 250)
    tab.click("#continue-run")
    wait_for_generated(tab, PROMPT, 10)
    expect(tab.locator(".pg-kept-entry")).to_be_disabled()
    tab.click("#continue-stop")
    expect(status(tab, "continue")).to_contain_text("stopped by you", timeout=TIMEOUT)
    expect(history(tab, "continue")).to_have_count(2)
    expect(history(tab, "continue").first).to_contain_text("stopped by you")
    expect(tab.locator(".pg-kept-entry").first).to_be_enabled()


def test_an_infill_comes_back_with_its_middle(tab: Page) -> None:
    open_tab(tab, "Infill")
    type_code(tab, "infill-prefix", "SAY: middle")
    type_code(tab, "infill-suffix", "end")
    tab.click("#infill-run")
    wait_until_over(tab, "infill")
    middle = generated(tab, "infill-middle")
    assert middle
    tab.click("#infill-clear")
    wait_for_code(tab, "infill-prefix", "")
    bring_back(tab, history(tab, "infill").first)
    wait_for_code(tab, "infill-prefix", "SAY: middle")
    expect(tab.locator("#infill-middle .pg-new")).to_have_text(middle)
    tab.click("#infill-take")
    wait_for_code(tab, "infill-prefix", "SAY: middle" + middle)


def test_a_conversation_comes_back_and_restore_returns(tab: Page) -> None:
    open_tab(tab, "Chat")
    send_message(tab, "SAY: first")
    wait_until_over(tab, "chat")
    tab.click("#chat-clear")
    send_message(tab, "SAY: second")
    wait_until_over(tab, "chat")
    expect(history(tab, "chat")).to_have_count(2)
    tab.locator("#chat-message textarea").fill("not sent yet")
    bring_back(tab, history(tab, "chat").nth(1))
    conversation = tab.locator("#chat-conversation")
    expect(conversation).to_contain_text("first")
    expect(conversation).not_to_contain_text("second")
    expect(tab.locator("#chat-message textarea")).to_have_value("not sent yet")
    tab.click("#chat-restore")
    expect(conversation).to_contain_text("second")


def test_an_entry_is_deleted_and_put_back_and_all_are_cleared_when_confirmed(tab: Page) -> None:
    keep(tab, "continue", 3)
    expect(history(tab, "continue")).to_have_count(3)
    tab.locator(".pg-kept-delete").nth(1).click()
    expect(history(tab, "continue")).to_have_count(2)
    tab.locator("#continue-history").get_by_role("button", name="Undo").click()
    expect(history(tab, "continue").locator("code")).to_have_text(["text 3.", "text 2.", "text 1."])
    clear = tab.locator(".pg-kept header button")
    clear.click()
    expect(clear).to_have_text("Delete all 3?")
    assert num_kept(tab, "continue") == 3
    clear.click()
    expect(history(tab, "continue")).to_have_count(0)
    assert num_kept(tab, "continue") == 0


def test_where_it_is_switched_off_nothing_is_written(tab: Page) -> None:
    generate(tab, "kept")
    expect(history(tab, "continue")).to_have_count(1)
    tab.get_by_label("Keep in this browser").uncheck()
    generate(tab, "not kept")
    reload(tab)
    expect(history(tab, "continue")).to_have_count(1)
    expect(history(tab, "continue")).to_contain_text("kept")
    expect(tab.get_by_label("Keep in this browser")).not_to_be_checked()


def test_the_oldest_go_where_there_are_more_than_fit(tab: Page) -> None:
    keep(tab, "continue", 203)
    keep(tab, "chat", 1)
    texts = tab.evaluate("async () => (await playgroundKept.list('continue')).map((e) => e.text)")
    assert (len(texts), texts[0], texts[-1]) == (200, "text 203.", "text 4.")
    assert tab.evaluate("playgroundKept.work('continue-3')") == ""
    assert num_kept(tab, "chat") == 1
    big = '"' + "x" * 8_000_000 + '"'
    keep(tab, "infill", 3, big)
    assert num_kept(tab, "infill") == 2


def test_a_long_history_is_searched(tab: Page) -> None:
    keep(tab, "continue", 12)
    expect(history(tab, "continue")).to_have_count(12)
    tab.get_by_placeholder("Search the history").fill("text 7.")
    expect(history(tab, "continue").locator("code")).to_have_text(["text 7."])
    tab.get_by_placeholder("Search the history").fill("nowhere")
    expect(tab.locator("#continue-history")).to_contain_text("Nothing found")


def test_an_entry_that_cannot_be_read_is_said_and_changes_nothing(tab: Page) -> None:
    type_code(tab, PROMPT, "mine")
    keep(tab, "continue", 1, '{"format": "other"}')
    bring_back(tab, history(tab, "continue").first)
    expect(tab.locator("#continue-history [role=alert]")).to_contain_text("Nothing was changed")
    assert code_in(tab, PROMPT) == "mine"


def test_without_storage_the_page_says_so_and_works(page: Page, scripted_app: RunningApp) -> None:
    page.add_init_script(
        "IDBFactory.prototype.open = () => { throw new DOMException('no', 'SecurityError'); }"
    )
    open_page(page, scripted_app.url)
    generate(page, "text")
    expect(history(page, "continue")).to_have_count(0)
    expect(page.locator("#continue-history")).to_contain_text("keeps nothing here")
    assert generated(page, PROMPT) == "text"


def test_a_browser_that_is_full_is_said(tab: Page) -> None:
    tab.evaluate(
        """() => {
            const full = () => { throw new DOMException("", "QuotaExceededError"); };
            IDBObjectStore.prototype.put = full;
        }"""
    )
    expect(history(tab, "continue")).to_have_count(0)
    generate(tab, "text")
    expect(tab.locator("#continue-history")).to_contain_text("no room left")
    assert generated(tab, PROMPT) == "text"


def returned(page: Page) -> Locator:
    """The line that says that work is back."""
    return page.locator("#returned .pg-notice")


def test_that_work_is_back_is_said_beside_the_tabs_and_moves_nothing(tab: Page) -> None:
    def tops() -> list[float]:
        places = [tab.locator("#continue-run"), tab.get_by_role("tab", name="Infill")]
        top = "(element) => element.getBoundingClientRect().top"
        return [float(place.evaluate(top)) for place in places]

    generate(tab, "written")
    before = tops()
    reload(tab)
    expect(returned(tab)).to_contain_text("is back")
    assert tops() == before
    tab.get_by_role("tab", name="Chat").click()
    tab.get_by_role("tab", name="Continue").click()
    tab.get_by_role("button", name="Start empty").click()
    expect(returned(tab)).to_have_count(0)


@pytest.mark.parametrize("name", ["continue", "infill", "chat"])
def test_what_came_a_moment_before_a_reload_is_back(tab: Page, name: str) -> None:
    open_tab(tab, name.title())
    if name == "chat":
        send_message(tab, "SAY: the very last")
    else:
        type_code(tab, PROMPT if name == "continue" else "infill-prefix", "SAY: the very last")
        tab.click(f"#{name}-run")
    wait_until_over(tab, name)
    reload(tab)
    open_tab(tab, name.title())
    places = {
        "continue": tab.locator(f"#{PROMPT} .pg-generated"),
        "infill": tab.locator("#infill-middle .pg-new"),
        "chat": turns(tab, "bot"),
    }
    expect(places[name]).to_have_text("the very last")


def test_a_reload_brings_all_three_tabs_back(tab: Page) -> None:
    generate(tab, "written")
    whole = code_in(tab, PROMPT)
    setting(tab, "continue", "seed").fill("12345")
    open_tab(tab, "Infill")
    tab.locator("#infill-language input").click()
    tab.get_by_role("option", name="Rust").click()
    type_code(tab, "infill-prefix", "SAY: middle")
    type_code(tab, "infill-suffix", "end")
    tab.click("#infill-run")
    wait_until_over(tab, "infill")
    open_tab(tab, "Chat")
    send_message(tab, "SAY: an <answer>")
    wait_until_over(tab, "chat")
    tab.locator("#chat-message textarea").fill("a message not sent")
    wait_until_kept(tab, "a message not sent")
    # A tab that nobody looks at stays what it is, however often the page is opened.
    for _ in range(2):
        reload(tab)
        expect(returned(tab)).to_contain_text("is back")
        wait_for_code(tab, PROMPT, whole)
        assert generated(tab, PROMPT) == "written"
        expect(setting(tab, "continue", "seed")).to_have_value("12345")
        setting(tab, "continue", "stop").fill("changed")
        wait_until_kept(tab, "changed")
    open_tab(tab, "Infill")
    expect(tab.locator("#infill-suffix .cm-content")).to_be_visible()
    wait_for_code(tab, "infill-prefix", "SAY: middle")
    wait_for_code(tab, "infill-suffix", "end")
    assert generated(tab, "infill-middle") == "middle"
    expect(tab.locator("#infill-language input")).to_have_value("Rust")
    open_tab(tab, "Chat")
    expect(tab.locator("#chat-conversation")).to_contain_text("an <answer>")
    expect(tab.locator("#chat-message textarea")).to_have_value("a message not sent")


WHAT_CAME = {
    "continue": "playgroundEditors.get('continue-prompt')?.generated",
    "infill": "document.querySelector('#infill-middle .pg-new')?.textContent",
    "chat": "document.querySelector('#chat-conversation .bot-row .message-content')?.textContent",
}


@pytest.mark.parametrize("place", WHAT_CAME)
def test_what_was_coming_when_the_page_was_reloaded_is_there(tab: Page, place: str) -> None:
    question = "SAY: " + "ab" * 1000
    if place != "continue":
        open_tab(tab, place.capitalize())
    if place == "chat":
        send_message(tab, question)
    else:
        type_code(tab, PROMPT if place == "continue" else "infill-prefix", question)
        tab.click(f"#{place}-run")
    has_come = f"({WHAT_CAME[place]})?.includes('abababab')"
    tab.wait_for_function(has_come, timeout=TIMEOUT)
    kept = {"continue": "b" + "ab" * 1004, "infill": '"live":"abababab', "chat": '"abababab'}
    wait_until_kept(tab, kept[place])
    reload(tab)
    expect(returned(tab)).to_contain_text("is back")
    if place != "continue":
        open_tab(tab, place.capitalize())
    tab.wait_for_function(has_come, timeout=TIMEOUT)


def test_start_empty_can_be_undone(tab: Page) -> None:
    type_code(tab, PROMPT, "mine")
    open_tab(tab, "Chat")
    send_message(tab, "SAY: answer")
    wait_until_over(tab, "chat")
    wait_until_kept(tab, "answer")
    reload(tab)
    wait_for_code(tab, PROMPT, "mine")
    returned(tab).get_by_role("button", name="Start empty").click()
    wait_for_code(tab, PROMPT, "")
    expect(returned(tab)).to_have_count(0)
    tab.click("#continue-undo")
    wait_for_code(tab, PROMPT, "mine")
    open_tab(tab, "Chat")
    expect(tab.locator("#chat-conversation")).not_to_contain_text("answer")
    tab.click("#chat-restore")
    expect(tab.locator("#chat-conversation")).to_contain_text("answer")


def test_two_windows_keep_their_own_work(tab: Page, scripted_app: RunningApp) -> None:
    type_code(tab, PROMPT, "first window")
    wait_until_kept(tab, "first window")
    other = tab.context.new_page()
    open_page(other, scripted_app.url)
    wait_for_code(other, PROMPT, "first window")  # a new one begins with the latest
    type_code(other, PROMPT, "second window")
    wait_until_kept(other, "second window")
    reload(tab)
    wait_for_code(tab, PROMPT, "first window")
    reload(other)
    wait_for_code(other, PROMPT, "second window")


def test_where_it_is_switched_off_no_work_comes_back(tab: Page) -> None:
    type_code(tab, PROMPT, "mine")
    wait_until_kept(tab, "mine")
    history(tab, "continue")
    tab.get_by_label("Keep in this browser").uncheck()
    type_code(tab, PROMPT, "still mine")
    reload(tab)
    expect(history(tab, "continue")).to_have_count(0)
    assert code_in(tab, PROMPT) == ""
    assert (
        tab.evaluate(
            """playgroundKept.transact(["drafts"], "readonly", (drafts) =>
            new Promise((resolve) => {
                const request = drafts.count();
                request.onsuccess = () => resolve(request.result);
            }))"""
        )
        == 0
    )


def test_a_page_that_was_never_used_has_nothing_to_say(tab: Page) -> None:
    reload(tab)
    history(tab, "continue")
    expect(returned(tab)).to_have_count(0)

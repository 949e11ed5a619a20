"""The Tech Assistant in a real browser, alone and beside the chat model, over scripted engines."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Locator, Page, expect

from model.engine.scripted import ScriptedEngine
from model.loading.residency import Residency
from model.loading.slot import ModelSource
from model.presets import find_hub_preset
from model.prompts.assistant import PROMPT_FILE, PROMPT_REPOSITORY, PROMPT_REVISION
from model.service import GenerationService
from settings import load_settings
from tests.browser.tabs import (
    TIMEOUT,
    open_page,
    open_section,
    open_tab,
    send_message,
    setting,
    status,
    turns,
    wait_until_over,
)
from tests.hub import HubServer
from tests.servers import RunningApp, app_in_thread, running_app

pytestmark = pytest.mark.browser

LONG = "word " * 100


@pytest.fixture
def tab(page: Page, scripted_app: RunningApp) -> Page:
    open_page(page, scripted_app.url)
    open_tab(page, "Chat")
    return page


def answer_by(page: Page, name: str) -> None:
    page.locator("#chat-answered-by").get_by_label(name).click()
    if name != "Script":
        expect(page.locator("#chat-answerer-note")).to_contain_text("less reliable than StarChat")


def answer(page: Page, answerer: str) -> Locator:
    return page.locator(f"#chat-pair-{answerer}-answer [data-testid=bot] .message-content")


def column_status(page: Page, answerer: str) -> Locator:
    return page.locator(f"#chat-pair-{answerer}-status")


def keep_button(page: Page, answerer: str) -> Locator:
    return page.locator(f"#chat-pair-{answerer}-keep")


def wait_for_both(page: Page) -> None:
    for answerer in ("chat", "assistant"):
        expect(column_status(page, answerer)).to_contain_text("context", timeout=TIMEOUT)
    expect(page.locator("#chat-run")).to_be_visible(timeout=TIMEOUT)


def test_the_tech_assistant_answers_in_the_conversation_that_is_there(tab: Page) -> None:
    send_message(tab, "SAY: from the chat model")
    wait_until_over(tab, "chat")
    answer_by(tab, "Tech Assistant")
    expect(tab.locator("#chat-answerer-note")).to_contain_text("short prompt: bigcode/ta-prompt")
    send_message(tab, "SAY: from the assistant")
    wait_until_over(tab, "chat")
    expect(turns(tab, "bot")).to_have_count(2)
    expect(turns(tab, "bot").last).to_contain_text("from the assistant")
    expect(tab.locator("#chat-pair")).to_be_hidden()


def test_the_system_prompt_rests_while_the_assistant_answers(tab: Page) -> None:
    open_section(tab, "System prompt")
    answer_by(tab, "Tech Assistant")
    expect(tab.locator("#chat-answerer-note")).to_contain_text("system prompt does not apply")
    expect(tab.locator("#chat-system textarea")).to_be_disabled()
    answer_by(tab, "Both")
    expect(tab.locator("#chat-system textarea")).to_be_enabled()


def test_both_answer_side_by_side_and_one_is_kept(tab: Page) -> None:
    answer_by(tab, "Both")
    tab.locator("#chat-max_new_tokens input").fill("40")
    send_message(tab, "Write Fibonacci.")
    expect(column_status(tab, "assistant")).to_contain_text("Next in line", timeout=TIMEOUT)
    expect(keep_button(tab, "chat")).to_be_disabled()
    wait_for_both(tab)
    expect(answer(tab, "chat")).to_contain_text("Here is a function")
    expect(answer(tab, "assistant")).to_contain_text("Return the n-th Fibonacci number.")
    expect(turns(tab, "bot")).to_have_count(0)
    keep_button(tab, "assistant").click()
    expect(turns(tab, "bot")).to_contain_text("Return the n-th", timeout=TIMEOUT)
    expect(tab.locator("#chat-pair")).to_be_hidden()
    expect(status(tab, "chat")).to_contain_text("Kept the answer of Tech Assistant")


def test_each_has_a_meter(tab: Page) -> None:
    answer_by(tab, "Both")
    tab.locator("#chat-message textarea").fill("hi")
    gauges = tab.locator("#chat-context .pg-gauge")
    expect(gauges).to_have_count(2, timeout=TIMEOUT)
    expect(gauges.last).to_contain_text("Tech Assistant")


def test_one_can_be_kept_while_the_other_still_types(tab: Page, scripted_app: RunningApp) -> None:
    answer_by(tab, "Both")
    tab.locator("#chat-max_new_tokens input").fill("30")
    send_message(tab, f"SAY: {LONG}")
    keep_button(tab, "chat").click(timeout=TIMEOUT)
    expect(turns(tab, "bot")).to_contain_text("word", timeout=TIMEOUT)
    expect(tab.locator("#chat-run")).to_be_visible(timeout=TIMEOUT)
    tab.wait_for_function(
        "async (url) => (await (await fetch(url)).json()).num_running === 0",
        arg=f"{scripted_app.url}/health",
        timeout=TIMEOUT,
    )
    expect(turns(tab, "bot")).to_have_count(1)
    expect(tab.locator("#chat-pair")).to_be_hidden()


def test_a_new_message_keeps_the_chat_models_answer(tab: Page) -> None:
    answer_by(tab, "Both")
    tab.locator("#chat-max_new_tokens input").fill("30")
    send_message(tab, "SAY: first")
    wait_for_both(tab)
    send_message(tab, "SAY: second")
    expect(turns(tab, "bot")).to_have_text(["first"], timeout=TIMEOUT)
    expect(turns(tab, "user")).to_have_count(2)
    wait_for_both(tab)
    expect(answer(tab, "chat")).to_have_text("second")


def test_stop_stops_both_and_keeps_their_texts(tab: Page, scripted_app: RunningApp) -> None:
    answer_by(tab, "Both")
    send_message(tab, f"SAY: {LONG}")
    expect(answer(tab, "chat")).to_contain_text("word", timeout=TIMEOUT)
    tab.keyboard.press("Escape")
    expect(column_status(tab, "chat")).to_contain_text("stopped by you", timeout=TIMEOUT)
    expect(column_status(tab, "assistant")).to_contain_text("topped by you", timeout=TIMEOUT)
    expect(answer(tab, "chat")).to_contain_text("word")
    expect(keep_button(tab, "assistant")).to_be_disabled()
    assert httpx.get(f"{scripted_app.url}/health").json()["num_running"] == 0
    keep_button(tab, "chat").click()
    expect(turns(tab, "bot")).to_contain_text("word", timeout=TIMEOUT)


def test_clear_and_restore_keep_the_answer_that_stands(tab: Page) -> None:
    answer_by(tab, "Both")
    tab.locator("#chat-max_new_tokens input").fill("30")
    send_message(tab, "SAY: precious")
    wait_for_both(tab)
    tab.click("#chat-clear")
    expect(tab.locator("#chat-pair")).to_be_hidden(timeout=TIMEOUT)
    tab.click("#chat-restore")
    expect(turns(tab, "bot")).to_have_text(["precious"], timeout=TIMEOUT)


def test_undo_takes_the_question_of_both_back(tab: Page) -> None:
    answer_by(tab, "Both")
    tab.locator("#chat-max_new_tokens input").fill("30")
    send_message(tab, "SAY: again")
    wait_for_both(tab)
    tab.click("#chat-undo")
    expect(tab.locator("#chat-message textarea")).to_have_value("SAY: again", timeout=TIMEOUT)
    expect(turns(tab, "user")).to_have_count(0)
    expect(tab.locator("#chat-pair")).to_be_hidden()


def test_where_neither_says_anything_the_message_goes_back_to_its_box(tab: Page) -> None:
    answer_by(tab, "Both")
    send_message(tab, "x" * 9000)
    expect(tab.locator("#chat-status .pg-error").first).to_contain_text("over the", timeout=TIMEOUT)
    expect(tab.locator("#chat-message textarea")).to_have_value("x" * 9000)
    expect(tab.locator("#chat-pair")).to_be_hidden()
    expect(turns(tab, "user")).to_have_count(0)


def test_both_columns_fit_a_phone(page: Page, scripted_app: RunningApp) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    open_page(page, scripted_app.url)
    open_tab(page, "Chat")
    answer_by(page, "Both")
    send_message(page, "SAY: `" + "x" * 70 + "`")
    wait_for_both(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    for answerer in ("chat", "assistant"):
        box = page.locator(f"#chat-pair-{answerer}").bounding_box()
        assert box is not None
        assert box["width"] > 300


def test_the_prompt_is_fetched_from_the_hub_when_the_assistant_is_chosen(
    page: Page, tmp_path: Path
) -> None:
    (tmp_path / "dataset").mkdir()
    (tmp_path / "dataset" / PROMPT_FILE).write_text("x" * 3000 + "\n\n-----\n")
    flags = ("--engine", "scripted", "--scripted-load-seconds", "0")
    with HubServer() as hub:
        hub.add_dataset(PROMPT_REPOSITORY, tmp_path / "dataset").commit = PROMPT_REVISION
        with running_app(*flags, environment=hub.environment(tmp_path / "home")) as app:
            open_page(page, app.url)
            open_tab(page, "Chat")
            answer_by(page, "Tech Assistant")
            page.locator("#chat-message textarea").fill("SAY: ok")
            expect(page.locator("#chat-context")).to_contain_text("3,0", timeout=TIMEOUT)
            page.locator("#chat-message textarea").press("Enter")
            wait_until_over(page, "chat")
            expect(page.locator("#chat-answerer-note")).not_to_contain_text("short prompt")


@pytest.fixture(scope="module")
def small_memory_url() -> Iterator[str]:
    """An app with room for one of its two models."""
    # Slow enough for Stop to be seen.
    engine = ScriptedEngine(room=1, tokens_per_second=150)
    presets = {"base": find_hub_preset("starcoder"), "chat": find_hub_preset("starchat-beta")}
    sources = {
        slot: ModelSource(preset, lambda job: None)
        for slot, preset in presets.items()
        if preset is not None
    }
    service = GenerationService(Residency(engine, sources), engine)
    settings = load_settings(["--engine", "scripted"])
    with app_in_thread(settings, service) as url:
        yield url


def test_models_that_share_the_memory_answer_one_after_the_other(
    page: Page, small_memory_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    page.goto(small_memory_url)
    expect(page.locator(".pg-chip.pg-parked")).to_have_count(1, timeout=TIMEOUT)
    open_tab(page, "Chat")
    answer_by(page, "Both")
    expect(page.locator("#chat-answerer-note")).to_contain_text("one after the other")
    send_message(page, "Write Fibonacci.")
    wait_for_both(page)
    expect(answer(page, "chat")).to_contain_text("Here is a function")
    expect(answer(page, "assistant")).to_contain_text("Return the n-th")


def test_a_chat_models_own_settings_are_shown_and_what_is_set_stays(
    page: Page, small_memory_url: str
) -> None:
    page.goto(small_memory_url)
    open_tab(page, "Chat")
    page.get_by_role("button", name="More sampling").last.click()
    expect(setting(page, "chat", "repetition_penalty")).to_have_value("1.2", timeout=TIMEOUT)
    expect(setting(page, "chat", "top_k")).to_have_value("50")
    expect(setting(page, "chat", "max_new_tokens")).to_have_value("512")
    setting(page, "chat", "repetition_penalty").fill("1.1")
    send_message(page, "SAY: done")
    wait_until_over(page, "chat")
    expect(setting(page, "chat", "repetition_penalty")).to_have_value("1.1")

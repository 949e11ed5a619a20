"""The page in a browser whose language is German."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache

import pytest
from playwright.sync_api import Page, expect

from tests.browser.tabs import TIMEOUT, code_in, open_page, setting, type_code
from tests.messages import HOLE
from tests.servers import RunningApp
from ui.translation import read_catalogues

pytestmark = pytest.mark.browser

GERMAN = read_catalogues()["de"]
# What a reader sees: the text of elements, and what a screen reader and the pointer are told.
VISIBLE_TEXTS = """() => {
    const found = new Set();
    const verbatim =
        "[translate=no], pre, code, kbd, textarea, script, style, .cm-content, .cm-gutters";
    const page = document.querySelector(".gradio-container");
    const walker = document.createTreeWalker(page, NodeFilter.SHOW_TEXT);
    for (let node; (node = walker.nextNode());) {
        const element = node.parentElement;
        if (!element.closest(verbatim) && element.checkVisibility()) found.add(node.data.trim());
    }
    for (const element of page.querySelectorAll("[aria-label], [title], [placeholder]"))
        if (!element.closest(verbatim) && element.checkVisibility())
            for (const name of ["aria-label", "title", "placeholder"])
                found.add((element.getAttribute(name) ?? "").trim());
    return [...found].filter((text) => /[A-Za-z]{2}/.test(text));
}"""
# Names, keys and figures; what Gradio itself says in English alone, as the title of a choice;
# questions for a model.
ALLOWED = re.compile(
    r"StarCoder( Playground)?|StarChat|Script without a model|Python|JavaScript|SQL|settings\.json"
    r"|cpu(, scripted)?|scripted|curl|openai|gradio_client|InferenceClient|Open WebUI|Continue\.dev"
    r"|llm-vscode|llm\.nvim|llama\.vim|llama\.vscode|<\|token\|>|\W*"
    r"|(number input|range slider) for .+|Reset to default value|chatbot conversation"
    r"|Token ids|Every space"
    r"|(Select example \d: )?(Write a|How do I) .+"
)


@pytest.fixture
def locale() -> str:
    return "de-DE"


def is_german(text: str) -> bool:
    """Whether it is a translation, or several of them in a line."""
    return any(all(map(_is_known, parts)) for parts in ([text], re.split(r"\s*·\s*", text)))


def _is_known(text: str) -> bool:
    return bool(ALLOWED.fullmatch(text)) or any(
        pattern.fullmatch(text) for pattern in map(_pattern, GERMAN.values())
    )


@cache
def _pattern(text: str) -> re.Pattern[str]:
    return re.compile(".+?".join(map(re.escape, HOLE.split(text))), re.DOTALL)


def english_texts(page: Page) -> list[str]:
    return [text for text in page.evaluate(VISIBLE_TEXTS) if not is_german(text)]


def unfold_all(page: Page) -> None:
    page.evaluate(
        """() => document.querySelectorAll("button.label-wrap:not(.open)").forEach((one) => {
            if (one.checkVisibility()) one.click(); })"""
    )


def tabs(page: Page) -> Iterator[str]:
    for name in ("continue", "infill", "chat"):
        page.locator(f"#{name}-tab-button").click()
        expect(page.locator(f"#{name}-run")).to_be_visible()
        yield name


def test_nothing_of_the_page_stays_english(page: Page, scripted_app: RunningApp) -> None:
    open_page(page, scripted_app.url)
    for name in tabs(page):
        unfold_all(page)
        expect(page.locator(f"#{name}-history-list")).to_be_visible()
        assert english_texts(page) == [], name


def test_a_run_says_in_german_how_it_ended(page: Page, scripted_app: RunningApp) -> None:
    open_page(page, scripted_app.url)
    type_code(page, "continue-prompt", "SAY: Stop")
    page.get_by_role("button", name="Erzeugen", exact=True).click()
    expect(page.locator("#continue-status")).to_contain_text("von selbst beendet", timeout=TIMEOUT)
    assert english_texts(page) == []


def test_a_gap_is_filled_and_a_question_answered(page: Page, scripted_app: RunningApp) -> None:
    open_page(page, scripted_app.url)
    page.locator("#infill-tab-button").click()
    type_code(page, "infill-prefix", "SAY: a")
    page.locator("#infill-run").click()
    expect(page.locator("#infill-status")).to_contain_text("Kontext", timeout=TIMEOUT)
    expect(page.locator("#infill-middle .pg-new")).to_have_text("a")
    page.locator("#chat-tab-button").click()
    page.locator("#chat-message textarea").fill("SAY: b")
    page.locator("#chat-run").click()
    expect(page.locator("#chat-status")).to_contain_text("Kontext", timeout=TIMEOUT)


def test_what_a_model_wrote_is_never_translated(page: Page, scripted_app: RunningApp) -> None:
    open_page(page, scripted_app.url)
    type_code(page, "continue-prompt", "SAY: Stop")
    page.locator("#continue-run").click()
    expect(page.locator("#continue-status")).to_contain_text("Seed", timeout=TIMEOUT)
    assert code_in(page, "continue-prompt").endswith("Stop")
    page.locator("#continue-history button.label-wrap").click()
    expect(page.locator("#continue-history-list")).to_contain_text("Stop")


def test_an_error_and_what_to_do_about_it_are_german(page: Page, scripted_app: RunningApp) -> None:
    open_page(page, scripted_app.url)
    type_code(page, "continue-prompt", "SAY: x")
    setting(page, "continue", "seed").fill("x")
    page.locator("#continue-run").click()
    error = page.locator("#continue-status .pg-error")
    expect(error).to_contain_text(GERMAN["This is not a whole number."], timeout=TIMEOUT)
    assert english_texts(page) == []


def test_the_editors_search_is_german(page: Page, scripted_app: RunningApp) -> None:
    open_page(page, scripted_app.url)
    type_code(page, "continue-prompt", "Replace")
    page.keyboard.press("Control+f")
    expect(page.locator("#continue-prompt .cm-search")).to_be_visible()
    assert english_texts(page) == []
    assert code_in(page, "continue-prompt") == "Replace"

"""Takes the pictures in `docs/images` that the README and the tour show, with the embedded models.

    python -m docs.screenshots [name ...]

Each is taken as a user would get there, in a real Chromium, 1280 pixels wide. What needs tokens
that only StarCoder has is shown over the scripted engine.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.browser.chromium import find_or_install
from tests.browser.conftest import ARGUMENTS
from tests.browser.tabs import (
    TIMEOUT,
    open_page,
    open_tab,
    send_message,
    setting,
    status,
    type_code,
    wait_until_over,
)
from tests.servers import running_app

FOLDER = Path(__file__).parent / "images"
SEED = "7"


def main(names: list[str]) -> None:
    wanted = set(names or PICTURES)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_or_install(), args=ARGUMENTS)
        for flags, drawn in ((), wanted - SCRIPTED), (("--engine", "scripted"), wanted & SCRIPTED):
            if drawn:
                with running_app(*flags) as app:
                    app.wait_until_ready()
                    take(browser, app.url, sorted(drawn))
        browser.close()


def take(browser: Browser, url: str, names: list[str]) -> None:
    for name in names:
        locale = "de-DE" if name == "german" else "en-US"
        page = browser.new_page(viewport={"width": 1280, "height": 900}, locale=locale)
        open_page(page, url)
        PICTURES[name](page)
        page.mouse.move(0, 0)
        page.screenshot(path=FOLDER / f"{name}.png", full_page=name not in WINDOWS)
        page.close()


def take_continue(page: Page) -> None:
    load_example(page, "continue", 1, "continue-prompt")
    generate(page, "continue")


def take_infill(page: Page) -> None:
    load_example(page, "infill", 1, "infill-prefix")
    generate(page, "infill")


def take_chat(page: Page) -> None:
    ask(page, "Write a Python function that counts the words of a text.")


def take_alternatives(page: Page) -> None:
    page.get_by_label("Token probabilities").first.check()
    load_example(page, "continue", 1, "continue-prompt")
    setting(page, "continue", "max_new_tokens").fill("48")
    generate(page, "continue")
    page.locator("#continue-tokens [data-i]").nth(4).click()


def take_prompt(page: Page) -> None:
    open_tab(page, "Chat")
    page.locator("#chat-message textarea").fill("What does <|im_end|> mean?")
    panel = page.locator("#chat-exact")
    panel.get_by_role("button", name="Exact prompt").click()
    expect(panel.locator("#chat-exact-view .pg-token").first).to_be_visible()


def take_candidates(page: Page) -> None:
    load_example(page, "infill", 2, "infill-prefix")
    setting(page, "infill", "temperature").fill("0.8")
    page.locator("#infill-samples input").fill("3")
    generate(page, "infill")


def take_versions(page: Page) -> None:
    ask(page, "Name a sorting algorithm.")
    setting(page, "chat", "seed").fill("11")
    page.locator("#chat-retry").click()
    expect(page.locator(".pg-turn", has_text="2 / 2")).to_be_visible(timeout=120_000)
    wait_until_over(page, "chat")


def take_history(page: Page) -> None:
    for number in (1, 2):
        load_example(page, "continue", number, "continue-prompt")
        setting(page, "continue", "max_new_tokens").fill("48")
        generate(page, "continue")
    page.locator("#continue-history").get_by_role("button", name="History").click()
    page.get_by_role("button", name="Save, open, share").first.click()


def take_repository(page: Page) -> None:
    open_tab(page, "Infill")
    page.get_by_role("button", name="Repository context").click()
    page.locator("#infill-repository-path textarea, #infill-repository-path input").fill("app.py")
    page.locator("#infill-repository-name textarea, #infill-repository-name input").fill("me/shop")


def take_samples(page: Page) -> None:
    load_example(page, "continue", 1, "continue-prompt")
    setting(page, "continue", "temperature").fill("0.8")
    setting(page, "continue", "max_new_tokens").fill("64")
    setting(page, "continue", "samples").fill("3")
    page.locator("#continue-run").click()
    expect(status(page, "continue")).to_contain_text("to choose from", timeout=TIMEOUT)


def take_conversations(page: Page) -> None:
    open_tab(page, "Chat")
    setting(page, "chat", "max_new_tokens").fill("48")
    for question in ("What is a closure?", "How do I sort a list of pairs by the second?"):
        page.get_by_role("button", name="New chat").click()
        ask(page, question)


def take_header(page: Page) -> None:
    type_code(page, "continue-prompt", "fn main() {\n")
    page.locator("#continue-header").get_by_role("button", name="Header").click()
    page.get_by_label("File name").fill("src/main.rs")
    page.get_by_label("Repository", exact=True).fill("me/shop")
    page.get_by_label("Stars").fill("250")
    panel = page.locator("#continue-exact")
    panel.get_by_role("button", name="Exact prompt").click()
    expect(panel.locator("#continue-exact-view .pg-token").first).to_be_visible()


def take_edit(page: Page) -> None:
    page.locator("#continue-form").get_by_label("Edit", exact=True).check()
    type_code(page, "continue-prompt", "def area(radius):\n    return 3 * radius ** 2\n")
    wanted = "SAY: def area(radius):\n    return math.pi * radius ** 2\n"
    page.get_by_label("What to change").fill(wanted)
    page.locator("#continue-run").click()
    expect(page.get_by_role("button", name="Accept", exact=True)).to_be_enabled(timeout=TIMEOUT)


def take_notebook(page: Page) -> None:
    page.locator("#continue-form").get_by_label("Notebook", exact=True).check()
    cells = "# %% [markdown]\n# # Circles\n# SAY: area(2)\n\n# %%\nimport math\n\n"
    cells += "def area(radius):\n    return math.pi * radius ** 2\n"
    type_code(page, "continue-prompt", cells)
    generate(page, "continue")


def take_connect(page: Page) -> None:
    page.get_by_role("button", name="Connect").click()
    expect(page.locator("#connect-client")).to_be_visible()


def take_models(page: Page) -> None:
    page.get_by_role("button", name="Models and memory").click()
    expect(page.locator(".pg-memory").first).to_be_visible()


def take_german(page: Page) -> None:
    page.get_by_role("tab", name="Ausfüllen").click()
    page.locator("#infill-example-2").click()
    page.wait_for_function("playgroundEditors.get('infill-prefix').text.length > 10")
    page.locator("#infill-run").click()
    expect(status(page, "infill")).to_contain_text("Kontext", timeout=TIMEOUT)


def take_shortcuts(page: Page) -> None:
    page.get_by_role("button", name="Shortcuts").click()


def load_example(page: Page, tab: str, number: int, editor: str) -> None:
    open_tab(page, tab.title())
    page.locator(f"#{tab}-example-{number}").click()
    page.wait_for_function("name => playgroundEditors.get(name).text.length > 10", arg=editor)
    setting(page, tab, "seed").fill(SEED)


def generate(page: Page, tab: str) -> None:
    page.locator(f"#{tab}-run").click()
    wait_until_over(page, tab)


def ask(page: Page, question: str) -> None:
    open_tab(page, "Chat")
    setting(page, "chat", "seed").fill(SEED)
    send_message(page, question)
    wait_until_over(page, "chat")


PICTURES: dict[str, Callable[[Page], None]] = {
    "continue": take_continue,
    "infill": take_infill,
    "chat": take_chat,
    "alternatives": take_alternatives,
    "prompt": take_prompt,
    "candidates": take_candidates,
    "versions": take_versions,
    "history": take_history,
    "repository": take_repository,
    "samples": take_samples,
    "conversations": take_conversations,
    "header": take_header,
    "edit": take_edit,
    "notebook": take_notebook,
    "connect": take_connect,
    "models": take_models,
    "german": take_german,
    "shortcuts": take_shortcuts,
}
SCRIPTED = frozenset({"header", "edit", "notebook"})
# A dialog covers the window; the page goes on below it.
WINDOWS = frozenset({"shortcuts"})

if __name__ == "__main__":
    main(sys.argv[1:])

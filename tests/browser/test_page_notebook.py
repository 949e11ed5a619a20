"""The notebook form in a real browser: cells written, gone on with, undone, opened and kept."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.tabs import (
    TIMEOUT,
    code_in,
    generated,
    open_page,
    setting,
    status,
    type_code,
    wait_for_code,
    wait_for_generated,
    wait_until_kept,
    wait_until_over,
)
from tests.servers import RunningApp

pytestmark = pytest.mark.browser

PROMPT = "continue-prompt"
SCRIPT = "# %% [markdown]\n# SAY: y = 2\n"
BOOK = json.dumps(
    {
        "nbformat": 4,
        "nbformat_minor": 5,
        "metadata": {},
        "cells": [
            {"cell_type": "markdown", "metadata": {}, "source": ["# Title\n", "\n", "SAY: z"]},
            {
                "cell_type": "code",
                "metadata": {},
                "source": "f()",
                "execution_count": 1,
                "outputs": [
                    {
                        "output_type": "display_data",
                        "metadata": {},
                        "data": {"text/plain": "<Figure>", "image/png": "A" * 600_000},
                    }
                ],
            },
        ],
    }
)
CELLS = "# %% [markdown]\n# # Title\n#\n# SAY: z\n\n# %%\nf()\n\n# %% [output]\n# <Figure>\n"


@pytest.fixture
def tab(page: Page, scripted_app: RunningApp) -> Page:
    open_page(page, scripted_app.url)
    choose(page, "Notebook")
    return page


def choose(page: Page, form: str) -> None:
    page.locator("#continue-form").get_by_label(form, exact=True).check()
    shown = page.locator("#continue-notebook-next")
    expect(shown).to_be_visible(visible=form == "Notebook", timeout=TIMEOUT)


def choose_next(page: Page, title: str) -> None:
    page.locator("#continue-notebook-next").get_by_label(title, exact=True).check()


def paste(page: Page, text: str) -> None:
    page.locator(f"#{PROMPT} .cm-content").evaluate(
        """(element, text) => {
            const clipboardData = new DataTransfer();
            clipboardData.setData("text/plain", text);
            element.focus();
            element.dispatchEvent(new ClipboardEvent(
                "paste", {clipboardData, bubbles: true, cancelable: true}));
        }""",
        text,
    )


def expect_prompt(page: Page, prompt: str) -> None:
    shown = page.locator("#continue-exact-view .pg-exact pre").first
    expect(shown).to_have_text(prompt, use_inner_text=False, timeout=TIMEOUT)


def test_the_answer_is_the_next_cell_marked_and_undone(tab: Page) -> None:
    type_code(tab, PROMPT, SCRIPT)
    tab.click("#continue-run")
    wait_until_over(tab, "continue")
    wait_for_code(tab, PROMPT, f"{SCRIPT}\n# %%\ny = 2")
    assert generated(tab, PROMPT) == "\n# %%\ny = 2"
    tab.click("#continue-undo")
    wait_for_code(tab, PROMPT, SCRIPT)
    tab.click("#continue-redo")
    wait_for_code(tab, PROMPT, f"{SCRIPT}\n# %%\ny = 2")


@pytest.mark.parametrize(
    ("title", "cell"),
    [("Text", "# %% [markdown]\n# y = 2"), ("Output", "# %% [output]\n# y = 2")],
)
def test_the_next_cell_is_of_the_kind_that_is_chosen(tab: Page, title: str, cell: str) -> None:
    type_code(tab, PROMPT, SCRIPT)
    choose_next(tab, title)
    tab.click("#continue-run")
    wait_until_over(tab, "continue")
    wait_for_code(tab, PROMPT, f"{SCRIPT}\n{cell}")


def test_the_last_cell_can_be_gone_on_with_and_made_anew(tab: Page) -> None:
    script = "# %%\n# SAY: b + 1\nx = a + "
    type_code(tab, PROMPT, script)
    choose_next(tab, "More of the last cell")
    for button in ("#continue-run", "#continue-regenerate"):
        tab.click(button)
        wait_until_over(tab, "continue")
        wait_for_code(tab, PROMPT, f"{script}b + 1\nx = a + ")


def test_stop_keeps_the_lines_that_came_as_comments(tab: Page) -> None:
    type_code(tab, PROMPT, "# %%\n'''SAY: " + "many words\n" * 400 + "'''")
    choose_next(tab, "Output")
    setting(tab, "continue", "max_new_tokens").fill("4000")
    tab.click("#continue-run")
    wait_for_generated(tab, PROMPT, 60)
    tab.click("#continue-stop")
    expect(tab.locator("#continue-run")).to_be_visible(timeout=TIMEOUT)
    expect(status(tab, "continue")).to_contain_text("stopped by you", timeout=TIMEOUT)
    came = generated(tab, PROMPT)
    assert came.startswith("\n\n# %% [output]\n# many words\n# many words")
    assert all(line.startswith("# ") for line in came.strip().splitlines())


def test_the_exact_prompt_and_the_meter_have_the_cells_in_tokens(tab: Page) -> None:
    type_code(tab, PROMPT, "# %% [markdown]\n# <jupyter_code>\n\n# %%\n1 + 1\n\n# %% [output]\n")
    tab.locator("#continue-exact > button.label-wrap").click()
    before = "<jupyter_start><jupyter_text><jupyter_code><jupyter_code>1 + 1<jupyter_output>"
    expect_prompt(tab, f"{before}<empty_output><jupyter_code>")
    chips = tab.locator("#continue-exact-view .pg-exact pre").first.locator(".pg-token")
    expect(chips).to_have_count(6)
    num_tokens = 6 + len("<jupyter_code>") + len("1 + 1")
    expect(tab.locator("#continue-context")).to_contain_text(f"{num_tokens} of 8,192")
    choose_next(tab, "Output")
    expect_prompt(tab, before)
    expect(tab.locator("#continue-exact-view .pg-ends")).to_contain_text("<jupyter_text>")
    expect(tab.locator("#continue-exact-call")).to_contain_text("has no words for this")
    tab.locator("#continue-exact-form").get_by_label("Python (gradio_client)").click()
    call = tab.locator("#continue-exact-call pre code")
    expect(call).to_contain_text('api_name="/notebook"', timeout=TIMEOUT)


def test_old_cells_that_do_not_fit_are_left_out_whole_and_it_is_said(tab: Page) -> None:
    type_code(tab, PROMPT, f"# %%\nold\n\n# %% [output]\n# {'x' * 9000}\n\n# %%\nlast = 1\n")
    tab.locator("#continue-exact > button.label-wrap").click()
    expect_prompt(tab, "<jupyter_start><jupyter_code>last = 1<jupyter_code>")
    said = "left out from the start of the notebook"
    expect(tab.locator("#continue-exact-view .pg-warning")).to_contain_text(said)
    expect(tab.locator("#continue-context")).to_contain_text("the start of the notebook")


def test_an_ipynb_that_is_pasted_or_opened_becomes_cells_and_undo_brings_back_what_stood(
    tab: Page, tmp_path: Path
) -> None:
    type_code(tab, PROMPT, "x = 1\n")
    paste(tab, BOOK)
    wait_for_code(tab, PROMPT, CELLS)
    expect(status(tab, "continue")).to_contain_text("is in the editor, as cells")
    tab.click("#continue-undo")
    wait_for_code(tab, PROMPT, "x = 1\n")
    file = tmp_path / "book.ipynb"
    file.write_text(BOOK, encoding="utf-8")
    with tab.expect_file_chooser() as chooser:
        tab.get_by_role("button", name="Open .ipynb").click()
    chooser.value.set_files(file)
    wait_for_code(tab, PROMPT, CELLS)
    file.write_text("no notebook", encoding="utf-8")
    with tab.expect_file_chooser() as chooser:
        tab.get_by_role("button", name="Open .ipynb").click()
    chooser.value.set_files(file)
    error = status(tab, "continue").locator(".pg-error")
    expect(error).to_contain_text("not JSON", timeout=TIMEOUT)
    assert code_in(tab, PROMPT) == CELLS


def test_an_ipynb_that_stands_there_becomes_cells_when_the_form_is_chosen(tab: Page) -> None:
    choose(tab, "Text")
    small = BOOK.replace("A" * 600_000, "A")
    paste(tab, small)
    wait_for_code(tab, PROMPT, small)
    choose(tab, "Notebook")
    wait_for_code(tab, PROMPT, CELLS)
    paste(tab, BOOK.replace("f()", "g()"))
    wait_for_code(tab, PROMPT, CELLS.replace("f()", "g()"))
    tab.click("#continue-undo")
    wait_for_code(tab, PROMPT, CELLS)
    tab.click("#continue-undo")
    wait_for_code(tab, PROMPT, small)


def test_a_reload_and_the_history_bring_the_form_back(tab: Page) -> None:
    type_code(tab, PROMPT, SCRIPT)
    choose_next(tab, "Output")
    tab.click("#continue-run")
    wait_until_over(tab, "continue")
    whole = f"{SCRIPT}\n# %% [output]\n# y = 2"
    wait_for_code(tab, PROMPT, whole)
    wait_until_kept(tab, "[output]")
    open_page(tab, tab.url)
    wait_for_code(tab, PROMPT, whole)
    chosen = tab.locator("#continue-notebook-next").get_by_label("Output", exact=True)
    expect(chosen).to_be_checked(timeout=TIMEOUT)
    choose_next(tab, "Code")
    choose(tab, "Text")
    tab.locator("#continue-history").get_by_role("button", name="History").click()
    tab.locator("#continue-history li .pg-kept-entry").first.click()
    expect(chosen).to_be_checked(timeout=TIMEOUT)


def test_text_is_generated_as_before_after_the_form_was_changed_back(tab: Page) -> None:
    choose(tab, "Text")
    type_code(tab, PROMPT, "SAY: text")
    tab.click("#continue-run")
    wait_until_over(tab, "continue")
    wait_for_code(tab, PROMPT, "SAY: texttext")


def test_an_empty_notebook_is_nothing_to_carry_on_from(tab: Page) -> None:
    type_code(tab, PROMPT, "# %%\n")
    tab.click("#continue-run")
    expect(status(tab, "continue")).to_contain_text("notebook is empty", timeout=TIMEOUT)
    assert code_in(tab, PROMPT) == "# %%\n"


def test_a_model_without_notebook_tokens_says_which_can_and_refuses(
    page: Page, santacoder: str
) -> None:
    open_page(page, santacoder)
    choose(page, "Notebook")
    note = page.locator("#continue-notebook-note .pg-warning")
    expect(note).to_contain_text("StarCoder models of both families", timeout=TIMEOUT)
    type_code(page, PROMPT, SCRIPT)
    page.click("#continue-run")
    error = status(page, "continue").locator(".pg-error")
    expect(error).to_contain_text("no notebook tokens", timeout=TIMEOUT)
    assert code_in(page, PROMPT) == SCRIPT

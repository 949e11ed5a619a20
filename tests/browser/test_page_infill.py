"""The Infill tab in a real browser, over the scripted engine."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.browser.tabs import (
    TIMEOUT,
    code_in,
    generated,
    open_page,
    open_tab,
    setting,
    status,
    type_code,
    wait_for_code,
    wait_for_text,
    wait_until_over,
)
from tests.servers import RunningApp

pytestmark = pytest.mark.browser

PREFIX = "infill-prefix"
SUFFIX = "infill-suffix"
MIDDLE = "infill-middle"
WHOLE = "infill-result"


@pytest.fixture
def tab(page: Page, scripted_app: RunningApp) -> Page:
    open_page(page, scripted_app.url)
    open_tab(page, "Infill")
    return page


def test_the_middle_streams_between_its_neighbours_and_ends_marked_in_the_file(tab: Page) -> None:
    type_code(tab, PREFIX, "SAY: a + b")
    type_code(tab, SUFFIX, ")\n\nend()\n")
    tab.click("#infill-run")
    wait_for_text(tab, f"#{MIDDLE} .pg-new", 1)
    wait_until_over(tab, "infill")
    assert generated(tab, MIDDLE) == "a + b"
    whole = tab.locator(f"#{WHOLE} code").text_content()
    assert whole == "SAY: a + ba + b)\n\nend()\n"
    assert generated(tab, WHOLE) == "a + b"
    boxes = [tab.locator(f"#{name}").bounding_box() for name in (PREFIX, MIDDLE, SUFFIX)]
    tops = [box["y"] for box in boxes if box]
    assert tops == sorted(tops)


def test_a_paste_with_the_marker_is_split_into_the_two_boxes(tab: Page) -> None:
    type_code(tab, PREFIX, "SAY: x<FILL_HERE>\n    tail\n")
    tab.click("#infill-run")
    wait_until_over(tab, "infill")
    wait_for_code(tab, PREFIX, "SAY: x")
    wait_for_code(tab, SUFFIX, "\n    tail\n")
    assert generated(tab, MIDDLE) == "x"


def test_what_is_selected_makes_way_for_the_gap(tab: Page) -> None:
    type_code(tab, PREFIX, "if 🙂???")
    tab.keyboard.press("Shift+ArrowLeft")
    tab.keyboard.press("Shift+ArrowLeft")
    tab.keyboard.press("Shift+ArrowLeft")
    tab.click("#infill-split")
    wait_for_code(tab, PREFIX, "if 🙂")
    assert code_in(tab, SUFFIX) == ""
    tab.click("#infill-undo")
    wait_for_code(tab, PREFIX, "if 🙂???")


def test_the_whole_file_follows_what_is_typed_and_stays_once_all_is_accepted(tab: Page) -> None:
    type_code(tab, PREFIX, "SAY: a + b")
    type_code(tab, SUFFIX, ")\n")
    whole = tab.locator(f"#{WHOLE} code")
    tab.click("#infill-run")
    wait_until_over(tab, "infill")
    type_code(tab, SUFFIX, "]\n")
    expect(whole).to_have_text("SAY: a + ba + b]\n", use_inner_text=False, timeout=TIMEOUT)
    tab.click("#infill-take")
    wait_for_code(tab, PREFIX, "SAY: a + ba + b")
    expect(whole).to_have_text("SAY: a + ba + b]\n", use_inner_text=False, timeout=TIMEOUT)
    type_code(tab, SUFFIX, "}\n")
    expect(whole).to_have_text("SAY: a + ba + b}\n", use_inner_text=False, timeout=TIMEOUT)
    tab.click("#infill-clear")
    expect(whole).to_have_count(0, timeout=TIMEOUT)


def test_several_gaps_are_filled_in_turn_and_undone_one_by_one(tab: Page) -> None:
    type_code(tab, PREFIX, "a <FILL_HERE> b <FILL_HERE> c")
    type_code(tab, SUFFIX, "<FILL_HERE> # SAY: xy")
    tab.click("#infill-run")
    expect(status(tab, "infill")).to_contain_text("Gap 3 of 3", timeout=TIMEOUT)
    wait_until_over(tab, "infill")
    expect(tab.locator(f"#{PREFIX} .cm-content")).to_have_text("a xy b xy c")
    assert generated(tab, WHOLE) == "xy"
    tab.click("#infill-undo")
    expect(tab.locator(f"#{SUFFIX} .cm-content")).to_have_text(" c<FILL_HERE> # SAY: xy")
    wait_for_code(tab, PREFIX, "a xy b ")
    for _ in range(2):
        tab.click("#infill-undo")
    expect(tab.locator(f"#{PREFIX} .cm-content")).to_have_text("a <FILL_HERE> b <FILL_HERE> c")
    wait_for_code(tab, SUFFIX, "<FILL_HERE> # SAY: xy")


def test_stop_ends_all_gaps_and_what_is_there_stays(tab: Page) -> None:
    long = "y" * 2000
    setting(tab, "infill", "max_new_tokens").fill("2000")
    type_code(tab, PREFIX, f"a <FILL_HERE> b <FILL_HERE> # SAY: {long}")
    tab.click("#infill-run")
    wait_for_text(tab, f"#{MIDDLE} .pg-new", 5)
    tab.keyboard.press("Escape")
    expect(status(tab, "infill")).to_contain_text("stopped by you", timeout=TIMEOUT)
    expect(status(tab, "infill")).to_contain_text("Gap 1 of 2")
    wait_for_code(tab, PREFIX, "a ")
    wait_for_code(tab, SUFFIX, f" b <FILL_HERE> # SAY: {long}")
    assert generated(tab, MIDDLE).startswith("yyyyy")
    # What is taken over closes that gap: the next one is the mark's.
    tab.click("#infill-take")
    type_code(tab, SUFFIX, " b <FILL_HERE> # SAY: z")
    tab.click("#infill-run")
    # Its text, because the former run's status says that it is over.
    expect(tab.locator(f"#{MIDDLE} .pg-new")).to_have_text("z", timeout=TIMEOUT)
    wait_until_over(tab, "infill")
    assert code_in(tab, PREFIX).endswith("y b ")


def test_the_middle_is_taken_over_and_undone(tab: Page) -> None:
    type_code(tab, PREFIX, "SAY: body")
    tab.click("#infill-run")
    wait_until_over(tab, "infill")
    tab.click("#infill-take")
    expect(tab.locator(f"#{PREFIX} .cm-content")).to_have_text("SAY: bodybody")
    tab.click("#infill-undo")
    expect(tab.locator(f"#{PREFIX} .cm-content")).to_have_text("SAY: body")
    expect(tab.locator(f"#{MIDDLE} .pg-new")).to_have_text("body")


def test_stop_keeps_the_middle(tab: Page) -> None:
    setting(tab, "infill", "max_new_tokens").fill("2000")
    type_code(tab, PREFIX, "SAY: " + "y" * 2000)
    tab.click("#infill-run")
    wait_for_text(tab, f"#{MIDDLE} .pg-new", 5)
    tab.keyboard.press("Escape")
    expect(status(tab, "infill")).to_contain_text("stopped by you", timeout=TIMEOUT)
    wait_for_text(tab, f"#{WHOLE} .pg-new", 5)
    assert generated(tab, WHOLE).startswith("yyyyy")


def test_an_example_fills_both_boxes(tab: Page) -> None:
    tab.click("#infill-example-2")
    expect(tab.locator(f"#{PREFIX} .cm-content")).to_contain_text("def largest")
    assert code_in(tab, PREFIX).endswith("        if ")
    assert code_in(tab, SUFFIX).startswith(":\n")


def test_the_order_can_be_chosen_where_the_model_knows_both(tab: Page) -> None:
    tab.get_by_label("Suffix, prefix, middle").check()
    type_code(tab, PREFIX, "SAY: z")
    tab.click("#infill-run")
    wait_until_over(tab, "infill")
    assert generated(tab, MIDDLE) == "z"


def test_what_repeats_the_suffix_is_trimmed_shown_and_kept_on_request(tab: Page) -> None:
    text = "a = first()\n    return a + second"
    type_code(tab, PREFIX, f"SAY: {text}<FILL_HERE>\n    return a + second\n")
    tab.click("#infill-run")
    wait_until_over(tab, "infill")
    assert generated(tab, MIDDLE) == "a = first()"
    expect(tab.locator(f"#{MIDDLE} .pg-cut")).to_have_text("return a + second")
    expect(tab.locator("#infill-middle-trimmed")).to_contain_text("repeats what follows")
    assert generated(tab, WHOLE) == "a = first()"
    tab.click("#infill-keep")
    expect(tab.locator("#infill-keep")).to_be_hidden()
    assert generated(tab, WHOLE) == text
    tab.click("#infill-undo")
    expect(tab.locator(f"#{MIDDLE} .pg-cut")).to_have_text("return a + second")


def test_a_middle_that_does_not_parse_is_flagged_at_its_line_and_told(tab: Page) -> None:
    type_code(tab, PREFIX, "# SAY: a = (1,\n<FILL_HERE>")
    tab.click("#infill-run")
    wait_until_over(tab, "infill")
    expect(tab.locator("#infill-syntax")).to_contain_text("line 2: '(' was never closed")
    expect(tab.locator(f"#{WHOLE} .pg-new .pg-fault")).to_have_text("a = (1,")
    tab.locator("#infill-language input").click()
    tab.get_by_role("option", name="Go", exact=True).click()
    tab.click("#infill-run")
    wait_until_over(tab, "infill")
    expect(tab.locator("#infill-syntax")).to_be_hidden()
    expect(tab.locator(f"#{WHOLE} .pg-fault")).to_have_count(0)


def test_a_middle_is_taken_word_by_word_and_line_by_line_and_undone(tab: Page) -> None:
    type_code(tab, PREFIX, "<FILL_HERE>\n# SAY: a = b\n  c")
    expect(tab.locator("#infill-take-word")).to_be_hidden()
    tab.click("#infill-run")
    wait_until_over(tab, "infill")
    middle = tab.locator(f"#{MIDDLE} .pg-new")
    prefix = tab.locator(f"#{PREFIX} .cm-content")
    tab.click("#infill-take-word")
    expect(middle).to_have_text(" = b\n  c")
    assert generated(tab, WHOLE) == generated(tab, MIDDLE)
    expect(prefix).to_have_text("a")
    tab.click("#infill-take-line")
    expect(middle).to_have_text("  c")
    tab.click("#infill-take-word")
    expect(middle).to_have_count(0)
    expect(tab.locator("#infill-take")).to_be_hidden()
    wait_for_code(tab, PREFIX, "a = b\n  c")
    for rest in ("  c", " = b\n  c", "a = b\n  c"):
        tab.click("#infill-undo")
        expect(middle).to_have_text(rest)


def test_samples_are_listed_as_diffs_with_duplicates_told(tab: Page) -> None:
    setting(tab, "infill", "samples").fill("2")
    type_code(tab, PREFIX, "a = <FILL_HERE>\n# SAY: b")
    tab.click("#infill-run")
    expect(status(tab, "infill")).to_contain_text("Sample 2 of 2", timeout=TIMEOUT)
    wait_until_over(tab, "infill")
    expect(tab.locator("#infill-sample-1")).to_contain_text("in the gap")
    expect(tab.locator("#infill-sample-1 .pg-added")).to_have_text("+ a = b")
    # The script knows no chance: both are the same, and nothing can be chosen.
    expect(tab.locator("#infill-sample-2")).to_contain_text("the same as 1")
    expect(tab.locator("#infill-sample-2-use")).to_be_hidden()
    tab.click("#infill-take")
    expect(tab.locator("#infill-sample-1")).to_be_hidden()

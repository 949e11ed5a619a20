"""Several texts for one prompt in the Continue tab, over the scripted engine."""

from __future__ import annotations

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.tabs import (
    TIMEOUT,
    code_in,
    generated,
    open_page,
    setting,
    status,
    type_code,
    wait_for_code,
    wait_for_text,
    wait_until_over,
)
from tests.browser.test_page_axe import faults_of
from tests.browser.test_page_keeping import history, wait_until_kept
from tests.servers import RunningApp

pytestmark = pytest.mark.browser

PROMPT = "continue-prompt"


@pytest.fixture
def tab(page: Page, scripted_app: RunningApp) -> Page:
    open_page(page, scripted_app.url)
    return page


def ask(page: Page, prompt: str, samples: int) -> None:
    setting(page, "continue", "samples").fill(str(samples))
    type_code(page, PROMPT, prompt)
    page.click("#continue-run")


def card(page: Page, number: int) -> Locator:
    return page.locator(f"#continue-sample-{number}")


def text_of(page: Page, number: int) -> str | None:
    return card(page, number).locator(".pg-new").text_content()


def wait_for_choice(page: Page) -> None:
    expect(status(page, "continue")).to_contain_text("to choose from", timeout=TIMEOUT)
    expect(page.locator("#continue-run")).to_be_visible()


def test_samples_stand_side_by_side_with_figures_and_the_editor_keeps_its_text(tab: Page) -> None:
    setting(tab, "continue", "seed").fill("7")
    ask(tab, "a\n# SAY: <b>x</b> ${1}", 3)
    wait_for_choice(tab)
    for number in (1, 2, 3):
        assert text_of(tab, number) == "<b>x</b> ${1}"
        expect(card(tab, number)).to_contain_text("ended by itself")
        expect(card(tab, number)).to_contain_text("tokens/s")
        expect(card(tab, number)).to_contain_text(f"seed {6 + number}")
    expect(card(tab, 4)).to_be_hidden()
    assert code_in(tab, PROMPT) == "a\n# SAY: <b>x</b> ${1}"
    places = [card(tab, number).bounding_box() for number in (1, 2, 3)]
    assert all(places)
    assert len({place["y"] for place in places if place}) == 1


def test_on_a_phone_they_stand_one_below_the_other(tab: Page) -> None:
    ask(tab, "SAY: x", 2)
    wait_for_choice(tab)
    tab.set_viewport_size({"width": 390, "height": 844})
    first, second = (card(tab, number).bounding_box() for number in (1, 2))
    assert first
    assert second
    assert second["y"] >= first["y"] + first["height"]
    assert tab.evaluate("document.documentElement.scrollWidth") == 390


def test_one_is_used_then_another_and_undo_leads_all_the_way_back(tab: Page) -> None:
    prompt = "SAY: x"
    ask(tab, prompt, 2)
    wait_for_choice(tab)
    card(tab, 2).get_by_role("button", name="Use this").click()
    wait_for_code(tab, PROMPT, prompt + "x")
    assert generated(tab, PROMPT) == "x"
    expect(status(tab, "continue")).to_contain_text("Sample 2 is in the editor")
    tab.locator(f"#{PROMPT} .cm-content").click()
    tab.keyboard.press("Control+End")
    tab.keyboard.insert_text(" mine")
    card(tab, 1).get_by_role("button", name="Use this").click()
    expect(status(tab, "continue")).to_contain_text("Sample 1 is in the editor")
    wait_for_code(tab, PROMPT, prompt + "x")
    tab.click("#continue-undo")
    wait_for_code(tab, PROMPT, prompt + "x mine")
    tab.click("#continue-undo")
    wait_for_code(tab, PROMPT, prompt)
    expect(card(tab, 2)).to_be_visible()


def test_stop_ends_the_one_and_those_that_follow_and_keeps_what_came(tab: Page) -> None:
    ask(tab, "SAY: " + "x" * 200, 3)
    wait_for_text(tab, "#continue-sample-1 .pg-new", 10)
    expect(card(tab, 3)).to_contain_text("Waits for its turn")
    expect(card(tab, 1).get_by_role("button", name="Use this")).to_be_hidden()
    tab.click("#continue-stop")
    wait_for_choice(tab)
    expect(status(tab, "continue")).to_contain_text("1 of 3 texts")
    expect(card(tab, 1)).to_contain_text("stopped by you")
    expect(card(tab, 2)).to_be_hidden()
    came = text_of(tab, 1) or ""
    assert 10 <= len(came) < 200
    card(tab, 1).get_by_role("button", name="Use this").click()
    wait_for_code(tab, PROMPT, "SAY: " + "x" * 200 + came)


def test_regenerate_asks_anew_from_the_same_prompt_and_further_goes_on_from_the_used_one(
    tab: Page,
) -> None:
    ask(tab, "SAY: x", 2)
    wait_for_choice(tab)
    card(tab, 1).get_by_role("button", name="Use this").click()
    wait_for_code(tab, PROMPT, "SAY: xx")
    tab.click("#continue-further")
    expect(card(tab, 1).locator(".pg-new")).to_have_text("xx", timeout=TIMEOUT)
    wait_for_choice(tab)
    card(tab, 2).get_by_role("button", name="Use this").click()
    wait_for_code(tab, PROMPT, "SAY: xxxx")
    tab.click("#continue-regenerate")
    wait_for_code(tab, PROMPT, "SAY: xx")
    wait_for_choice(tab)
    assert text_of(tab, 2) == "xx"
    assert code_in(tab, PROMPT) == "SAY: xx"


def test_each_sample_is_in_the_history_and_all_are_there_after_a_reload(tab: Page) -> None:
    ask(tab, "SAY: x", 3)
    wait_for_choice(tab)
    expect(history(tab, "continue")).to_have_count(3)
    wait_until_kept(tab, "Sample 3")
    tab.reload()
    expect(card(tab, 3)).to_contain_text("ended by itself", timeout=TIMEOUT)
    expect(setting(tab, "continue", "samples")).to_have_value("3")
    setting(tab, "continue", "samples").fill("1")
    history(tab, "continue").first.locator(".pg-kept-entry").click()
    wait_for_code(tab, PROMPT, "SAY: xx")
    expect(setting(tab, "continue", "samples")).to_have_value("3")
    tab.click("#continue-undo")
    wait_for_code(tab, PROMPT, "SAY: x")
    card(tab, 3).get_by_role("button", name="Use this").click()
    wait_for_code(tab, PROMPT, "SAY: xx")


def test_a_reload_keeps_what_has_come_of_a_text(tab: Page) -> None:
    ask(tab, "SAY: " + "ab" * 200, 2)
    wait_for_text(tab, "#continue-sample-1 .pg-new", 20)
    wait_until_kept(tab, '"text":"abababab')
    tab.reload()
    expect(card(tab, 1)).to_contain_text("Cut off by a reload", timeout=TIMEOUT)
    came = text_of(tab, 1) or ""
    assert came.startswith("abababab")
    card(tab, 1).get_by_role("button", name="Use this").click()
    wait_for_code(tab, PROMPT, "SAY: " + "ab" * 200 + came)


def test_a_single_text_takes_the_place_of_the_cards(tab: Page) -> None:
    ask(tab, "SAY: x", 2)
    wait_for_choice(tab)
    setting(tab, "continue", "samples").fill("1")
    tab.click("#continue-run")
    wait_until_over(tab, "continue")
    expect(card(tab, 1)).to_be_hidden()
    assert code_in(tab, PROMPT) == "SAY: xx"


def test_what_cannot_be_asked_several_times_is_refused_in_words(tab: Page) -> None:
    ask(tab, "SAY: x", 2)
    wait_for_choice(tab)
    tab.locator("#continue-probabilities input").check()
    tab.click("#continue-run")
    expect(status(tab, "continue")).to_contain_text("one text at a time", timeout=TIMEOUT)
    setting(tab, "continue", "samples").fill("9")
    tab.click("#continue-run")
    expect(status(tab, "continue")).to_contain_text("from 1 to 4", timeout=TIMEOUT)
    assert text_of(tab, 1) == "x"


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing_serious_in_the_cards(
    page: Page, scripted_app: RunningApp, theme: str
) -> None:
    open_page(page, f"{scripted_app.url}/?__theme={theme}")
    ask(page, "SAY: x", 2)
    wait_for_choice(page)
    card(page, 1).hover()
    assert faults_of(page) == []


def compare_with(page: Page, title: str) -> None:
    page.locator("#continue-compare input").click()
    page.get_by_role("option", name=title, exact=True).click()
    expect(page.locator("#continue-compare input")).to_have_value(title)


def test_two_presets_are_compared_under_the_same_seed_and_named_by_what_differs(tab: Page) -> None:
    setting(tab, "continue", "seed").fill("11")
    compare_with(tab, "Creative")
    type_code(tab, PROMPT, "SAY: x")
    tab.click("#continue-run")
    wait_for_choice(tab)
    expect(card(tab, 1).locator("header")).to_contain_text("As set · temperature 0.2")
    expect(card(tab, 2).locator("header")).to_contain_text("Creative · temperature 0.9, top-p 1")
    for number in (1, 2):
        assert text_of(tab, number) == "x"
        expect(card(tab, number)).to_contain_text("seed 11")
    bring_back = history(tab, "continue").first.locator(".pg-kept-entry")
    bring_back.click()
    wait_for_code(tab, PROMPT, "SAY: xx")
    expect(setting(tab, "continue", "temperature")).to_have_value("0.9")
    card(tab, 1).get_by_role("button", name="Use this").click()
    expect(status(tab, "continue")).to_contain_text(
        "As set · temperature 0.2, top-p 0.95, min-p 0 is"
    )


def test_a_preset_of_ones_own_can_be_compared_with_as_it_is_now(tab: Page) -> None:
    def save(tokens: str) -> None:
        setting(tab, "continue", "max_new_tokens").fill(tokens)
        tab.click("#continue-preset-save-as")
        name = tab.locator("#continue-preset-name :is(input, textarea)")
        name.fill("Mine")
        name.press("Enter")
        expect(tab.locator("#continue-preset-note")).to_contain_text("“Mine”")

    save("2")
    setting(tab, "continue", "max_new_tokens").fill("50")
    compare_with(tab, "Mine")
    save("3")
    expect(tab.locator("#continue-preset-note")).to_contain_text("Replaced")
    setting(tab, "continue", "max_new_tokens").fill("50")
    type_code(tab, PROMPT, "SAY: abcdef")
    tab.click("#continue-run")
    wait_for_choice(tab)
    expect(card(tab, 2).locator("header")).to_contain_text("Mine · max new tokens 3")
    assert (text_of(tab, 1), text_of(tab, 2)) == ("abcdef", "abc")


def test_a_comparison_with_what_is_set_is_refused_in_words(tab: Page) -> None:
    compare_with(tab, "Recommended")
    type_code(tab, PROMPT, "SAY: x")
    tab.click("#continue-run")
    expect(status(tab, "continue")).to_contain_text("nothing to compare", timeout=TIMEOUT)
    expect(card(tab, 1)).to_be_hidden()

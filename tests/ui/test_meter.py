from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import gradio as gr
import pytest

from model.errors import PromptError
from model.fitting import ContextUse
from model.prompts.dialogue import Message
from model.requests import ChatRequest, CompletionRequest
from model.sampling import SamplingParams
from model.service import GenerationService
from model.trimming import Dropped
from ui.meter import Meter, Reading, render_meter

PARAMS = SamplingParams(max_new_tokens=256)


def widths(html: str) -> list[float]:
    return [float(width) for width in re.findall(r"width:([\d.]+)%", html)]


def test_what_fits_is_shown_with_both_shares() -> None:
    html = render_meter(ContextUse(1204, 6988, 8192), 256)
    assert "1,204 of 8,192 tokens · 256 for the completion" in html
    assert widths(html) == pytest.approx([100 * 1204 / 8192, 100 * 256 / 8192], abs=0.01)
    assert "pg-fits" in html
    assert 'aria-valuenow="1204"' in html


def test_a_completion_that_is_cut_short_is_told_before_it_runs() -> None:
    html = render_meter(ContextUse(8100, 92, 8192), 256)
    assert "only 92 for the completion" in html
    assert "pg-tight" in html


def test_what_will_be_left_out_is_told_with_the_reason() -> None:
    dropped = (Dropped("prefix", "start", 2310), Dropped("suffix", "end", 12))
    html = render_meter(ContextUse(10_258, 256, 8192, dropped), 256)
    assert "10,258 of 8,192 tokens" in html
    assert (
        "2,310 tokens will be left out from the start of the prefix and 12 tokens will be left out "
        "from the end of the suffix: beside 256 for the completion, 7,936 fit."
    ) in html
    assert "pg-over" in html
    assert sum(widths(html)) == pytest.approx(100, abs=0.02)


def test_turns_are_counted_too() -> None:
    html = render_meter(ContextUse(9000, 1000, 8192, (Dropped("user", "start", 1808, 3),)), 512)
    assert "1,808 tokens (3 turns) will be left out from the start of the conversation" in html


def test_what_cannot_be_made_to_fit_is_said_so() -> None:
    html = render_meter(ContextUse(9000, 0, 8192), 256)
    assert "cannot be cut to fit" in html
    assert widths(html) == [100, 0]


def test_a_title_is_text() -> None:
    assert '<b translate="no">A &lt;model&gt;</b>' in render_meter(
        ContextUse(1, 99, 100), 1, "A <model>"
    )


@pytest.fixture
async def show(service: GenerationService) -> Callable[..., Any]:
    """What a meter shows of the readings that a function makes."""

    async def run(read: Callable[..., list[Reading]], *values: Any) -> str:
        with gr.Blocks():
            meter = Meter(service.residency, "meter")
        return await meter.measure(read, *values)

    return run


async def test_it_measures_with_the_resident_models(show: Callable[..., Any]) -> None:
    html = await show(lambda text: [Reading(CompletionRequest(text, PARAMS))], "x" * 300)
    assert "300 of 8,192 tokens" in html


async def test_several_have_a_bar_each(show: Callable[..., Any]) -> None:
    chat = ChatRequest("", (Message("user", "hi"),), PARAMS)
    html = await show(lambda: [Reading(chat, "One"), Reading(CompletionRequest("", PARAMS), "Two")])
    assert html.count('role="meter"') == 2
    assert html.index("One") < html.index("Two")


async def test_what_no_model_can_take_is_a_hint_and_no_traceback(show: Callable[..., Any]) -> None:
    html = await show(lambda text: [Reading(CompletionRequest(text, PARAMS))], "a\x00b")
    assert "NUL" in html
    assert 'role="meter"' not in html

    def refuse() -> list[Reading]:
        raise PromptError("Two <gaps>.", "Leave one.")

    assert "Two &lt;gaps&gt;. Leave one." in await show(refuse)


async def test_without_a_model_there_is_nothing_to_show(service: GenerationService) -> None:
    service.residency._slots["base"].set_loading("loading")
    with gr.Blocks():
        meter = Meter(service.residency, "meter")
    assert await meter.measure(lambda: [Reading(CompletionRequest("x", PARAMS))]) == ""

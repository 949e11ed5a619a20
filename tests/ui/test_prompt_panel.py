from __future__ import annotations

import re
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import gradio as gr
import pytest

from model.errors import GenerationError, PromptError, SamplingParamsError
from model.prompts.dialogue import Message
from model.requests import ChatRequest, CompletionRequest, InfillRequest
from model.sampling import SamplingParams
from model.service import GenerationService
from ui.prompt_panel import IDS, PromptPanel, Wanted

ADDRESS = "https://here.example"
REQUEST = SimpleNamespace(headers={"host": "there:7860"})
PARAMS = SamplingParams()
CHAT = ChatRequest("", (Message("user", "hi"),), PARAMS)

Show = Callable[..., Any]


@pytest.fixture
def show(service: GenerationService) -> Show:
    """The panel's prompt and call for the requests that a function makes."""

    async def run(
        read: Callable[[], list[Wanted]],
        *,
        look: list[str] | None = None,
        form: str = "curl",
        address: str = ADDRESS,
    ) -> tuple[str, str]:
        with gr.Blocks() as blocks:
            panel = PromptPanel(service.residency, "tab", "Generate")
            panel.follow([], read)
        (event,) = [fn for fn in blocks.fns.values() if fn.fn is not None]
        html: tuple[str, str] = await event.fn(REQUEST, look, form, address)
        return html

    return run


def carry_on(text: str) -> Callable[[], list[Wanted]]:
    return lambda: [Wanted(CompletionRequest(text, PARAMS))]


async def test_it_shows_what_the_resident_model_gets_and_a_call_for_it(show: Show) -> None:
    view, call = await show(carry_on("x = 1"))
    assert "Prompt for Script without a model" in view
    assert ">x = 1</span>" in view
    assert f"curl -sS {ADDRESS}/v1/completions" in re.sub("<[^>]+>", "", call)


async def test_the_ids_come_on_request(show: Show) -> None:
    assert "data-id" not in (await show(carry_on("x")))[0]
    assert 'data-id="120"' in (await show(carry_on("x"), look=[IDS]))[0]


async def test_the_call_comes_in_the_form_that_is_chosen(show: Show) -> None:
    assert "gradio_client" in (await show(carry_on("x"), form="gradio-client"))[1]
    assert "curl" in (await show(carry_on("x"), form="of nobody"))[1]


async def test_an_address_that_is_none_is_not_put_into_a_command(show: Show) -> None:
    _, call = await show(carry_on("x"), address="https://x$(touch y)")
    assert "http://there:7860/v1" in call
    assert "touch" not in call


async def test_nothing_typed_is_a_hint_and_no_call(show: Show) -> None:
    view, call = await show(carry_on(""))
    assert "Write something to carry on from." in view
    assert 'role="note"' in view
    assert call == ""


@pytest.mark.parametrize("text", ["a\ud800", "a\x00"])
async def test_what_no_model_can_take_is_a_hint_that_says_where(show: Show, text: str) -> None:
    view, call = await show(carry_on(text))
    assert "line 1, column 2" in view
    assert call == ""


async def test_a_setting_that_cannot_be_read_is_named(show: Show) -> None:
    def read() -> list[Wanted]:
        raise SamplingParamsError("top_p", "It is <empty>.")

    view, call = await show(read)
    assert "Top-p: It is &lt;empty&gt;." in view
    assert call == ""


async def test_what_no_request_can_be_made_of_is_a_hint(show: Show) -> None:
    def read() -> list[Wanted]:
        raise PromptError("Two <gaps>.", "Leave one.")

    assert "Two &lt;gaps&gt;." in (await show(read))[0]


async def test_a_model_that_is_not_there_is_named(show: Show, service: GenerationService) -> None:
    slots = service.residency._slots
    slots["base"].set_loading("loading")
    assert "Script without a model is still loading." in (await show(carry_on("x")))[0]
    slots["base"].set_failed(GenerationError("It broke."))
    view, call = await show(carry_on("x"))
    assert "could not be loaded" in view
    assert call == ""
    slots["base"].set_parked()
    assert "has made room" in (await show(carry_on("x")))[0]


async def test_a_model_that_cannot_infill_says_so(show: Show, service: GenerationService) -> None:
    slot = service.residency._slots["base"]
    resident = slot.status.resident  # type: ignore[union-attr]
    object.__setattr__(resident, "infill", None)
    view, call = await show(lambda: [Wanted(InfillRequest("a", "b", PARAMS))])
    assert "has no fill-in-the-middle tokens" in view
    assert call == ""


async def test_several_answerers_have_a_prompt_and_a_call_each(show: Show) -> None:
    async def make() -> CompletionRequest:
        return CompletionRequest("later", PARAMS)

    view, call = await show(lambda: [Wanted(CHAT, "One <a>", "Note."), Wanted(make, "Two")])
    first, second = (view.index(f">{title}</h4>") for title in ("One &lt;a&gt;", "Two"))
    assert first < view.index("Note.") < second
    assert ">later</span>" in view
    assert call.count("<h4") == 2

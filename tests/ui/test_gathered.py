from __future__ import annotations

import inspect
import json
from collections.abc import AsyncGenerator
from typing import Any

import gradio as gr

from model.loading.assistant_prompt import AssistantPromptSource
from model.service import GenerationService
from ui.actions import INSTANT
from ui.gathered import Gathered
from ui.page import build_page

TURNS = [{"role": "user", "content": [{"type": "text", "text": "<b> stays & so does\n\tthis"}]}]


def gathered_of(*components: Any) -> Gathered:
    return Gathered(components)


def on_the_server(gathered: Gathered, *left: Any, sent: list[Any]) -> list[Any]:
    """What a handler gets of values that the page gathered."""
    return gathered.read(gathered.inputs[0].preprocess(json.dumps(sent)), *left)


async def test_values_arrive_in_the_order_of_their_components() -> None:
    with gr.Blocks():
        state, box, choice, number = gr.State(()), gr.Textbox(), gr.Radio(["a"]), gr.Number()
        gathered = gathered_of(box, state, number, choice)
    assert gathered.inputs[1:] == [state, choice]
    values = on_the_server(gathered, ("kept",), "a", sent=["text", 3])
    assert values == ["text", ("kept",), 3, "a"]


async def test_each_value_is_what_its_component_makes_of_it() -> None:
    with gr.Blocks():
        chatbot, box = gr.Chatbot(), gr.Textbox()
        gathered = gathered_of(chatbot, box, gr.Checkbox(), gr.Number(precision=0))
    talk, text, on, number = on_the_server(gathered, sent=[TURNS, None, True, 2.0])
    assert talk == chatbot.preprocess(chatbot.data_model.model_validate(TURNS))
    assert talk[0]["content"][0]["text"] == "<b> stays & so does\n\tthis"
    assert (text, on) == (None, True)
    assert type(number) is int


async def test_before_anything_was_gathered_all_is_empty() -> None:
    with gr.Blocks():
        gathered = gathered_of(gr.Textbox(), gr.State(1))
    assert gathered.read(gathered.inputs[0].preprocess(""), 1) == [None, 1]


async def test_a_run_gets_the_request_and_all_values() -> None:
    got: list[Any] = []

    async def run(request: gr.Request, *values: Any) -> AsyncGenerator[str, None]:
        got.extend((request, *values))
        yield "first"
        yield "last"

    with gr.Blocks() as blocks:
        box, state, button = gr.Textbox(), gr.State(()), gr.Button()
        gathered_of(state, box).ask(button.click, run, [box], **INSTANT)
    fn = next(each.fn for each in blocks.fns.values() if each.fn)
    request = gr.Request()
    assert inspect.isasyncgenfunction(fn)
    assert [step async for step in fn(request, ["written"], ("kept",))] == ["first", "last"]
    assert got == [request, ("kept",), "written"]


async def test_what_is_asked_again_and_again_in_chat_has_few_inputs(
    service: GenerationService,
) -> None:
    # Each one is looked up in the whole page at each step of every later stream.
    page = build_page(service, AssistantPromptSource(), is_public=False, deadline=None)
    counts = [
        len(fn.inputs)
        for fn in page.blocks.fns.values()
        if getattr(fn.fn, "__qualname__", "").startswith(("Gathered.", "Meter."))
    ]
    assert len(counts) == 7
    assert max(counts) <= 6

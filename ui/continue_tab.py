"""The Continue tab: the model carries on from what stands in the editor."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import replace
from typing import Any

import gradio as gr

from model.errors import InvalidInputError
from model.loading.residency import Residency
from model.requests import CompletionRequest
from ui.actions import (
    INSTANT,
    RUN_HINT,
    STREAMING,
    Updates,
    build_button,
    build_html,
    build_run_buttons,
)
from ui.controls import CONTINUE_DEFAULTS, build_controls, read_max_new_tokens, read_params
from ui.editor import build_editor, build_language_choice, follow_language
from ui.examples import CONTINUE_EXAMPLES, ContinueExample
from ui.history import History
from ui.languages import language_of
from ui.marked_text import with_generated
from ui.meter import Meter, Reading
from ui.notices import error_notice
from ui.progress import Progress
from ui.prompt_panel import PromptPanel, Wanted
from ui.result import continuation_pane, streaming_pane, tail_start
from ui.runs import Runs
from ui.status import IDLE, render_status, say

TAB = "continue"

# What undo brings back: the prompt, and what was generated after it.
Content = tuple[str, str]


class ContinueTab:
    """Builds the tab where it is called. It keeps components, never what they hold."""

    def __init__(self, residency: Residency, runs: Runs) -> None:
        self._residency = residency
        self._runs = runs
        self._history = gr.State(History())
        self._generated = gr.State("")
        with gr.Row(elem_classes="pg-columns"):
            with gr.Column(elem_classes="pg-work", min_width=0):
                self._build_work()
            with (
                gr.Column(elem_classes="pg-side", scale=0, min_width=0),
                gr.Accordion("Settings", elem_classes="pg-settings") as self.settings,
            ):
                self._controls = build_controls(CONTINUE_DEFAULTS, TAB)
        self._wire()

    def measure_on(self, *triggers: Any) -> None:
        """Have the context's meter follow the typing, and these events of the page."""
        inputs = [self._editor, self._controls.max_new_tokens]
        typing = [component.change for component in inputs]
        gr.on(typing, **self._meter.listener(inputs, _read))
        gr.on(triggers, **self._meter.listener(inputs, _read, is_alone=False))

    def explain_on(self, *triggers: Any, needs_key: bool) -> None:
        """Have the exact prompt follow what is typed and set, and these events of the page."""
        inputs = [self._editor, *self._controls.components]
        changes = [component.change for component in inputs]
        self._prompt.follow(inputs, _wanted, *changes, *triggers, needs_key=needs_key)

    def _build_work(self) -> None:
        with gr.Row(elem_classes="pg-toolbar"):
            self._language = build_language_choice(f"{TAB}-language")
            with gr.Row(elem_classes="pg-examples"):
                self._examples = [
                    build_button(example.title, f"{TAB}-example-{number}")
                    for number, example in enumerate(CONTINUE_EXAMPLES, start=1)
                ]
        self._editor = build_editor("Prompt", f"{TAB}-prompt", lines=10, max_lines=24)
        self._meter = Meter(self._residency, f"{TAB}-context")
        with gr.Row(elem_classes="pg-actions"):
            self._buttons = build_run_buttons("Generate", TAB)
            self._further = build_button("Continue further", f"{TAB}-further")
            self._use = build_button("Use as prompt", f"{TAB}-use")
            self._undo = build_button("Undo", f"{TAB}-undo")
            self._redo = build_button("Redo", f"{TAB}-redo")
            self._clear = build_button("Clear", f"{TAB}-clear")
            steps = (self._further, self._use, self._undo, self._redo, self._clear)
            self._buttons = replace(self._buttons, locked=(*steps, *self._examples))
            build_html(RUN_HINT, f"{TAB}-hint", "pg-hint")
        self._status = build_html(IDLE, f"{TAB}-status")
        self._pane = build_html("", f"{TAB}-result", "pg-pane", autoscroll=True, max_height="60vh")
        self._prompt = PromptPanel(self._residency, TAB, "Generate")

    def _wire(self) -> None:
        follow_language(self._language, self._editor)
        content = [self._editor, self._generated, self._history]
        shown = [*content, self._pane, self._status]
        generate: dict[str, Any] = {
            "fn": self._generate,
            "inputs": [*content, self._language, *self._controls.components],
            "outputs": [*shown, *self._buttons.outputs],
            **STREAMING,
        }
        self._buttons.run.click(**generate)
        self._buttons.stop.click(self._stop, None, self._buttons.outputs, **INSTANT)
        self._use.click(self._use_as_prompt, content, shown, **INSTANT)
        self._further.click(self._use_as_prompt, content, shown, **INSTANT).success(**generate)
        self._clear.click(self._clear_all, content, shown, **INSTANT)
        stepping = [*content, self._language]
        self._undo.click(self._undo_step, stepping, shown, **INSTANT)
        self._redo.click(self._redo_step, stepping, shown, **INSTANT)
        for button, example in zip(self._examples, CONTINUE_EXAMPLES, strict=True):
            button.click(
                self._example_loader(example), content, [*shown, self._language], **INSTANT
            )

    async def _generate(
        self,
        request: gr.Request,
        prompt: str | None,
        generated: str,
        history: History[Content],
        language: str,
        *settings: Any,
    ) -> AsyncGenerator[Updates, None]:
        prompt = prompt or ""
        try:
            completion = CompletionRequest(prompt, read_params(settings))
        except InvalidInputError as error:
            yield {self._status: error_notice(error)}
            return
        yield self._buttons.running() | {self._status: render_status(Progress())}
        given = prompt[tail_start(prompt) :]
        progress = Progress()
        session = str(request.session_hash)
        async with aclosing(self._runs.start(completion, session, TAB)) as steps:
            async for progress in steps:
                updates: Updates = {self._status: render_status(progress)}
                if progress.text and not progress.is_over:
                    updates[self._pane] = streaming_pane(given, progress.text)
                yield updates
        updates = self._buttons.idle()
        if progress.text:
            if generated:
                updates[self._history] = history.record((prompt, generated))
            lexer = language_of(language).lexer
            updates[self._pane] = await continuation_pane(prompt, progress.text, lexer)
            updates[self._generated] = progress.text
            is_cut = progress.was_cut
            variant = "primary" if is_cut else "secondary"
            updates[self._further] = gr.update(variant=variant, interactive=True)
        yield updates

    def _stop(self, request: gr.Request) -> Updates:
        self._runs.stop(str(request.session_hash), TAB)
        return self._buttons.idle()

    def _use_as_prompt(
        self, prompt: str | None, generated: str, history: History[Content]
    ) -> Updates:
        if not generated:
            return {self._status: IDLE}
        prompt = prompt or ""
        text = with_generated(prompt, generated)
        return self._replace(text, history.record((prompt, generated)))

    def _clear_all(self, prompt: str | None, generated: str, history: History[Content]) -> Updates:
        if not prompt and not generated:
            return {self._status: IDLE}
        updates = self._replace("", history.record((prompt or "", generated)))
        return updates | {self._status: say("Cleared · Undo brings it back")}

    def _example_loader(self, example: ContinueExample) -> Any:
        def load(prompt: str | None, generated: str, history: History[Content]) -> Updates:
            if prompt or generated:
                history = history.record((prompt or "", generated))
            language = gr.update(value=example.language)
            return self._replace(example.prompt, history) | {self._language: language}

        return load

    async def _undo_step(
        self, prompt: str | None, generated: str, history: History[Content], language: str
    ) -> Updates:
        history, content = history.undo((prompt or "", generated))
        return await self._restore(history, content, language)

    async def _redo_step(
        self, prompt: str | None, generated: str, history: History[Content], language: str
    ) -> Updates:
        history, content = history.redo((prompt or "", generated))
        return await self._restore(history, content, language)

    async def _restore(self, history: History[Content], content: Content, language: str) -> Updates:
        prompt, generated = content
        pane = await continuation_pane(prompt, generated, language_of(language).lexer)
        restored = {self._generated: generated, self._pane: pane}
        return self._replace(prompt, history) | restored

    def _replace(self, prompt: str, history: History[Content]) -> Updates:
        return {
            self._editor: prompt,
            self._generated: "",
            self._history: history,
            self._pane: "",
            self._status: IDLE,
        }


def _read(prompt: str | None, max_new_tokens: Any) -> list[Reading]:
    params = read_max_new_tokens(max_new_tokens, CONTINUE_DEFAULTS)
    return [Reading(CompletionRequest(prompt or "", params))]


def _wanted(prompt: str | None, *settings: Any) -> list[Wanted]:
    """What Generate would ask for."""
    return [Wanted(CompletionRequest(prompt or "", read_params(settings)))]

"""The Continue tab: the model carries on, in the editor, from what stands there."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from functools import partial
from typing import Any
from uuid import uuid4

import gradio as gr

from model.errors import InvalidInputError
from model.loading.residency import Residency
from model.prompts.metadata import Header
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
from ui.block_stop import Ending, build_stop_at, read_ending, stop_at_end
from ui.code_header import CodeHeader, read_header, tell
from ui.controls import CONTINUE_DEFAULTS, FIELDS, build_controls, read_max_new_tokens, read_params
from ui.editor import build_editor, build_language_choice, follow_language, growing
from ui.examples import CONTINUE_EXAMPLES, ContinueExample
from ui.history import History
from ui.keeper import Keeper
from ui.marked_text import with_generated
from ui.meter import Meter, Reading
from ui.notices import error_notice
from ui.progress import Progress
from ui.prompt_panel import PromptPanel, Wanted
from ui.runs import Runs
from ui.samples import Samples
from ui.send_code import read_sent
from ui.setting_presets import SettingPresets
from ui.side_by_side import SideBySide
from ui.status import IDLE, render_status, say, why_it_ended
from ui.takes import Take
from ui.token_view import STALE, TokenFeed, TokenPanel, build_token_choice, num_alternatives
from ui.told_tokens import Told
from ui.work import ContinueContent, Tab, Work

TAB: Tab = "continue"

# What undo brings back: the editor's text with its marks.
Content = str


@dataclass(frozen=True, slots=True)
class _Asked:
    """
    Attributes:
        ending: where the run is to stop; None for the text's own end.
        settings: the controls' values.
    """

    completion: CompletionRequest
    ending: Ending | None
    language: str
    settings: tuple[Any, ...]


class ContinueTab:
    """Builds the tab where it is called. It keeps components, never what they hold."""

    def __init__(self, residency: Residency, runs: Runs) -> None:
        self._residency = residency
        self._runs = runs
        self._history = gr.State(History())
        # The text before the last generation, for as long as that can be taken back.
        self._before = gr.State(None)
        self.seed = gr.State(None)
        with gr.Row(elem_classes="pg-columns"):
            with gr.Column(elem_classes="pg-work", min_width=0):
                self._build_work()
            with gr.Column(elem_classes="pg-side", scale=0, min_width=0) as self.side:
                with gr.Accordion("Settings", elem_classes="pg-settings") as self.settings:
                    self.presets = SettingPresets(TAB)
                    self._controls = build_controls(CONTINUE_DEFAULTS, TAB)
                    self.presets.wire(self._controls)
                    self._stop_at = build_stop_at(f"{TAB}-stop-at")
                    self._several.build_settings(self.presets)
                    self._wants_tokens = build_token_choice(TAB)
                self._keeper = Keeper(TAB)
        self._wire()

    def measure_on(self, *triggers: Any) -> None:
        """Have the context's meter follow the typing, and these events of the page."""
        inputs = [self._editor, self._controls.max_new_tokens, *self._header.inputs]
        typing = [component.change for component in inputs]
        gr.on(typing, **self._meter.listener(inputs, _read))
        gr.on(triggers, **self._meter.listener(inputs, _read, is_alone=False))
        self._header.describe_on(*triggers)

    def explain_on(self, *triggers: Any, needs_key: bool) -> None:
        """Have the exact prompt follow what is typed and set, and these events of the page."""
        inputs = [self._editor, *self._header.inputs, *self._controls.components]
        changes = [component.change for component in inputs]
        self._prompt.follow(inputs, _wanted, *changes, *triggers, needs_key=needs_key)

    @property
    def status(self) -> Any:
        return self._status

    @property
    def work_inputs(self) -> list[Any]:
        """What `read_work` and `show_work` take the values of."""
        several = [self._several.samples, self._several.cards.held]
        asked_with = [*self._header.inputs, *self._controls.components]
        return [self._editor, self._history, self._language, *several, *asked_with]

    @property
    def work_outputs(self) -> list[Any]:
        """The components that `show_work` changes."""
        changed = [*self.work_inputs, *self._header.outputs, *self._several.cards.shown]
        return [*dict.fromkeys(changed), self._before, self._status]

    @property
    def draft(self) -> dict[str, Any]:
        """What the browser keeps as it changes."""
        settings = dict(zip(FIELDS, self._controls.components, strict=True))
        text = {"text": self._editor, "language": self._language}
        several = {"samples": self._several.samples, "candidates": self._several.cards.written}
        return text | several | self._header.draft | settings

    @property
    def shown_while_it_comes(self) -> list[Any]:
        return self._several.cards.panes

    def read_work(
        self,
        text: str,
        _: History[Content],
        language: str,
        samples: Any,
        candidates: Samples,
        *values: Any,
    ) -> Work:
        header, settings = _read_headed(values)
        return Work(ContinueContent(text, samples, candidates, header), settings, language)

    async def show_work(
        self,
        work: Work,
        text: str,
        history: History[Content],
        _language: str,
        _samples: Any,
        _candidates: Samples,
        *values: Any,
    ) -> Updates:
        """Undo brings back the text that stood before; the status says what its header was. Texts
        to choose from stay, unless there are others, or nothing is to be shown at all."""
        assert isinstance(work.content, ContinueContent)
        if text:
            history = history.record(text)
        settings = dict(zip(self._controls.components, work.settings, strict=True))
        shown = self._replace(work.content.text, history) | self._header.show(work.content.header)
        shown[self._several.samples] = work.content.samples
        if work.content.candidates or not work:
            shown |= self._several.cards.show(work.content.candidates)
        before, _settings = _read_headed(values)
        words = ["Undo brings back what stood before"] if text else []
        if before and before != work.content.header:
            words.append(f"The header was {', '.join(tell(before))}")
        status = say(" · ".join(words)) if words else IDLE
        return shown | settings | {self._language: work.language, self._status: status}

    def take_code_on(self, event: Any) -> None:
        """Have the code that `event` brings stand in the editor; undo brings back what stood."""
        outputs = [self._editor, self._history, self._before, self._status, self._language]
        event(self._take_code, [self._editor, self._history, self._language], outputs, **INSTANT)

    def _build_work(self) -> None:
        with gr.Row(elem_classes="pg-toolbar"):
            self._language = build_language_choice(f"{TAB}-language")
            with gr.Row(elem_classes="pg-examples"):
                self._examples = [
                    build_button(example.title, f"{TAB}-example-{number}")
                    for number, example in enumerate(CONTINUE_EXAMPLES, start=1)
                ]
        self._header = CodeHeader(self._residency)
        self._editor = build_editor("Prompt", f"{TAB}-prompt", lines=14, max_lines=32)
        self._meter = Meter(self._residency, f"{TAB}-context")
        with gr.Row(elem_classes="pg-actions"):
            self._buttons = build_run_buttons("Generate", TAB)
            self._further = build_button("Continue further", f"{TAB}-further")
            self._regenerate = build_button("Regenerate", f"{TAB}-regenerate")
            self._undo = build_button("Undo", f"{TAB}-undo")
            self._redo = build_button("Redo", f"{TAB}-redo")
            self._clear = build_button("Clear", f"{TAB}-clear")
            steps = (self._further, self._regenerate, self._undo, self._redo, self._clear)
            self._buttons = replace(self._buttons, locked=(*steps, *self._examples))
            build_html(RUN_HINT, f"{TAB}-hint", "pg-hint")
        self._status = build_html(IDLE, f"{TAB}-status")
        self._several = SideBySide(TAB, self._runs, self._status)
        self._tokens = TokenPanel(TAB)
        self._prompt = PromptPanel(self._residency, TAB, "Generate")

    def _wire(self) -> None:
        locked = (*self._buttons.locked, self._keeper.list, *self._several.cards.buttons)
        self._buttons = replace(self._buttons, locked=locked)
        self._keeper.wire(self)
        follow_language(self._language, self._editor)
        self._header.follow_path(self._language)
        content = [self._editor, self._history]
        shown = [*content, self._before, self._status]
        how = [*self._several.inputs, self._language, self._stop_at, self._wants_tokens]
        how += self._header.inputs
        asked = [*content, *how, *self._controls.components]
        streamed = [*shown, self.seed, *self._tokens.outputs, *self._buttons.outputs]
        streamed += [*self._keeper.outputs, *self._several.outputs]
        generate: dict[str, Any] = {
            "fn": self._generate,
            "inputs": asked,
            "outputs": streamed,
            **STREAMING,
        }
        self._buttons.run.click(**generate)
        self._further.click(**generate)
        self._tokens.list.select(self._branch, [self._tokens.told, *asked], streamed, **STREAMING)
        self._buttons.stop.click(self._stop, None, self._buttons.outputs, **INSTANT)
        taking_back = [*content, self._before]
        self._regenerate.click(self._take_back, taking_back, shown, **INSTANT).success(**generate)
        cleared = [*shown, *self._tokens.outputs]
        self._clear.click(self._clear_all, content, cleared, **INSTANT)
        choosing = [self._several.cards.held, *content]
        for index, button in enumerate(self._several.cards.buttons):
            button.click(partial(self._use, index), choosing, [*shown, self.seed], **INSTANT)
        self._undo.click(self._undo_step, content, shown, **INSTANT)
        self._redo.click(self._redo_step, content, shown, **INSTANT)
        for button, example in zip(self._examples, CONTINUE_EXAMPLES, strict=True):
            button.click(
                self._example_loader(example), content, [*shown, self._language], **INSTANT
            )

    async def _generate(
        self,
        request: gr.Request,
        prompt: str,
        history: History[Content],
        *values: Any,
    ) -> AsyncGenerator[Updates, None]:
        try:
            asked = _read_asked(prompt, values)
            model = self._residency.preset("base").title
            takes = self._several.read(asked.completion, asked.settings, model, *values[:2])
        except InvalidInputError as error:
            yield {self._status: error_notice(error)}
            return
        if len(takes) > 1:
            run = self._run_takes(request, asked, takes)
        else:
            feed = self._tokens.feed(prompt)
            run = self._run(request, asked, history.record(prompt), feed)
        async with aclosing(run) as steps:
            async for updates in steps:
                yield updates

    async def _branch(
        self,
        request: gr.Request,
        event: gr.EventData,
        told: Told,
        text: str,
        history: History[Content],
        *values: Any,
    ) -> AsyncGenerator[Updates, None]:
        """Go on from another token than was generated; undo brings back what stands there now."""
        taken = self._tokens.take(told, event)
        if taken is None:
            yield {self._status: say(STALE)}
            return
        prompt = with_generated(taken.given, taken.generated)
        try:
            asked = _read_asked(prompt, values)
        except InvalidInputError as error:
            yield {self._status: error_notice(error)}
            return
        history, feed = history.record(text), self._tokens.feed(taken)
        yield self._replace(prompt, history) | feed.start()
        if taken.is_ended:
            yield {self._status: say("Ended where you chose")} | feed.end(len(prompt))
            return
        async with aclosing(self._run(request, asked, history, feed)) as steps:
            async for updates in steps:
                yield updates

    async def _run(
        self,
        request: gr.Request,
        asked: _Asked,
        history: History[Content],
        feed: TokenFeed,
    ) -> AsyncGenerator[Updates, None]:
        """
        Args:
            history: once there is text.
        """
        prompt = asked.completion.prompt
        further = {self._further: gr.update(variant="secondary", interactive=False)}
        starting = self._buttons.running() | further | feed.start()
        yield starting | {self._status: render_status(Progress())}
        progress = Progress()
        session, run = str(request.session_hash), uuid4().hex
        async with aclosing(self._runs.start(asked.completion, session, TAB)) as steps:
            cancel = partial(self._runs.stop, session, TAB)
            async for progress in stop_at_end(steps, asked.ending, cancel):
                updates: Updates = {self._status: render_status(progress)}
                if progress.text and not progress.is_over:
                    updates[self._editor] = growing(run, prompt, progress.text, is_over=False)
                yield updates | feed.stream(progress)
        updates = self._buttons.idle() | feed.end(len(prompt) + len(progress.text))
        if progress.text:
            updates[self._history] = history
            updates[self._before] = prompt
            updates[self.seed] = progress.seed
            updates[self._editor] = growing(run, prompt, progress.text, is_over=True)
            variant = "primary" if progress.was_cut else "secondary"
            updates[self._further] = gr.update(variant=variant, interactive=True)
            updates |= self._keep(asked, with_generated(prompt, progress.text), progress)
            updates |= self._several.cards.hide()
        yield updates

    async def _run_takes(
        self, request: gr.Request, asked: _Asked, takes: Sequence[Take]
    ) -> AsyncGenerator[Updates, None]:
        """The editor keeps its text until one of those that come is used."""
        further = {self._further: gr.update(variant="secondary", interactive=False)}
        yield self._buttons.running() | further | self._tokens.hide() | {self._before: None}
        session, model = str(request.session_hash), self._residency.preset("base").title
        run = self._several.run(takes, session, asked.ending, self._keeper, asked.language, model)
        async with aclosing(run) as steps:
            async for updates in steps:
                yield updates
        yield self._buttons.idle()

    def _use(self, index: int, samples: Samples, text: str, history: History[Content]) -> Updates:
        """One of several texts goes into the editor; undo brings back what stands there."""
        if index >= len(samples.texts):
            return {self._status: IDLE}
        sample = samples.texts[index]
        shown = self._replace(with_generated(samples.prompt, sample.text), history.record(text))
        said = say(f"{sample.title} is in the editor · Undo takes it back")
        return shown | {self._before: samples.prompt, self._status: said, self.seed: sample.seed}

    def _keep(self, asked: _Asked, text: str, progress: Progress) -> Updates:
        """`text` with what was generated at its end goes to the browser's history."""
        content = ContinueContent(text, header=asked.completion.header)
        work = Work(content, asked.settings, asked.language, progress.seed)
        model = self._residency.preset("base").title
        why = why_it_ended(progress)
        return self._keeper.record(work, progress.text, progress.num_tokens, why, model)

    def _stop(self, request: gr.Request) -> Updates:
        self._several.stop(str(request.session_hash))
        return self._buttons.idle()

    def _take_back(self, text: str, history: History[Content], before: str | None) -> Updates:
        """The last generation goes, to be made anew; undo brings it back."""
        if before is None:
            return {self._status: IDLE}
        return self._replace(before, history.record(text))

    def _clear_all(self, text: str, history: History[Content]) -> Updates:
        if not text:
            return {self._status: IDLE}
        updates = self._replace("", history.record(text))
        cleared = {self._status: say("Cleared · Undo brings it back")}
        return updates | cleared | self._tokens.hide()

    def _example_loader(self, example: ContinueExample) -> Any:
        def load(text: str, history: History[Content]) -> Updates:
            if text:
                history = history.record(text)
            language = gr.update(value=example.language)
            return self._replace(example.prompt, history) | {self._language: language}

        return load

    def _take_code(
        self, event: gr.EventData, text: str, history: History[Content], language: str
    ) -> Updates:
        sent = read_sent(event)
        example = ContinueExample("", sent.language or language, sent.text)
        updates: Updates = self._example_loader(example)(text, history)
        return updates

    def _undo_step(self, text: str, history: History[Content]) -> Updates:
        history, former = history.undo(text)
        return self._replace(former, history)

    def _redo_step(self, text: str, history: History[Content]) -> Updates:
        history, latter = history.redo(text)
        return self._replace(latter, history)

    def _replace(self, text: str, history: History[Content]) -> Updates:
        return {
            self._editor: text,
            self._history: history,
            self._before: None,
            self._status: IDLE,
        }


def _read_asked(prompt: str, values: Sequence[Any]) -> _Asked:
    """
    Args:
        values: of `SideBySide.inputs`, the other controls, and the settings.

    Raises:
        SamplingParamsError: a setting cannot be used.
        BlockLanguageError: where a block ends in that language is not known.
    """
    language, stop_at, wants_tokens, *rest = values[2:]
    header, settings = _read_headed(rest)
    params = replace(read_params(settings), logprobs=num_alternatives(wants_tokens))
    ending = read_ending(stop_at, prompt, language)
    return _Asked(CompletionRequest(prompt, params, header), ending, language, settings)


def _read(prompt: str, max_new_tokens: Any, *header: Any) -> list[Reading]:
    params = read_max_new_tokens(max_new_tokens, CONTINUE_DEFAULTS)
    return [Reading(CompletionRequest(prompt, params, read_header(*header)))]


def _wanted(prompt: str, *values: Any) -> list[Wanted]:
    """What Generate would ask for."""
    header, settings = _read_headed(values)
    return [Wanted(CompletionRequest(prompt, read_params(settings), header))]


def _read_headed(values: Sequence[Any]) -> tuple[Header, tuple[Any, ...]]:
    """The header of the values of its fields, and the settings' that follow them."""
    size = len(values) - len(FIELDS)
    return read_header(*values[:size]), tuple(values[size:])

"""The Continue tab: the model carries on, in the editor, from what stands there."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import replace
from functools import partial
from typing import Any
from uuid import uuid4

import gradio as gr

from model.errors import InvalidInputError
from model.loading.residency import Residency
from ui.actions import (
    INSTANT,
    RUN_HINT,
    STREAMING,
    Updates,
    build_button,
    build_html,
    build_run_buttons,
)
from ui.block_stop import build_stop_at
from ui.code_header import CodeHeader, tell
from ui.continue_request import (
    Asked,
    Beside,
    read_asked,
    read_beside,
    read_measured,
    read_wanted,
)
from ui.controls import CONTINUE_DEFAULTS, FIELDS, build_controls, read_params
from ui.edit_diff import Proposal
from ui.edit_form import FORMS, Edit, EditForm
from ui.editor import build_editor, build_language_choice, follow_language, growing
from ui.examples import CONTINUE_EXAMPLES, ContinueExample
from ui.history import History
from ui.keeper import Keeper
from ui.marked_text import with_generated
from ui.meter import Meter
from ui.notebook_form import NotebookForm
from ui.notices import error_notice
from ui.progress import Progress
from ui.prompt_panel import PromptPanel
from ui.runs import Runs
from ui.samples import Samples
from ui.send_code import read_sent
from ui.setting_presets import SettingPresets
from ui.side_by_side import SideBySide
from ui.status import IDLE, render_status, say, why_it_ended
from ui.takes import Take
from ui.token_view import STALE, TokenFeed, TokenPanel, build_token_choice
from ui.told_tokens import Told
from ui.work import ContinueContent, Tab, Work

TAB: Tab = "continue"

# What undo brings back: the editor's text with its marks.
Content = str


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
        typed = [self._editor, self._controls.max_new_tokens]
        inputs = [*typed, *self._told_inputs]
        typing = [component.change for component in typed]
        typing += [*self._header.changes, *self._edit.changes, *self._notebook.changes]
        self._meter.follow(inputs, read_measured, *typing, *triggers)
        self._header.describe_on(*triggers)
        self._edit.describe_on(*triggers)
        self._notebook.describe_on(*triggers)

    def explain_on(self, *triggers: Any, needs_key: bool) -> None:
        """Have the exact prompt follow what is typed and set, and these events of the page."""
        inputs = [self._editor, *self._told_inputs, *self._controls.components]
        changes = [each.change for each in (self._editor, *self._controls.components)]
        changes += [*self._header.changes, *self._edit.changes, *self._notebook.changes]
        self._prompt.follow(inputs, read_wanted, *changes, *triggers, needs_key=needs_key)

    @property
    def status(self) -> Any:
        return self._status

    @property
    def work_inputs(self) -> list[Any]:
        """What `read_work` and `show_work` take the values of."""
        several = [self._several.samples, self._several.cards.held]
        asked_with = [*self._told_inputs, *self._controls.components]
        return [self._editor, self._history, self._language, *several, *asked_with]

    @property
    def _told_inputs(self) -> list[Any]:
        """With the controls, what `read_beside` takes the values of."""
        return [*self._header.inputs, *self._edit.inputs, *self._notebook.inputs]

    @property
    def work_outputs(self) -> list[Any]:
        """The components that `show_work` changes."""
        changed = [*self.work_inputs, *self._header.outputs, *self._edit.outputs]
        changed += [*self._several.cards.shown, *self._tokens.outputs]
        changed += [self._before, self._status]
        return list(dict.fromkeys(changed))

    @property
    def draft(self) -> dict[str, Any]:
        """What the browser keeps as it changes."""
        settings = dict(zip(FIELDS, self._controls.components, strict=True))
        text = {"text": self._editor, "language": self._language}
        several = {"samples": self._several.samples, "candidates": self._several.cards.written}
        forms = self._edit.draft | self._notebook.draft
        return text | several | self._header.draft | forms | settings

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
        told = read_beside(values)
        beside = (told.header, told.edit, told.next_cell)
        content = ContinueContent(text, samples, candidates, *beside)
        return Work(content, told.settings, language)

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
        """Undo brings back the text that stood before; the status says what stood beside it. Texts
        to choose from stay, unless there are others, or nothing is to be shown at all."""
        assert isinstance(work.content, ContinueContent)
        if text:
            history = history.record(text)
        settings = dict(zip(self._controls.components, work.settings, strict=True))
        content, before = work.content, read_beside(values)
        shown = self._replace(content.text, history)
        shown |= self._header.show(content.header) | self._edit.show(content.edit)
        shown |= self._notebook.show(content.next_cell)
        shown[self._several.samples] = content.samples
        if content.candidates or not work:
            shown |= self._several.cards.show(content.candidates)
        words = ["Undo brings back what stood before"] if text else []
        if before.header and before.header != content.header:
            words.append(f"The header was {', '.join(tell(before.header))}")
        if before.edit.instruction not in ("", content.edit.instruction):
            words.append(f"The instruction was “{before.edit.instruction}”")
        status = say(" · ".join(words)) if words else IDLE
        return shown | settings | {self._language: work.language, self._status: status}

    def take_code_on(self, event: Any) -> None:
        """Have the code that `event` brings stand in the editor; undo brings back what stood."""
        outputs = [self._editor, self._history, self._before, self._status, self._language]
        outputs += self._tokens.outputs
        event(self._take_code, [self._editor, self._history, self._language], outputs, **INSTANT)

    def _build_work(self) -> None:
        with gr.Row(elem_classes="pg-toolbar"):
            self._edit = EditForm(self._residency)
            self._language = build_language_choice(f"{TAB}-language")
            with gr.Row(elem_classes="pg-examples"):
                self._examples = [
                    build_button(example.title, f"{TAB}-example-{number}")
                    for number, example in enumerate(CONTINUE_EXAMPLES, start=1)
                ]
        self._header = CodeHeader(self._residency)
        self._editor = build_editor(
            "Prompt",
            f"{TAB}-prompt",
            hint="Type or paste code, or choose an example above",
            lines=14,
            max_lines=32,
        )
        self._edit.build_line()
        self._notebook = NotebookForm(self._residency)
        self._meter = Meter(self._residency, f"{TAB}-context")
        with gr.Row(elem_classes="pg-actions"):
            self._buttons = build_run_buttons("Generate", TAB)
            self._further = build_button("Continue further", f"{TAB}-further")
            self._regenerate = build_button("Regenerate", f"{TAB}-regenerate")
            self._undo = build_button("Undo", f"{TAB}-undo")
            self._redo = build_button("Redo", f"{TAB}-redo")
            self._clear = build_button("Clear", f"{TAB}-clear")
            steps = (self._further, self._regenerate, self._undo, self._redo, self._clear)
            build_html(RUN_HINT, f"{TAB}-hint", "pg-hint")
        self._status = build_html(IDLE, f"{TAB}-status")
        self._several = SideBySide(TAB, self._runs, self._status)
        self._edit.build_pane()
        locked = (*steps, self._edit.take, self._edit.discard, self._edit.choice, *self._examples)
        self._buttons = replace(self._buttons, locked=locked)
        self._tokens = TokenPanel(TAB)
        self._prompt = PromptPanel(self._residency, TAB, "Generate")

    def _wire(self) -> None:
        locked = (*self._buttons.locked, self._keeper.list, *self._several.cards.buttons)
        self._buttons = replace(self._buttons, locked=locked)
        text_only = [self._further, self._stop_at, self._wants_tokens, *self._several.inputs]
        self._edit.wire([self._header.panel, *text_only], self._notebook.line)
        self._keeper.wire(self)
        follow_language(self._language, self._editor)
        self._header.follow_path(self._language)
        content = [self._editor, self._history]
        shown = [*content, self._before, self._status]
        self._notebook.wire(self._edit.choice, *shown)
        shown += self._tokens.outputs
        how = [*self._several.inputs, self._language, self._stop_at, self._wants_tokens]
        asked = [*content, *how, *self._told_inputs, *self._controls.components]
        streamed = [*shown, self.seed, *self._buttons.outputs]
        streamed += [*self._keeper.outputs, *self._several.outputs, *self._edit.outputs]
        streamed = list(dict.fromkeys(streamed))
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
        taking_back = [*content, self._before, self._edit.choice]
        self._regenerate.click(self._take_back, taking_back, shown, **INSTANT).success(**generate)
        proposed = [*content, self._edit.proposal]
        self._edit.take.click(self._take_over, proposed, [*shown, *self._edit.outputs], **INSTANT)
        self._edit.discard.click(
            self._discard, None, [self._status, *self._edit.outputs], **INSTANT
        )
        self._clear.click(self._clear_all, content, shown, **INSTANT)
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
            samples, compared, *rest = values
            asked, told = read_asked(prompt, rest), read_beside(rest[3:])
            takes: Sequence[Take] = ()
            if told.edit.form == "text":
                model = self._residency.preset("base").title
                several = (asked.completion, asked.settings, model, samples, compared)
                takes = self._several.read(*several)
        except InvalidInputError as error:
            yield {self._status: error_notice(error)}
            return
        if told.edit.form == "edit":
            run = self._run_edit(request, prompt, asked.language, told)
        elif len(takes) > 1:
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
        if taken is None or not told.stands_in(text):
            yield {self._status: say(STALE)}
            return
        prompt = with_generated(taken.given, taken.generated)
        try:
            asked = read_asked(prompt, values[len(self._several.inputs) :])
        except InvalidInputError as error:
            yield {self._status: error_notice(error)}
            return
        history, feed = history.record(text), self._tokens.feed(taken)
        yield self._replace(prompt, history) | feed.start()
        if taken.is_ended:
            yield {self._status: say("Ended where you chose")} | feed.end(len(prompt))
            return
        async with aclosing(self._run(request, asked.as_text, history, feed)) as steps:
            async for updates in steps:
                yield updates

    async def _run(
        self,
        request: gr.Request,
        asked: Asked,
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
        async with aclosing(self._runs.start(asked.request, session, TAB)) as steps:
            cancel = partial(self._runs.stop, session, TAB)
            async for progress in asked.follow(steps, cancel):
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
        self, request: gr.Request, asked: Asked, takes: Sequence[Take]
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

    async def _run_edit(
        self, request: gr.Request, code: str, language: str, told: Beside
    ) -> AsyncGenerator[Updates, None]:
        """The editor stays as it is until the proposal is accepted."""
        wanted = told.request(code, read_params(told.settings))
        progress = Progress()
        yield self._buttons.running() | {self._status: render_status(progress)}
        steps = self._runs.start(wanted, str(request.session_hash), TAB)
        async with aclosing(steps) as progresses:
            async for progress in progresses:
                updates: Updates = {self._status: render_status(progress)}
                yield updates | ({} if progress.is_over else self._edit.stream(code, progress))
        updates = self._buttons.idle()
        if progress.text:
            proposal = Proposal(code, progress.text, not progress.is_unfinished)
            edit = replace(told.edit, proposal=proposal)
            content = ContinueContent(code, header=told.header, edit=edit)
            updates |= self._edit.propose(proposal) | {self.seed: progress.seed}
            work = Work(content, told.settings, language, progress.seed)
            model, why = self._residency.preset("base").title, why_it_ended(progress)
            updates |= self._keeper.record(work, progress.text, progress.num_tokens, why, model)
        yield updates

    def _take_over(
        self, text: str, history: History[Content], proposal: Proposal | None
    ) -> Updates:
        """The proposal stands in the editor; undo brings the code back."""
        if proposal is None:
            return {self._status: IDLE}
        if text != proposal.before:
            words = "The code has changed since: the diff is against it now, to accept or not"
            anew = Proposal(str(text), str(proposal.text), is_whole=True)
            return self._edit.propose(anew) | {self._status: say(words)}
        said = {self._status: say("Accepted · Undo brings the code back")}
        replaced = self._replace(proposal.text, history.record(text))
        return replaced | self._edit.propose(None) | said

    def _discard(self) -> Updates:
        return self._edit.propose(None) | {self._status: say("Discarded · the code is as it was")}

    def _keep(self, asked: Asked, text: str, progress: Progress) -> Updates:
        """`text` with what was generated at its end goes to the browser's history."""
        told = asked.told
        edit, next_cell = Edit(told.edit.form), told.next_cell
        content = ContinueContent(text, header=told.header, edit=edit, next_cell=next_cell)
        work = Work(content, asked.settings, asked.language, progress.seed)
        model = self._residency.preset("base").title
        why = why_it_ended(progress)
        return self._keeper.record(work, progress.text, progress.num_tokens, why, model)

    def _stop(self, request: gr.Request) -> Updates:
        self._several.stop(str(request.session_hash))
        # A proposal comes with the run's last update, and that frees its buttons.
        own = (self._edit.take, self._edit.discard)
        return {part: update for part, update in self._buttons.idle().items() if part not in own}

    def _take_back(
        self, text: str, history: History[Content], before: str | None, form: str
    ) -> Updates:
        """The last generation goes, to be made anew; undo brings it back."""
        if before is None or FORMS.get(form) == "edit":
            return {self._status: IDLE}
        return self._replace(before, history.record(text))

    def _clear_all(self, text: str, history: History[Content]) -> Updates:
        if not text:
            return {self._status: IDLE}
        cleared = {self._status: say("Cleared · Undo brings it back")}
        return self._replace("", history.record(text)) | cleared

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
        """Another text altogether; tokens that are shown are another's."""
        return self._tokens.hide() | {
            self._editor: text,
            self._history: history,
            self._before: None,
            self._status: IDLE,
        }

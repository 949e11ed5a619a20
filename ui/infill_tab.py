"""The Infill tab: the model writes what stands between a prefix and a suffix."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import replace
from functools import partial
from typing import Any

import gradio as gr

from model.errors import InvalidInputError
from model.loading.slot import Ready, SlotStatus
from model.prompts.infill import FILL_MARKER
from model.prompts.texts import check_texts
from model.requests import CompletionRequest, InfillRequest
from model.service import GenerationService
from ui.actions import (
    INSTANT,
    RUN_HINT,
    STREAMING,
    Updates,
    build_button,
    build_html,
    build_run_buttons,
)
from ui.candidates import Candidates
from ui.context_files import ContextFiles, read_repository
from ui.controls import FIELDS, INFILL_DEFAULTS, build_controls
from ui.editor import build_editor, build_language_choice, follow_language, reading_selection
from ui.examples import INFILL_EXAMPLES, InfillExample
from ui.filling import Step, fill_gaps, step_status, stream_step
from ui.gap import Change, Gap, Middle, clear, fill, first_gap, split_at
from ui.gap_request import ORDERS, Asked, GapRequests, read_asked, refuse_infill
from ui.gap_tokens import GapTokens
from ui.hidden import build_hidden
from ui.history import History
from ui.keeper import Keeper
from ui.meter import Meter
from ui.middle import MiddlePane
from ui.notices import error_notice
from ui.progress import Progress
from ui.prompt_panel import PromptPanel
from ui.runs import Runs
from ui.samples import build_samples
from ui.send_code import read_sent
from ui.setting_presets import SettingPresets
from ui.status import IDLE, render_status, say, titled, why_it_ended
from ui.token_view import STALE, build_token_choice
from ui.told_tokens import Told
from ui.whole_file import WholeFile
from ui.work import InfillContent, Tab, Work, write_middle

TAB: Tab = "infill"


class InfillTab:
    """Builds the tab where it is called. It keeps components, never what they hold."""

    def __init__(self, service: GenerationService, runs: Runs) -> None:
        self._service = service
        self._requests = GapRequests(service.residency)
        self._runs = runs
        self._history = gr.State(History())
        self._middle = gr.State(Middle())
        self.seed = gr.State(None)
        # The same as JSON, where the browser can read it.
        self._written_middle = build_hidden(
            json.dumps(write_middle(Middle())), f"{TAB}-written-middle"
        )
        with gr.Row(elem_classes="pg-columns"):
            with gr.Column(elem_classes="pg-work", min_width=0):
                self._build_work()
            with gr.Column(elem_classes="pg-side", scale=0, min_width=0) as self.side:
                with gr.Accordion("Settings", elem_classes="pg-settings") as self.settings:
                    self.presets = SettingPresets(TAB)
                    self._controls = build_controls(INFILL_DEFAULTS, TAB)
                    self.presets.wire(self._controls)
                    self._samples = build_samples(TAB)
                    self._wants_tokens = build_token_choice(TAB)
                    self._order = gr.Radio(
                        list(ORDERS),
                        value=next(iter(ORDERS)),
                        label="Order",
                        info="of the prompt; the model was trained on both, its own serves best",
                        visible=False,
                    )
                self._keeper = Keeper(TAB)
        self._wire()

    def updates_for(self, status: SlotStatus) -> Updates:
        """What the tab says about the model in the base slot."""
        if not isinstance(status, Ready):
            return {}
        dialect = status.resident.infill
        return {
            self._refusal: refuse_infill(status.resident),
            self._buttons.run: gr.update(value="Generate" if dialect else "Continue to the suffix"),
            self._order: gr.update(visible=dialect is not None and len(dialect.orders) > 1),
        }

    @property
    def outputs(self) -> list[Any]:
        """The components that `updates_for` changes."""
        return [self._refusal, self._buttons.run, self._order]

    def measure_on(self, *triggers: Any) -> None:
        """Have the context's meter follow the typing, and these events of the page."""
        counted = [self._prefix, self._suffix, self._controls.max_new_tokens]
        inputs = [*counted, *self._repository.inputs, self._order]
        typing = [*[component.change for component in counted], *self._repository.changes]
        self._meter.follow(inputs, self._requests.read, *typing, *triggers)
        boxes = [self._prefix, self._suffix, self._middle, self._language]
        self._whole.follow(typing, *boxes)
        self._repository.count_on(*triggers)

    def explain_on(self, *triggers: Any, needs_key: bool) -> None:
        """Have the exact prompt follow what is typed and set, and these events of the page."""
        typed = [self._prefix, self._suffix, self._order]
        inputs = [*typed, *self._repository.inputs, *self._controls.components]
        changes = [each.change for each in (*typed, *self._controls.components)]
        changes += self._repository.changes
        self._prompt.follow(inputs, self._requests.wanted, *changes, *triggers, needs_key=needs_key)

    @property
    def status(self) -> Any:
        return self._status

    @property
    def work_inputs(self) -> list[Any]:
        """What `read_work` and `show_work` take the values of."""
        boxes = [self._prefix, self._suffix, self._middle, self._history]
        asked_with = [self._language, self._order, self._samples, *self._controls.components]
        return [*boxes, *self._repository.inputs, *asked_with]

    @property
    def work_outputs(self) -> list[Any]:
        """The components that `show_work` changes."""
        panes = [*self._between.outputs, *self._whole.outputs, *self._candidates.outputs]
        panes += [*self._repository.outputs, *self._tokens.outputs, self._status]
        panes.append(self._written_middle)
        return list(dict.fromkeys([*self.work_inputs, *panes]))

    @property
    def draft(self) -> dict[str, Any]:
        """What the browser keeps as it changes."""
        boxes = {"prefix": self._prefix, "suffix": self._suffix, "middle": self._written_middle}
        boxes |= self._repository.draft
        asked_with = {"language": self._language, "order": self._order, "samples": self._samples}
        return boxes | asked_with | dict(zip(FIELDS, self._controls.components, strict=True))

    @property
    def shown_while_it_comes(self) -> list[Any]:
        return self._between.outputs[:1]

    def read_work(
        self,
        prefix: str | None,
        suffix: str | None,
        middle: Middle,
        _: History[Gap],
        *values: Any,
    ) -> Work:
        repository = read_repository(*values[:3])
        language, order, samples, *settings = values[3:]
        gap = Gap(prefix or "", suffix or "", middle)
        content = InfillContent(gap, ORDERS.get(order), samples, repository)
        return Work(content, tuple(settings), language)

    async def show_work(self, work: Work, *values: Any) -> Updates:
        """Undo brings back the boxes and the middle that stood before."""
        assert isinstance(work.content, InfillContent)
        content, history = work.content, values[3]
        if before := Gap(values[0] or "", values[1] or "", values[2]):
            history = history.record(before)
        order = next(title for title, order in ORDERS.items() if order == content.order)
        asked_with = (work.language, order, content.samples, *work.settings)
        settings = dict(zip(self.work_inputs[7:], asked_with, strict=True))
        shown = await self._replace(content.gap, history, work.language)
        if content.repository:  # the files that stand there are in no undo
            shown |= await self._repository.show(content.repository)
        status = say("Undo brings back what stood before") if before else IDLE
        return shown | settings | {self._status: status}

    def take_code_on(self, event: Any) -> None:
        """Have the code that `event` brings stand in the boxes; undo brings back what stood."""
        content = [self._prefix, self._suffix, self._middle, self._history, self._language]
        event(self._take_code, content, [*self._shown, self._language], **INSTANT)

    def _build_work(self) -> None:
        self._refusal = build_html("", f"{TAB}-refusal")
        with gr.Row(elem_classes="pg-toolbar"):
            self._language = build_language_choice(f"{TAB}-language")
            with gr.Row(elem_classes="pg-examples"):
                self._examples = [
                    build_button(example.title, f"{TAB}-example-{number}")
                    for number, example in enumerate(INFILL_EXAMPLES, start=1)
                ]
        self._repository = ContextFiles(self._service.residency)
        self._prefix = build_editor(
            f"Prefix · or a whole file with {FILL_MARKER} in each gap",
            f"{TAB}-prefix",
            hint="Code before the gap",
            lines=7,
            max_lines=18,
        )
        self._between = MiddlePane(f"{TAB}-middle", TAB)
        self._suffix = build_editor(
            "Suffix", f"{TAB}-suffix", hint="Code after the gap", lines=5, max_lines=14
        )
        self._meter = Meter(self._service.residency, f"{TAB}-context")
        with gr.Row(elem_classes="pg-actions"):
            self._buttons = build_run_buttons("Generate", TAB)
            self._split = build_button("Split at caret", f"{TAB}-split")
            self._selection = [gr.Number(0, precision=0, visible=False) for _ in range(2)]
            self._undo = build_button("Undo", f"{TAB}-undo")
            self._redo = build_button("Redo", f"{TAB}-redo")
            self._clear = build_button("Clear", f"{TAB}-clear")
            build_html(RUN_HINT, f"{TAB}-hint", "pg-hint")
        self._status = build_html(IDLE, f"{TAB}-status")
        self._whole = WholeFile(TAB)
        self._candidates = Candidates(f"{TAB}-sample")
        self._tokens = GapTokens(TAB)
        steps = (self._split, self._undo, self._redo, self._clear)
        locked = (*self._between.buttons, *steps, *self._examples)
        self._buttons = replace(self._buttons, locked=locked)
        self._whole.build_pane()
        self._prompt = PromptPanel(self._service.residency, TAB, "Generate")

    def _wire(self) -> None:
        locked = (*self._buttons.locked, self._keeper.list)
        self._buttons = replace(self._buttons, locked=locked)
        self._keeper.wire(self)
        follow_language(self._language, self._prefix, self._suffix)
        self._repository.follow_path(self._language)
        content = [self._prefix, self._suffix, self._middle, self._history, self._language]
        shown = [*content[:-1], *self._between.outputs, *self._whole.outputs]
        shown += [*self._candidates.outputs, *self._tokens.outputs]
        shown += [self._status, self._written_middle]
        self._shown = shown
        how = [self._order, self._samples, self._wants_tokens]
        how += [*self._repository.inputs, *self._controls.components]
        streamed = [*shown, self.seed, *self._buttons.outputs, *self._keeper.outputs]
        self._buttons.run.click(self._generate, [*content, *how], streamed, **STREAMING)
        panel = self._tokens.panel
        clicked = [panel.told, self._tokens.gap, *content, *how]
        panel.list.select(self._branch, clicked, streamed, **STREAMING)
        self._buttons.stop.click(self._stop, None, self._buttons.outputs, **INSTANT)
        changes = (*self._between.changes, *self._candidates.changes, (self._clear, clear))
        for button, change in changes:
            button.click(self._changer(change), content, shown, **INSTANT)
        self._split.click(
            self._split_prefix,
            [*self._selection, *content],
            shown,
            js=reading_selection(self._prefix),
            **INSTANT,
        )
        self._undo.click(self._undo_step, content, shown, **INSTANT)
        self._redo.click(self._redo_step, content, shown, **INSTANT)
        for button, example in zip(self._examples, INFILL_EXAMPLES, strict=True):
            button.click(
                self._example_loader(example), content[:-1], [*shown, self._language], **INSTANT
            )

    async def _generate(
        self,
        request: gr.Request,
        prefix: str | None,
        suffix: str | None,
        former: Middle,
        history: History[Gap],
        language: str,
        *values: Any,
    ) -> AsyncGenerator[Updates, None]:
        before = Gap(prefix or "", suffix or "", former)
        try:
            asked = read_asked(*values)
            if before.num_markers:
                check_texts([("prefix", before.prefix), ("suffix", before.suffix)])
            first = first_gap(before)
        except InvalidInputError as error:
            yield {self._status: error_notice(error)}
            return
        make = partial(self._requests.make, asked=asked)
        session = str(request.session_hash)
        steps = fill_gaps(self._runs, first, make, session, TAB, asked.num_samples)
        async with aclosing(self._fill(before, history, language, asked, steps)) as filling:
            async for updates in filling:
                yield updates

    async def _branch(
        self,
        request: gr.Request,
        event: gr.EventData,
        told: Told,
        gap: Gap,
        prefix: str | None,
        suffix: str | None,
        former: Middle,
        history: History[Gap],
        language: str,
        *values: Any,
    ) -> AsyncGenerator[Updates, None]:
        """Go on from another token than was generated; undo brings back what stands there now."""
        before = Gap(prefix or "", suffix or "", former)
        taken = self._tokens.panel.take(told, event)
        if taken is None or before.boxes != gap.boxes:
            yield {self._status: say(STALE)}
            return
        if taken.is_ended:
            filled = fill(gap, taken.generated)
            updates = await self._replace(filled, history.record(before), language)
            ended = {self._status: say("Ended where you chose")}
            yield updates | ended | self._tokens.follow(taken).end(filled)
            return
        try:
            asked = read_asked(*values)
        except InvalidInputError as error:
            yield {self._status: error_notice(error)}
            return

        def make(here: Gap, sample: int) -> InfillRequest | CompletionRequest:
            begun = taken.generated if here == gap else ""
            return self._requests.make(here, sample, asked, begun)

        session = str(request.session_hash)
        steps = fill_gaps(self._runs, gap, make, session, TAB, begun=taken.generated)
        async with aclosing(self._fill(before, history, language, asked, steps, taken)) as filling:
            async for updates in filling:
                yield updates

    async def _fill(
        self,
        before: Gap,
        history: History[Gap],
        language: str,
        asked: Asked,
        steps: AsyncGenerator[Step, None],
        kept: Told | None = None,
    ) -> AsyncGenerator[Updates, None]:
        """
        Args:
            before: what stands in the tab.
            kept: the tokens that the first step goes on from.
        """
        starting = {self._status: render_status(Progress())} | self._candidates.show(Gap())
        feed = self._tokens.follow(kept)
        yield starting | feed.start() | self._buttons.running()
        shown, step = before, Step(before, Progress())
        ended: list[Step] = []
        async with aclosing(steps):
            async for step in steps:
                updates: Updates = {self._status: step_status(step)}
                is_elsewhere = step.gap.boxes != shown.boxes
                if is_elsewhere:
                    updates |= self._boxes(step.gap)
                if is_elsewhere or (shown is before and shown.middle and step.gap.middle):
                    history = history.record(shown)
                if is_elsewhere or step.gap.middle:
                    shown = step.gap
                if step.text:
                    updates |= stream_step(step, self._between, self._candidates)
                if step.progress.is_over:
                    ended.append(step)
                yield updates | feed.stream(step)
        updates = self._buttons.idle() | {self._history: history} | feed.end(step.gap)
        if step.is_stopped_between:
            updates[self._status] = titled(step.title, say("Stopped by you"))
        if shown.boxes != before.boxes:  # again, as a busy browser was seen to miss it
            updates |= self._boxes(shown)
        updates |= self._keep(shown, language, asked, ended)
        yield updates | await self._show(shown, language)

    def _keep(self, gap: Gap, language: str, asked: Asked, ended: list[Step]) -> Updates:
        """What was generated goes to the browser's history. A later sample's seed follows from the
        first one's."""
        written = [step for step in ended if step.text]
        if not written:
            return {}
        seed = written[0].progress.seed
        content = InfillContent(gap, ORDERS.get(asked.order), asked.num_samples, asked.repository)
        work, model = (
            Work(content, asked.settings, language, seed),
            self._service.residency.preset("base").title,
        )
        num_tokens = sum(step.progress.num_tokens for step in written)
        why = why_it_ended(ended[-1].progress)
        kept = self._keeper.record(work, written[0].text, num_tokens, why, model)
        return kept | {self.seed: seed}

    def _stop(self, request: gr.Request) -> Updates:
        self._runs.stop(str(request.session_hash), TAB)
        return self._buttons.idle()

    def _changer(self, change: Change) -> Any:
        """A step that can be undone."""

        async def step(
            prefix: str | None,
            suffix: str | None,
            middle: Middle,
            history: History[Gap],
            language: str,
        ) -> Updates:
            gap = Gap(prefix or "", suffix or "", middle)
            changed = change(gap)
            if changed == gap:
                return {self._status: IDLE}
            updates = await self._replace(changed, history.record(gap), language)
            if not changed:
                updates[self._status] = say("Cleared · Undo brings it back")
            if gap.middle and changed and not changed.middle:
                updates |= await self._whole.show(changed, language, is_complete=True)
            return updates

        return step

    async def _split_prefix(
        self,
        start: int,
        end: int,
        prefix: str | None,
        suffix: str | None,
        middle: Middle,
        history: History[Gap],
        language: str,
    ) -> Updates:
        gap = Gap(prefix or "", suffix or "", middle)
        if start == len(gap.prefix):
            return {self._status: say("Put the caret where the gap is: nothing stands after it")}
        return await self._replace(split_at(gap, start, end), history.record(gap), language)

    def _example_loader(self, example: InfillExample) -> Any:
        async def load(
            prefix: str | None, suffix: str | None, middle: Middle, history: History[Gap]
        ) -> Updates:
            if gap := Gap(prefix or "", suffix or "", middle):
                history = history.record(gap)
            shown = Gap(example.prefix, example.suffix)
            language = {self._language: gr.update(value=example.language)}
            return await self._replace(shown, history, example.language) | language

        return load

    async def _take_code(self, event: gr.EventData, *values: Any) -> Updates:
        *content, language = values
        sent = read_sent(event)
        example = InfillExample("", sent.language or language, *sent.gap)
        updates: Updates = await self._example_loader(example)(*content)
        return updates

    async def _undo_step(
        self,
        prefix: str | None,
        suffix: str | None,
        middle: Middle,
        history: History[Gap],
        language: str,
    ) -> Updates:
        history, gap = history.undo(Gap(prefix or "", suffix or "", middle))
        return await self._replace(gap, history, language)

    async def _redo_step(
        self,
        prefix: str | None,
        suffix: str | None,
        middle: Middle,
        history: History[Gap],
        language: str,
    ) -> Updates:
        history, gap = history.redo(Gap(prefix or "", suffix or "", middle))
        return await self._replace(gap, history, language)

    async def _replace(self, gap: Gap, history: History[Gap], language: str) -> Updates:
        """Another content of the tab altogether."""
        kept = {self._history: history, self._status: IDLE}
        return self._boxes(gap) | kept | await self._show(gap, language) | self._tokens.hide()

    def _boxes(self, gap: Gap) -> Updates:
        return {self._prefix: gap.prefix, self._suffix: gap.suffix}

    async def _show(self, gap: Gap, language: str) -> Updates:
        """The middle between the boxes, and the whole file below them with its first fault."""
        between = self._between.show(gap.middle) | self._candidates.show(gap)
        return between | {
            self._middle: gap.middle,
            self._written_middle: json.dumps(write_middle(gap.middle)),
            **await self._whole.show(gap, language),
        }

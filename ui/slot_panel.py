"""What the page says of one slot's model, and how it is changed."""

from __future__ import annotations

from html import escape
from typing import Any

import gradio as gr

from model.engine.base import LoadProgress, ResidentModel
from model.engine.generation import Slot
from model.errors import DoesNotFitError, LoadCancelledError, PlaygroundError
from model.licenses import License
from model.loading.catalogue import Catalogue
from model.loading.residency import Residency
from model.loading.slot import ChangeFailed, Changing, LoadFailed, Loading, Parked, Ready
from ui.actions import INSTANT, Updates, build_button, build_html
from ui.memory_table import render_memory_plan
from ui.notices import error_notice, linked, linked_name, notice
from ui.status import stage_text

ROLES: dict[Slot, str] = {"base": "Continue and Infill", "chat": "Chat"}
QUANTIZATIONS = {
    "Best that fits": "auto",
    "Unquantised": "none",
    "8-bit": "8bit",
    "4-bit": "4bit",
}


class SlotPanel:
    """One slot's card.

    Args:
        catalogue: the models on offer; without one the model cannot be changed from the page.
        is_public: strangers see it, who cannot follow advice on how to get a better one.
    """

    def __init__(
        self,
        residency: Residency,
        slot: Slot,
        catalogue: Catalogue | None,
        *,
        is_public: bool = False,
    ) -> None:
        self._is_public = is_public
        self._residency = residency
        self._slot = slot
        self._catalogue = catalogue
        with gr.Column(elem_classes="pg-slot", min_width=0):
            self._info = build_html("", f"models-{slot}")
            self._change = build_html("", f"models-{slot}-change")
            with gr.Row(elem_classes="pg-actions"):
                self._cancel = build_button("Cancel", f"models-{slot}-cancel", visible=False)
                self._retry = build_button("Retry", f"models-{slot}-retry", visible=False)
                self._dismiss = build_button("Dismiss", f"models-{slot}-dismiss", visible=False)
            if catalogue is not None:
                self._build_choice(catalogue)

    @property
    def outputs(self) -> list[Any]:
        """The components that `updates` changes."""
        return [self._info, self._change, self._cancel, self._retry, self._dismiss]

    def updates(self) -> Updates:
        change = self._residency.change(self._slot)
        may_act = self._catalogue is not None
        has_failed = isinstance(change, ChangeFailed)
        return {
            self._info: self._render_info(),
            self._change: _render_change(change),
            self._cancel: gr.update(visible=may_act and self._residency.is_busy(self._slot)),
            self._retry: gr.update(visible=may_act and has_failed),
            self._dismiss: gr.update(visible=may_act and has_failed),
        }

    def wire(self, blocks: gr.Blocks, then_show: Any) -> None:
        """Have each button act, and then have the page look again by `then_show(event)`."""
        catalogue = self._catalogue
        if catalogue is None:
            return

        def look_again() -> Any:
            # Folders come and go. Not while somebody chooses: it would undo the choice.
            return gr.update(choices=_choices(catalogue, self._slot))

        blocks.load(look_again, None, self._model, **INSTANT)
        choice = [self._model, self._quantization]
        preview = {"fn": self._preview, "inputs": choice, "outputs": self._plan, **INSTANT}
        self._model.change(**preview)
        self._quantization.change(**preview)
        loading = self._load.click(self._switch, [*choice, self._urgent], self._plan, **INSTANT)
        then_show(loading)
        for button, act in (
            (self._cancel, self._residency.cancel),
            (self._retry, self._residency.retry),
            (self._dismiss, self._residency.dismiss),
        ):
            then_show(button.click(self._acting(act), None, None, **INSTANT))

    def _build_choice(self, catalogue: Catalogue) -> None:
        slot = self._slot
        with gr.Row(elem_classes="pg-choice"):
            self._model = gr.Dropdown(
                _choices(catalogue, slot),
                value=None,
                label=f"Another model for {ROLES[slot]}",
                elem_id=f"models-{slot}-model",
                min_width=200,
                scale=3,
            )
            self._quantization = gr.Dropdown(
                list(QUANTIZATIONS.items()),
                value="auto",
                label="Weights",
                elem_id=f"models-{slot}-quantization",
                min_width=170,
                scale=1,
            )
        self._plan = build_html("", f"models-{slot}-plan")
        with gr.Row(elem_classes="pg-actions"):
            self._load = build_button("Load", f"models-{slot}-load")
            self._urgent = gr.Checkbox(
                False,
                label="Stop running generations instead of waiting (their text is kept)",
                elem_id=f"models-{slot}-urgent",
                container=False,
                elem_classes="pg-urgent",
            )

    async def _preview(self, name: str | None, quantization: str) -> str:
        """What the chosen model would need, before anything of it is fetched."""
        if not name or self._catalogue is None:
            return ""
        try:
            source = self._catalogue.source(self._slot, name, _wish(quantization))
            plan = await self._residency.preview(self._slot, source)
        except PlaygroundError as error:
            return error_notice(error)
        license = source.preset.license
        head = "" if license is None else f'<p class="pg-fine">{_license_link(license)}</p>'
        if plan is None:
            return head + notice("info", "It takes no memory of its own.")
        return head + render_memory_plan(plan)

    # Async, and so on the event loop, where residency lives.
    async def _switch(self, name: str | None, quantization: str, is_urgent: bool) -> str:
        if not name or self._catalogue is None:
            return notice("info", "Choose a model first.")
        try:
            source = self._catalogue.source(self._slot, name, _wish(quantization))
            self._residency.switch(self._slot, source, is_urgent=bool(is_urgent))
        except PlaygroundError as error:
            return error_notice(error)
        return ""

    def _acting(self, act: Any) -> Any:
        async def handle() -> None:
            act(self._slot)

        return handle

    def _render_info(self) -> str:
        residency, slot = self._residency, self._slot
        head = f"<h3>{ROLES[slot]}</h3>"
        match residency.status(slot):
            case Loading(progress):
                return head + _loading(residency.preset(slot).title, progress)
            case LoadFailed(error):
                title = _name(residency.preset(slot).title)
                return f"{head}<p>{title} could not be loaded.</p>{_plan_of(error)}"
            case Parked():
                title = _name(residency.preset(slot).title)
                return (
                    f"{head}<p>{title} waits outside of memory: it does not fit beside the "
                    "other model, and takes its turn when it is asked.</p>"
                )
            case Ready(resident):
                return head + self._render_resident(resident)

    def _render_resident(self, resident: ResidentModel) -> str:
        source = self._residency.source(self._slot)
        plan = self._residency.plan(self._slot)
        facts = "".join(
            f"<div><dt>{name}</dt><dd>{value}</dd></div>" for name, value in _facts(resident)
        )
        next_better = "" if self._is_public else source.next_better
        why = " ".join(filter(None, (source.reason, next_better)))
        table = (
            '<p class="pg-fine">It takes no memory of its own.</p>'
            if plan is None
            else render_memory_plan(
                plan, precision=resident.precision, footprint=resident.footprint
            )
        )
        reason = f'<p class="pg-fine">{linked(why)}</p>' if why else ""
        return f'<dl class="pg-facts">{facts}</dl>{reason}{table}'


def _choices(catalogue: Catalogue, slot: Slot) -> list[tuple[str, str]]:
    return [(entry.label, entry.name) for entry in catalogue.entries(slot)]


def _wish(text: str) -> Any:
    return text if text in QUANTIZATIONS.values() else "auto"


def _facts(resident: ResidentModel) -> list[tuple[str, str]]:
    """Names and values, the values as HTML."""
    preset = resident.preset
    parts = [preset.title, preset.parameters]
    place = ", ".join(filter(None, (resident.device, resident.precision)))
    if resident.is_offloaded:
        place += ", partly in main memory: slow"
    infill = resident.infill.name if resident.infill else "no"
    dialogue = resident.dialogue.name if resident.dialogue else "no"
    facts = [
        ("Model", f'<span translate="no">{escape(" · ".join(filter(None, parts)))}</span>'),
        ("Runs on", escape(place)),
        ("Context", f"{resident.context_length:,} tokens"),
        ("Infill", escape(infill)),
        ("Dialogue", escape(dialogue)),
    ]
    if preset.license is not None:
        facts.append(("Licence", _license_link(preset.license)))
    return facts


def _license_link(license: License) -> str:
    return linked_name(license.name, license.url)


def _render_change(change: Changing | ChangeFailed | None) -> str:
    match change:
        case Changing(preset, progress):
            return _loading(preset.title, progress)
        case ChangeFailed(preset, LoadCancelledError() as error):
            text = f"Loading {preset.title} was cancelled; the model from before serves."
            return notice("info", text, error.advice)
        case ChangeFailed(preset, error):
            text = f"{preset.title} could not be loaded; the model from before serves."
            return notice("warning", text) + error_notice(error) + _plan_of(error)
        case None:
            return ""


def _plan_of(error: PlaygroundError) -> str:
    return render_memory_plan(error.plan) if isinstance(error, DoesNotFitError) else ""


def _name(title: str) -> str:
    return f'<b translate="no">{escape(title)}</b>'


def _loading(title: str, progress: LoadProgress) -> str:
    bar = ""
    if progress.fraction is not None:
        bar = f'<progress max="1" value="{progress.fraction:.3f}"></progress>'
    stage = f"<span>{escape(stage_text(progress))}</span>"
    return f'<div class="pg-status pg-busy"><span>{_name(title)}: {stage}</span>{bar}</div>'

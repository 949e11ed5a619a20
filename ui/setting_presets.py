"""Presets of the sampling settings: ours, the resident model's own, and those that a user saves.

A built-in preset says how tokens are drawn, and leaves length, seed and stop strings alone; one
that a user saved brings all but the seed back. The drop-down follows the controls: it names the
preset whose values they hold, however they came there, or says Custom. All of it happens in the
browser (`ui/presets.js`), which also keeps what is saved: none of it is posted to the server.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import Any

import gradio as gr

from model.engine.generation import Slot
from model.loading.residency import Residency
from model.presets import ModelPreset
from model.sampling import SamplingParams
from ui.actions import EACH_TIME, INSTANT, build_button, build_html
from ui.controls import FIELDS, Controls, chat_defaults, show_params
from ui.work import DEFAULTS, Tab

SCRIPT = Path(__file__).with_name("presets.js")

RECOMMENDED = "Recommended"
CUSTOM = "Custom"
# What a built-in preset sets. A length or a stop string belongs to a task, not to a taste.
DRAWN_BY = ("temperature", "top_p", "top_k", "min_p", "repetition_penalty")
BUILT_IN = {
    "Precise": SamplingParams(temperature=0.1, top_p=0.9),
    "Balanced": SamplingParams(temperature=0.4, top_p=0.95),
    # Min-p keeps a high temperature from drawing tokens that make no sense.
    "Creative": SamplingParams(temperature=0.9, top_p=1.0, min_p=0.05),
}
_SLOTS: dict[Tab, Slot] = {"continue": "base", "infill": "base", "chat": "chat"}
_NAMES = [RECOMMENDED, *BUILT_IN, CUSTOM]


class SettingPresets:
    """Builds one tab's drop-down and buttons where it is called, above the controls."""

    def __init__(self, tab: Tab) -> None:
        self.tab = tab
        self.choice = gr.Dropdown(
            _NAMES,
            value=RECOMMENDED,
            label="Preset",
            info="the built-in ones change sampling only",
            elem_id=f"{tab}-preset",
            elem_classes="pg-preset",
        )
        with gr.Row(elem_classes="pg-preset-actions"):
            self._save_as = build_button("Save as…", f"{tab}-preset-save-as")
            self.delete = build_button("Delete", f"{tab}-preset-delete", visible=False)
            self.reset = build_button("Reset", f"{tab}-preset-reset")
        with gr.Row(visible=False, elem_classes="pg-preset-name") as self._naming:
            self._name = gr.Textbox(
                label="Name of the preset",
                show_label=False,
                container=False,
                max_lines=1,
                placeholder="Name",
                elem_id=f"{tab}-preset-name",
            )
            self._save = build_button("Save", f"{tab}-preset-save")
        # The page's script writes here.
        build_html('<p class="pg-fine" role="status"></p>', f"{tab}-preset-note")

    @property
    def shown(self) -> list[Any]:
        """The components that `show` of the script gives the updates of."""
        return [self.choice, self.delete, self.reset]

    def wire(self, controls: Controls) -> None:
        """Have the drop-down set `controls`, and follow them."""
        self.components = list(controls.components)
        held = [self.choice, *self.components]
        self._on(self.choice.input, "choose", held, self.components)
        self._on(self.reset.click, "reset", self.components, self.components)
        # A preset may be what the controls hold already: then none of them changes.
        for event in (self.choice.input, *(control.change for control in self.components)):
            self._on(event, "show", held, self.shown)
        self._on(self._save_as.click, "name", [], self._naming)
        saving = ([self._name, *self.components], [*self.shown, self._naming, self._name])
        self.changed = [
            self._on(self._save.click, "save", *saving),
            self._on(self._name.submit, "save", *saving),
            self._on(self.delete.click, "remove", held, self.shown),
        ]

    def _on(self, event: Any, act: str, inputs: Any, outputs: Any) -> Any:
        """The browser alone acts."""
        js = f"(...values) => playgroundPresets.{act}('{self.tab}', ...values)"
        return event(None, inputs, outputs, js=js, **EACH_TIME)


class PresetShelf:
    """Tells the page's script which presets there are. Builds it where it is called, unseen."""

    def __init__(self, residency: Residency, presets: Sequence[SettingPresets]) -> None:
        self._residency = residency
        self._presets = presets
        self._component = gr.HTML(
            self._render(),
            elem_id="presets",
            elem_classes="pg-html",
            js_on_load=SCRIPT.read_text(encoding="utf-8"),
            apply_default_css=False,
        )

    def follow(self, *triggers: Any) -> None:
        """Offer at these events what the resident models recommend then. What is saved in one tab
        is offered in all."""
        told = gr.on(triggers, self._render, None, self._component, **INSTANT)
        tabs = json.dumps([presets.tab for presets in self._presets])
        showing: dict[str, Any] = {
            "fn": None,
            "inputs": [each for one in self._presets for each in (one.choice, *one.components)],
            "outputs": [each for one in self._presets for each in one.shown],
            "js": f"(...values) => playgroundPresets.showAll({tabs}, values)",
            **INSTANT,
        }
        for event in (told, *(event for one in self._presets for event in one.changed)):
            event.then(**showing)

    def _render(self) -> str:
        return render_presets({slot: self._residency.preset(slot) for slot in _SLOTS.values()})


def render_presets(models: dict[Slot, ModelPreset]) -> str:
    """What is offered with these models, for the script: {"fields", "drawnBy", "custom", "tabs":
    {tab: {"defaults": {field: value}, "builtIn": {name: {field: value}}}}}."""
    tabs = {tab: _offered(tab, models[slot]) for tab, slot in _SLOTS.items()}
    data = {"fields": FIELDS, "drawnBy": DRAWN_BY, "custom": CUSTOM, "tabs": tabs}
    return f'<div data-presets="{escape(json.dumps(data))}"></div>'


def built_in_settings(tab: Tab) -> dict[str, dict[str, Any]]:
    """What ours set, by their names; without what a model recommends."""
    return {name: _by_field(params, DRAWN_BY) for name, params in _built_in(DEFAULTS[tab]).items()}


def _built_in(recommended: SamplingParams) -> dict[str, SamplingParams]:
    return {RECOMMENDED: recommended, **BUILT_IN}


def _offered(tab: Tab, model: ModelPreset) -> dict[str, Any]:
    """Base models' cards recommend nothing: the tab's defaults are what their users settled on."""
    defaults = chat_defaults(model) if tab == "chat" else DEFAULTS[tab]
    built_in = _built_in(defaults)
    return {
        "defaults": _by_field(defaults, FIELDS),
        "builtIn": {name: _by_field(params, DRAWN_BY) for name, params in built_in.items()},
    }


def _by_field(params: SamplingParams, fields: Sequence[str]) -> dict[str, Any]:
    values = dict(zip(FIELDS, show_params(params), strict=True))
    return {field: values[field] for field in fields}

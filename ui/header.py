"""The header: the product, what is resident in each slot, and what stands in for what."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape

from model.engine.generation import Slot
from model.loading.slot import LoadFailed, Loading, Parked, Ready, SlotStatus
from model.presets import ModelPreset
from ui.notices import error_notice, notice
from ui.status import stage_text

TITLE = "StarCoder Playground"
_ROLES: dict[Slot, str] = {"base": "Continue and Infill", "chat": "Chat"}


def render_header(presets: Mapping[Slot, ModelPreset], statuses: Mapping[Slot, SlotStatus]) -> str:
    """The product's name and a chip for each slot."""
    chips = "".join(_chip(slot, presets[slot], statuses[slot]) for slot in statuses)
    return (
        f'<header class="pg-header"><h1>{TITLE}</h1>'
        f'<div class="pg-chips" role="status" aria-label="Models">{chips}</div></header>'
    )


def render_failures(statuses: Mapping[Slot, SlotStatus]) -> str:
    """What to do about each slot whose model could not be loaded; "" if there is none."""
    # The same model in both slots fails the same way: say it once.
    notices = dict.fromkeys(
        error_notice(status.error) for status in statuses.values() if isinstance(status, LoadFailed)
    )
    return "".join(notices)


def render_stand_in(presets: Mapping[Slot, ModelPreset], *, is_public: bool) -> str:
    """A note where a small model stands in for StarCoder; "" where none does."""
    stand_ins = [preset for preset in presets.values() if preset.is_stand_in]
    if not stand_ins:
        return ""
    text = f"This is a small stand-in ({stand_ins[0].parameters}); do not judge StarCoder by it."
    if is_public:
        return notice("info", text)
    command = "<code>python app.py --base-model bigcode/starcoder</code>"
    return (
        f'<div class="pg-notice pg-info" role="note">{escape(text)} '
        f'<span class="pg-advice">To load StarCoder: {command}</span>'
        '<button type="button" class="pg-dismiss" aria-label="Dismiss this note">×</button></div>'
    )


def _chip(slot: Slot, preset: ModelPreset, status: SlotStatus) -> str:
    match status:
        case Loading(progress):
            state, details = "loading", [stage_text(progress)]
        case Parked():
            state, details = "parked", ["loads when it is asked"]
        case LoadFailed():
            state, details = "failed", ["could not be loaded"]
        case Ready(resident):
            preset = resident.preset
            state, details = "ready", [resident.device, resident.precision]
    inner = " · ".join([f"<b>{escape(preset.title)}</b>", *map(escape, details)])
    if preset.license is not None:
        inner += (
            f' · <a href="{escape(preset.license.url)}" target="_blank" rel="noopener noreferrer">'
            f"{escape(preset.license.name)}</a>"
        )
    return (
        f'<span class="pg-chip pg-{state}" title="{_ROLES[slot]}: {state}">'
        f'<i class="pg-dot" aria-hidden="true"></i>'
        f'<span class="pg-role">{_ROLES[slot]}</span><span>{inner}</span></span>'
    )

"""The header: the product, what is resident in each slot, and what stands in for what."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from html import escape

from model.engine.generation import Slot
from model.loading.slot import LoadFailed, Loading, ModelSource, Parked, Ready, SlotStatus
from model.presets import ModelPreset
from ui.notices import error_notice, linked, linked_name
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


def render_note(
    presets: Mapping[Slot, ModelPreset], sources: Mapping[Slot, ModelSource], *, is_public: bool
) -> str:
    """What was chosen and why, how to get the next better one, and what stands in for StarCoder;
    "" where there is nothing to say."""
    lines = []
    stand_ins = [preset for preset in presets.values() if preset.is_stand_in]
    if stand_ins:
        size = stand_ins[0].parameters
        lines.append(f"This is a small stand-in ({size}); do not judge StarCoder by it.")
    lines += [source.reason for source in sources.values()]
    text = _sentences(lines)
    # Only who runs the app can follow the rest.
    advice = "" if is_public else _sentences([source.next_better for source in sources.values()])
    if stand_ins and not advice and not is_public:
        advice = "To load StarCoder: python app.py --base-model starcoder"
    if not (text or advice):
        return ""
    return (
        f'<div class="pg-notice pg-info" role="note"><span>{linked(text)}</span> '
        f'<span class="pg-advice">{linked(advice)}</span>'
        '<button type="button" class="pg-dismiss" aria-label="Dismiss this note">×</button></div>'
    )


def _sentences(lines: Iterable[str]) -> str:
    """Each once: both slots may have the same to say."""
    return " ".join(dict.fromkeys(filter(None, lines)))


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
            state = "ready"
            details = [*filter(None, (resident.device, resident.precision))]
            if resident.is_offloaded:
                details.append("slow: partly in main memory")
    inner = " · ".join([f'<b translate="no">{escape(preset.title)}</b>', *map(escape, details)])
    if preset.license is not None:
        inner += f" · {linked_name(preset.license.name, preset.license.url)}"
    return (
        f'<span class="pg-chip pg-{state}" title="{_ROLES[slot]}: {state}">'
        f'<i class="pg-dot" aria-hidden="true"></i>'
        f'<span class="pg-role">{_ROLES[slot]}</span><span>{inner}</span></span>'
    )

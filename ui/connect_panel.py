"""How other programs use this server: its address, and settings to copy for each client."""

from __future__ import annotations

from html import escape
from typing import Any

import gradio as gr

from model.engine.base import ResidentModel
from model.engine.generation import SLOTS, Slot
from model.loading.residency import Residency
from model.loading.slot import LoadFailed, Loading, Ready
from model.presets import ModelPreset
from model.prompts.infill import INFILL_FORMATS, STARCODER, InfillFormat
from model.prompts.segments import END_OF_TEXT
from model.served import served_id
from ui.actions import INSTANT, build_html
from ui.address import ADD_ADDRESS, read_address
from ui.highlight import Section, highlight
from ui.notices import linked, notice
from ui.served import KEY, ModelFacts, Server, Snippet
from ui.slot_panel import ROLES
from ui.snippets import CLIENTS, build_snippet

FIRST_CLIENT = next(iter(CLIENTS))
# Where nothing is known of a model yet: few enough for any.
UNKNOWN_CONTEXT_LENGTH = 2048


class ConnectPanel:
    """Builds it where it is called.

    Args:
        needs_key: the API's clients have to send a key. The key itself is not known here.
    """

    def __init__(self, residency: Residency, *, needs_key: bool) -> None:
        self._residency = residency
        self._needs_key = needs_key
        with gr.Accordion("Connect", open=False, elem_id="connect"):
            # Holds no element, and so is not seen.
            self._address = build_html("", "connect-address")
            self._facts = build_html("", "connect-facts")
            self._client = gr.Radio(
                [(client.title, name) for name, client in CLIENTS.items()],
                value=FIRST_CLIENT,
                label="Settings for",
                elem_id="connect-client",
            )
            self._snippet = build_html("", "connect-snippet")

    def wire(self, blocks: gr.Blocks, changed: Any) -> None:
        """Show it from the page's opening on, and anew after each `changed` of the models."""
        showing: dict[str, Any] = {
            "fn": self._show,
            "inputs": [self._client, self._address],
            "outputs": [self._facts, self._snippet],
            "js": ADD_ADDRESS,
            **INSTANT,
        }
        blocks.load(**showing)
        self._client.change(**showing)
        changed(**showing)

    async def _show(self, client: str, address: str, request: gr.Request) -> tuple[str, str]:
        server = self._server(address, request)
        snippet = build_snippet(client, server)
        notes = "".join(notice("info", text) for text in self._notes())
        return render_facts(server), notes + await render_snippet(snippet)

    def _server(self, address: str, request: gr.Request) -> Server:
        base, chat = (read_model(self._residency, slot) for slot in SLOTS)
        return Server(read_address(address, request), self._needs_key, base, chat)

    def _notes(self) -> list[str]:
        """What is not as it will be: the models that are not here yet."""
        notes = []
        for slot in SLOTS:
            title = self._residency.preset(slot).title
            match self._residency.status(slot):
                case Loading():
                    notes.append(
                        f"{title} for {ROLES[slot]} is still loading; the settings are for it."
                    )
                case LoadFailed():
                    notes.append(
                        f"There is no model for {ROLES[slot]}: {title} could not be loaded. The "
                        "settings are for when it is."
                    )
                case _:
                    pass
        return notes


def read_model(residency: Residency, slot: Slot) -> ModelFacts:
    """What clients have to know of the slot's model: as it is, or as its preset says."""
    status = residency.status(slot)
    if isinstance(status, Ready):
        return _resident_model(status.resident, slot)
    preset = residency.preset(slot)
    infill = INFILL_FORMATS.get(preset.infill or "")
    if not preset.family:  # nothing is known of it but its name
        infill = STARCODER
    return ModelFacts(
        served_id(preset, slot),
        preset.title,
        preset.shape.context_length if preset.shape else UNKNOWN_CONTEXT_LENGTH,
        infill,
        _end_tokens(preset, infill),
        can_chat=preset.dialogue is not None or not preset.family,
    )


def _resident_model(resident: ResidentModel, slot: Slot) -> ModelFacts:
    preset = resident.preset
    return ModelFacts(
        served_id(preset, slot),
        preset.title,
        resident.context_length,
        resident.infill,
        _end_tokens(preset, resident.infill),
        can_chat=resident.dialogue is not None,
        is_slow=resident.device == "cpu",
    )


def _end_tokens(preset: ModelPreset, infill: InfillFormat | None) -> tuple[str, ...]:
    tokens = preset.stop_tokens or (END_OF_TEXT,)
    file_sep = infill.file_sep if infill else None
    return tokens if file_sep is None or file_sep in tokens else (*tokens, file_sep)


def render_facts(server: Server) -> str:
    """The address, whether a key is wanted, and what the models are called."""
    key = "none is needed"
    if server.needs_key:
        key = f"needed: put it in place of <code>{KEY}</code>"
    base, chat = server.base, server.chat
    models = f"<code>{escape(base.name)}</code>"
    if chat.name != base.name:
        models += f", <code>{escape(chat.name)}</code>"
    facts = "".join(
        f"<div><dt>{name}</dt><dd>{value}</dd></div>"
        for name, value in (
            ("Address", _copyable(server.address)),
            ("For OpenAI’s clients", _copyable(f"{server.address}/v1")),
            ("Key", key),
            ("Model" if chat.name == base.name else "Models", models),
        )
    )
    return f'<dl class="pg-facts">{facts}</dl>'


def _copyable(text: str) -> str:
    return (
        f'<section class="pg-copy"><code>{escape(text)}</code>'
        '<button type="button" data-copy="code">Copy</button></section>'
    )


async def render_snippet(snippet: Snippet) -> str:
    """Where it goes, and the text with a button that copies it."""
    if snippet.refusal:
        return notice("warning", snippet.refusal)
    steps = "".join(f"<li>{linked(step)}</li>" for step in snippet.steps)
    whole = (Section(0, len(snippet.code), "pg-whole"),)
    code = await highlight(snippet.code, snippet.lexer, whole)
    place = escape(snippet.place)
    return (
        f'<ol class="pg-steps">{steps}</ol>'
        f'<section class="pg-result" aria-label="{place}">'
        f'<header><span translate="no">{place}</span>'
        '<button type="button" data-copy="code">Copy</button></header>'
        f'<pre tabindex="0" aria-label="{place}"><code>{code}</code></pre></section>'
    )

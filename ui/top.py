"""What stands above the tabs: the models' state, how they came to be, and how they are changed."""

from __future__ import annotations

from typing import Any

import gradio as gr

from model.engine.generation import SLOTS, Slot
from model.loading.catalogue import Catalogue
from model.loading.residency import Residency
from model.loading.slot import Changing, LoadFailed, Loading, SlotStatus
from ui.actions import INSTANT, Updates, build_button, build_html
from ui.chat_tab import ChatTab
from ui.connect_panel import ConnectPanel
from ui.header import render_failures, render_header, render_note
from ui.infill_tab import InfillTab
from ui.license_gate import LicenseGate
from ui.slot_panel import SlotPanel

# How often a page looks: while a model is on its way, and else, for somebody else may change one.
WATCH_SECONDS = 0.5
LOOK_SECONDS = 3.0


class Top:
    """Builds it where it is called.

    Args:
        is_public: strangers see it: no advice that only the owner can follow, no buttons that act
            on a model, and use restrictions before the first use.
        catalogue: the models on offer; None where they cannot be changed from the page.
        needs_key: the API's clients have to send a key.
    """

    def __init__(
        self,
        residency: Residency,
        *,
        is_public: bool,
        catalogue: Catalogue | None,
        needs_key: bool,
    ) -> None:
        self._residency = residency
        self._is_public = is_public
        # What the page shows, by its own account: an answer may be lost, or overtaken by another.
        # The style sheet hides it, as all that hold no element.
        self._seen = build_html("", "models-version")
        self._timer = gr.Timer(LOOK_SECONDS)
        self._header = build_html(self._render_header(), "header")
        self._note = build_html("", "stand-in")
        self._failures = build_html("", "failures")
        self._retry = build_button("Retry loading", "retry-loading", visible=False)
        with gr.Row(elem_classes="pg-panels"):
            with (
                gr.Accordion("Models and memory", open=False, elem_id="models"),
                gr.Row(elem_classes="pg-slots"),
            ):
                self._panels = [
                    SlotPanel(residency, slot, catalogue, is_public=is_public) for slot in SLOTS
                ]
            self._connect = ConnectPanel(residency, needs_key=needs_key)
        self._gate = LicenseGate(lambda: [residency.preset(slot).license for slot in SLOTS])

    @property
    def changed(self) -> Any:
        """The event that another model is in a slot, or that something else became of one."""
        return self._header.change

    def watch(self, blocks: gr.Blocks, work: Any, infill_tab: InfillTab, chat_tab: ChatTab) -> None:
        """Show what happens to the models, from the page's opening on.

        Args:
            work: what is hidden while use restrictions are to be read.
        """
        self._gate.bind(work)
        outputs = [self._timer, self._header, self._note, self._failures, self._retry]
        outputs.append(self._gate.required)
        parts: tuple[Any, ...] = (*self._panels, infill_tab, chat_tab)
        for part in parts:
            outputs += part.outputs
        outputs.append(self._seen)

        async def look(seen: str, pace: float) -> Updates:
            """The news, if there is any. `seen` is the version that the page shows."""
            version = str(self._residency.version())
            wanted = WATCH_SECONDS if self._is_moving() else LOOK_SECONDS
            updates: Updates = {self._seen: version}
            if pace != wanted:
                updates[self._timer] = gr.update(value=wanted)
            if version != seen:
                updates |= self._updates()
                updates |= infill_tab.updates_for(self._residency.status("base"))
                updates |= chat_tab.updates_for(self._residency.status("chat"))
            return updates

        looking: dict[str, Any] = {
            "fn": look,
            "inputs": [self._seen, self._timer],
            "outputs": outputs,
            # No stream: another one that ends at the wrong moment would take it along.
            **INSTANT,
        }
        blocks.load(**looking)
        self._timer.tick(**looking)
        if not self._is_public:  # a hidden button can be pressed, too
            self._retry.click(self._load_again, None, None, **INSTANT).then(**looking)
        for panel in self._panels:
            panel.wire(blocks, lambda event: event.then(**looking))
        self._connect.wire(blocks, self.changed)

    def _updates(self) -> Updates:
        statuses = self._statuses()
        has_failed = any(isinstance(status, LoadFailed) for status in statuses.values())
        sources = {slot: self._residency.source(slot) for slot in SLOTS}
        updates: Updates = {
            self._header: self._render_header(),
            self._note: render_note(self._presets(), sources, is_public=self._is_public),
            self._failures: render_failures(statuses),
            self._retry: gr.update(visible=has_failed and not self._is_public),
        }
        for panel in self._panels:
            updates |= panel.updates()
        if self._is_public:
            updates |= self._gate.updates()
        return updates

    def _is_moving(self) -> bool:
        return any(
            isinstance(self._residency.status(slot), Loading)
            or isinstance(self._residency.change(slot), Changing)
            for slot in SLOTS
        )

    async def _load_again(self) -> None:
        # Async, and so on the event loop, where residency lives.
        for slot in SLOTS:
            if isinstance(self._residency.status(slot), LoadFailed):
                self._residency.retry(slot)

    def _presets(self) -> dict[Slot, Any]:
        return {slot: self._residency.preset(slot) for slot in SLOTS}

    def _statuses(self) -> dict[Slot, SlotStatus]:
        return {slot: self._residency.status(slot) for slot in SLOTS}

    def _render_header(self) -> str:
        return render_header(self._presets(), self._statuses())

"""What a tab hands to the browser to keep there, and the history that the browser shows of it.

Nothing of it is posted back but an entry that is brought back. `ui/kept_store.js` says where and
how long things are kept, `ui/kept_list.js` draws the history.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import gradio as gr

from model.errors import InvalidInputError
from ui.actions import INSTANT, Updates, build_html
from ui.entry import build_entry
from ui.hidden import build_hidden
from ui.notices import error_notice
from ui.work import Tab, Work, WorkError, read_work

_SHOW_HISTORY = "playgroundKept.showHistory(element, '%s', {props, watch, trigger})"


class WorkTab(Protocol):
    """A tab whose work can be read from its components and shown in them."""

    @property
    def work_inputs(self) -> list[Any]: ...

    @property
    def work_outputs(self) -> list[Any]: ...

    @property
    def draft(self) -> dict[str, Any]:
        """The components that hold the work in the browser, by the names in `ui.drafts`."""
        ...

    @property
    def shown_while_it_comes(self) -> list[Any]:
        """Components that alone change while a text comes."""
        ...

    def read_work(self, *values: Any) -> Work: ...

    async def show_work(self, work: Work, *values: Any) -> Updates: ...


class Keeper:
    """Builds the history where it is called."""

    def __init__(self, tab: Tab) -> None:
        self._tab = tab
        # Outside of what can be folded away: the browser does not hear of what it does not draw.
        self._entry = build_hidden("", f"{tab}-entry")
        with gr.Accordion(
            "History", open=False, elem_id=f"{tab}-history", elem_classes="pg-history"
        ):
            self.list = gr.HTML(
                html_template="",
                # The tab is no property: those are lost where one changes before it is drawn.
                js_on_load=_SHOW_HISTORY % tab,
                apply_default_css=False,
                elem_id=f"{tab}-history-list",
                elem_classes="pg-html",
                interactive=True,
            )
            self._note = build_html("", f"{tab}-history-note")
        self._entry.change(
            None, self._entry, None, js="(entry) => { playgroundKept.record(entry); }", **INSTANT
        )

    @property
    def outputs(self) -> list[Any]:
        """The components that `record` changes."""
        return [self._entry]

    def record(self, work: Work, generated: str, num_tokens: int, why: str, model: str) -> Updates:
        """Have the browser keep a generation, where it has brought any text."""
        if not generated:
            return {}
        return {self._entry: build_entry(work, generated, num_tokens, why, model)}

    def record_each(self, entries: Sequence[str]) -> Updates:
        """The same for entries of `build_entry`. Some may be told again: each is kept once."""
        return {self._entry: f"[{','.join(entries)}]"} if entries else {}

    def wire(self, tab: WorkTab) -> Any:
        """Have an entry that is chosen take the place of what stands in `tab`: the event."""

        async def bring_back(event: gr.EventData, *values: Any) -> Updates:
            try:
                work = read_work(str(event.work))
                if work.tab != self._tab:
                    raise WorkError("The entry is another tab's.")
            except InvalidInputError as error:
                return {self._note: error_notice(error)}
            return await tab.show_work(work, *values) | {self._note: ""}

        outputs = [*tab.work_outputs, self._note]
        return self.list.select(bring_back, tab.work_inputs, outputs, **INSTANT)

"""Continue's third form: the editor holds a notebook as a script, and the model writes a cell."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gradio as gr

from model.engine.base import ResidentModel
from model.errors import InvalidInputError
from model.loading.residency import Residency
from model.loading.slot import Ready
from model.presets import EMBEDDED_BASE
from model.prompts.metadata import knows_notebooks
from model.prompts.texts import check_texts
from ui.actions import EACH_TIME, INSTANT, Updates, build_html
from ui.edit_form import FORMS
from ui.history import History
from ui.notebook_file import is_notebook, read_notebook
from ui.notices import error_notice, notice
from ui.percent_cells import NextCell, write_cells
from ui.picked_files import MAX_PICKED_BYTES, PickedFileError, picking_script, read_picked
from ui.status import say

NAME = "continue-notebook"
SCRIPT = Path(__file__).with_name("notebook_form.js")

NEXT_CELLS: dict[str, NextCell] = {
    "Code": "code",
    "Text": "text",
    "Output": "output",
    "More of the last cell": "same",
}

_HINT = (
    '<p class="pg-fine"><code># %%</code> begins a code cell, <code># %% [markdown]</code> a text '
    "cell, <code># %% [output]</code> an output. A pasted .ipynb becomes such cells.</p>"
)


class NotebookForm:
    """Builds the line below the editor where it is called. It keeps components, never what they
    hold."""

    def __init__(self, residency: Residency) -> None:
        self._residency = residency
        with gr.Column(visible=False, elem_classes="pg-notebook") as self.line:
            self._note = build_html("", f"{NAME}-note")
            with gr.Row(elem_classes="pg-notebook-next"):
                self._next_cell = gr.Radio(
                    list(NEXT_CELLS),
                    value=next(iter(NEXT_CELLS)),
                    label="Next cell",
                    elem_id=f"{NAME}-next",
                    elem_classes="pg-inline",
                )
                self._opener = gr.HTML(
                    '<button type="button">Open .ipynb</button>',
                    js_on_load=picking_script(SCRIPT).replace("MAX_BYTES", str(MAX_PICKED_BYTES)),
                    apply_default_css=False,
                    elem_id=f"{NAME}-open",
                    elem_classes="pg-html",
                )
            build_html(_HINT, f"{NAME}-hint")

    @property
    def inputs(self) -> list[Any]:
        """What `read_next_cell` takes the value of. They are all that `show` changes."""
        return [self._next_cell]

    @property
    def changes(self) -> list[Any]:
        """The events at which a request changes."""
        return [self._next_cell.change]

    @property
    def draft(self) -> dict[str, Any]:
        """What the browser keeps as it changes, by the names in `ui.drafts`."""
        return {"next_cell": self._next_cell}

    def show(self, next_cell: NextCell) -> Updates:
        title = next(title for title, cell in NEXT_CELLS.items() if cell == next_cell)
        return {self._next_cell: title}

    def wire(self, choice: Any, editor: Any, history: Any, before: Any, status: Any) -> None:
        """Have an .ipynb that is opened, pasted, or there when `choice` falls on this form, stand
        in `editor` as cells; undo brings back what stood."""

        def show(json: str, text: str, past: History[str]) -> Updates:
            try:
                cells = write_cells(read_notebook(json))
                check_texts([("notebook", cells)])
            except InvalidInputError as error:
                return {status: error_notice(error)}
            said = say("The .ipynb is in the editor, as cells · Undo brings back what stood before")
            replaced = {editor: cells, history: past.record(text) if text else past}
            return replaced | {before: None, status: said}

        def take(event: gr.EventData, text: str, past: History[str]) -> Updates:
            try:
                files, problem = read_picked(event.files)
                if problem:
                    raise PickedFileError(problem, "Nothing was changed.")
            except InvalidInputError as error:
                return {status: error_notice(error)}
            return show(files[0].text, text, past) if files else {status: gr.skip()}

        def turn(form: str, text: str, past: History[str]) -> Updates:
            if FORMS.get(form) == "notebook" and is_notebook(text):
                return show(text, text, past)
            return {status: gr.skip()}

        outputs = [editor, history, before, status]
        self._opener.upload(take, [editor, history], outputs, **INSTANT)
        choice.input(turn, [choice, editor, history], outputs, **EACH_TIME)

    def describe_on(self, *triggers: Any) -> None:
        """Say where the resident model cannot write cells, anew at each of `triggers`."""

        def describe() -> str:
            status = self._residency.status("base")
            return explain(status.resident) if isinstance(status, Ready) else ""

        gr.on(triggers, describe, None, self._note, **EACH_TIME)


def read_next_cell(choice: str | None) -> NextCell:
    return NEXT_CELLS.get(choice or "", "code")


def explain(resident: ResidentModel) -> str:
    """That the model cannot write cells, or hardly; "" where it can."""
    if resident.preset.name == EMBEDDED_BASE.name:
        return notice(
            "info",
            f"{resident.preset.title} has the notebook tokens, but most of its cells stay empty.",
            "StarCoder models of both families learned to write them.",
        )
    if knows_notebooks(resident.tokenizer.special_id):
        return ""
    return notice(
        "warning",
        f"{resident.preset.title} has no notebook tokens: it refuses to write cells.",
        "StarCoder models of both families can; as Text any model goes on with the script.",
    )

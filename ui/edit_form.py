"""The choice of Continue's forms, and the second of them: the code in the editor, a line that says
what to change, and a diff."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import gradio as gr

from model.engine.base import ResidentModel
from model.loading.residency import Residency
from model.loading.slot import Ready
from model.prompts.metadata import knows_commits
from ui.actions import EACH_TIME, Updates, build_button, build_html
from ui.edit_diff import Proposal, render_edit
from ui.fields import Fields
from ui.hidden import build_hidden
from ui.notices import notice
from ui.progress import Progress

NAME = "continue-edit"

FormName = Literal["text", "edit", "notebook"]
FORMS: dict[str, FormName] = {"Text": "text", "Edit": "edit", "Notebook": "notebook"}


@dataclass(frozen=True, slots=True)
class Edit:
    """
    Attributes:
        form: the one that is chosen.
        instruction: what to change.
        proposal: what a model made of the code, until it is accepted or discarded.
    """

    form: FormName = "text"
    instruction: str = ""
    proposal: Proposal | None = None

    def __bool__(self) -> bool:
        return bool(self.instruction or self.proposal)

    @property
    def texts(self) -> list[tuple[str, str]]:
        """Each with its name, for `check_texts`."""
        proposal = self.proposal
        pair = [("code", proposal.before), ("changed code", proposal.after)] if proposal else []
        return [("instruction", self.instruction), *pair]

    def to_json(self) -> dict[str, Any]:
        proposal = write_proposal(self.proposal)
        return {"form": self.form, "instruction": self.instruction, "proposal": proposal}


NO_EDIT = Edit()


class EditForm:
    """Builds the choice of a form where it is called, then `build_line` and `build_pane` theirs.

    It keeps components, never what they hold.
    """

    def __init__(self, residency: Residency) -> None:
        self._residency = residency
        self._text_only: Sequence[Any] = ()
        self._lines: Mapping[FormName, Any] = {}
        self.proposal = gr.State(None)
        # The same as JSON, where the browser can read it.
        self._written = build_hidden("null", f"{NAME}-written")
        self.choice = gr.Radio(
            list(FORMS),
            value=next(iter(FORMS)),
            label="Form",
            show_label=False,
            container=False,
            elem_id="continue-form",
            elem_classes="pg-form-choice",
            min_width=0,
        )

    def build_line(self) -> None:
        with gr.Column(visible=False, elem_classes="pg-edit") as self._line:
            self._note = build_html("", f"{NAME}-note")
            self.instruction = gr.Textbox(
                label="What to change",
                placeholder="Add type hints",
                max_lines=4,
                elem_id=f"{NAME}-instruction",
            )

    def build_pane(self) -> None:
        with gr.Column(visible=False, elem_classes="pg-edit-result") as self._box:
            self._pane = build_html("", f"{NAME}-diff", "pg-pane", max_height="60vh")
            with gr.Row(elem_classes="pg-take"):
                self.take = build_button("Accept", f"{NAME}-take")
                self.discard = build_button("Discard", f"{NAME}-discard")

    @property
    def inputs(self) -> list[Any]:
        """What `read_edit` takes the values of."""
        return [self.choice, self.instruction, self.proposal]

    @property
    def outputs(self) -> list[Any]:
        """The components that `show` changes."""
        panes = [self._written, self._box, self._pane, self.take, self.discard]
        return [*self.inputs, *panes, *self._lines.values(), *self._text_only]

    @property
    def changes(self) -> list[Any]:
        """The events at which a request changes."""
        return [self.choice.change, self.instruction.change]

    @property
    def draft(self) -> dict[str, Any]:
        """What the browser keeps as it changes, by the names in `ui.drafts`."""
        return {
            "form": self.choice,
            "instruction": self.instruction,
            "proposal": self._written,
        }

    def show(self, edit: Edit) -> Updates:
        title = next(title for title, form in FORMS.items() if form == edit.form)
        chosen = {self.choice: title, self.instruction: edit.instruction}
        # A choice that is not drawn tells of no change.
        return chosen | self.propose(edit.proposal) | self._switch(title)

    def stream(self, code: str, progress: Progress) -> Updates:
        """The diff as the changed code comes; nothing to accept yet."""
        if not progress.text:
            return {}
        return self._draw(Proposal(code, progress.text, is_whole=False), is_over=False)

    def propose(self, proposal: Proposal | None) -> Updates:
        """The diff with its buttons; None where there is none."""
        written = json.dumps(write_proposal(proposal))
        return self._draw(proposal) | {self.proposal: proposal, self._written: written}

    def _draw(self, proposal: Proposal | None, *, is_over: bool = True) -> Updates:
        buttons = {button: gr.update(interactive=is_over) for button in (self.take, self.discard)}
        pane = render_pane(proposal) if proposal else ""
        return buttons | {self._box: gr.update(visible=proposal is not None), self._pane: pane}

    def wire(self, text_only: Sequence[Any], notebook: Any) -> None:
        """Show what belongs to the chosen form; `text_only` are components of the first alone,
        `notebook` is the third's line. Call it before `outputs` is asked for."""
        self._text_only = text_only
        self._lines = {"edit": self._line, "notebook": notebook}
        shown = [*self._lines.values(), *text_only]
        self.choice.change(self._switch, self.choice, shown, **EACH_TIME)

    def _switch(self, choice: str) -> Updates:
        form = FORMS.get(choice, "text")
        is_text = gr.update(visible=form == "text")
        lines = {line: gr.update(visible=form == name) for name, line in self._lines.items()}
        return lines | dict.fromkeys(self._text_only, is_text)

    def describe_on(self, *triggers: Any) -> None:
        """Say where the resident model cannot edit, anew at each of `triggers`."""

        def describe() -> str:
            status = self._residency.status("base")
            return explain(status.resident) if isinstance(status, Ready) else ""

        gr.on(triggers, describe, None, self._note, **EACH_TIME)


def read_edit(choice: str | None, instruction: str | None, proposal: Proposal | None) -> Edit:
    return Edit(FORMS.get(choice or "", "text"), instruction or "", proposal)


def explain(resident: ResidentModel) -> str:
    """That the model cannot edit; "" where it can."""
    if knows_commits(resident.tokenizer.special_id):
        return ""
    return notice(
        "warning",
        f"{resident.preset.title} has no commit tokens: it refuses to edit by instruction.",
        "Models of StarCoder’s first family can; any chat model can be asked in Chat.",
    )


def render_pane(proposal: Proposal) -> str:
    title = "Proposed change" if proposal.is_whole else "Proposed change, as far as it came"
    if proposal.is_whole and proposal.text == proposal.before:
        title = "Nothing was changed"
    diff = render_edit(proposal)
    return (
        f'<section class="pg-result" aria-label="{title}"><header><span>{title}</span></header>'
        f'<pre tabindex="0" aria-label="{title}"><code>{diff}</code></pre></section>'
    )


def write_proposal(proposal: Proposal | None) -> dict[str, Any] | None:
    if proposal is None:
        return None
    texts = {"before": proposal.before, "after": proposal.after}
    return texts | {"is_whole": proposal.is_whole}


def parse_edit(fields: Fields) -> Edit:
    """The inverse of `Edit.to_json`.

    Raises:
        ValueError: it is none.
    """
    proposal = None
    if fields.get("proposal") is not None:
        told = fields.object("proposal")
        proposal = Proposal(told.text("before"), told.text("after"), told.flag("is_whole"))
    form = fields.choice("form", "text", "edit", "notebook")
    return Edit(form, fields.text("instruction"), proposal)

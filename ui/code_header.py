"""What Continue's model is told before the code: the file's name, its repository and its stars.

The model gets it in its family's tokens (`model/prompts/metadata.py`); none of it is ever text in
the editor.
"""

from __future__ import annotations

from typing import Any

import gradio as gr

from model.engine.base import ResidentModel
from model.loading.residency import Residency
from model.loading.slot import Ready
from model.prompts.metadata import EXERCISE_PATH, Header, detect_metadata
from ui.actions import EACH_TIME, INSTANT, Updates, build_html
from ui.fields import Fields
from ui.file_language import language_of_file
from ui.notices import notice

NAME = "continue-header"
TITLE = "Header"
EXERCISE = "Code exercise"


class CodeHeader:
    """Builds the panel where it is called, closed. It keeps components, never what they hold."""

    def __init__(self, residency: Residency) -> None:
        self._residency = residency
        self._has_chosen = gr.State(False)
        with gr.Accordion(
            TITLE, open=False, elem_id=NAME, elem_classes="pg-header-panel"
        ) as self._accordion:
            self._note = build_html("", f"{NAME}-note")
            with gr.Row(elem_classes="pg-header-fields"):
                self._path = _build_box("File name", "src/app.py", "path")
                self._repo_name = _build_box("Repository", "owner/name", "name")
                # A gr.Number that was never filled in comes back as 0 (gradio 6.31).
                self._stars = _build_box("Stars", "250", "stars")
            self._exercise = gr.Checkbox(
                label=EXERCISE,
                info="one line before the code says that it solves an exercise, in "
                f"{EXERCISE_PATH} where no file is named: StarCoder then leaves no stubs",
                elem_id=f"{NAME}-exercise",
                elem_classes="pg-header-exercise",
            )

    @property
    def panel(self) -> Any:
        """All of it."""
        return self._accordion

    @property
    def inputs(self) -> list[Any]:
        """What `read_header` takes the values of."""
        return [self._path, self._repo_name, self._stars, self._exercise]

    @property
    def outputs(self) -> list[Any]:
        """The components that `show` changes."""
        return [*self.inputs, self._has_chosen, self._accordion]

    @property
    def changes(self) -> list[Any]:
        """The events at which they change."""
        return [component.change for component in self.inputs]

    @property
    def draft(self) -> dict[str, Any]:
        """What the browser keeps as it changes, by the names in `ui.drafts`."""
        # Gradio takes a "path" in an event's data for a file of its own, and refuses it.
        names = ("file_name", "repository", "stars", "exercise")
        return dict(zip(names, self.inputs, strict=True))

    def show(self, header: Header) -> Updates:
        """Another header altogether, whose work brings its own language."""
        values = (header.path, header.repo_name, header.stars, header.is_exercise)
        chosen = {self._has_chosen: True} if header.path else {}
        # Fields that are folded away tell of no change.
        title = {self._accordion: gr.update(label=self._title(header))}
        return dict(zip(self.inputs, values, strict=True)) | chosen | title

    def describe_on(self, *triggers: Any) -> None:
        """Have the title say what is told, and a note what the model cannot be told, anew at each
        of `triggers`."""
        outputs = [self._accordion, self._note]
        gr.on([*self.changes, *triggers], self._describe, self.inputs, outputs, **EACH_TIME)

    def follow_path(self, language: Any) -> None:
        """Have a drop-down of languages follow the file's name until somebody chooses there."""

        def find(path: str | None, has_chosen: bool) -> Any:
            title = None if has_chosen else language_of_file(path or "")
            return gr.update(value=title) if title else gr.skip()

        language.input(lambda: True, None, self._has_chosen, **INSTANT)
        self._path.change(find, [self._path, self._has_chosen], language, **EACH_TIME)

    def _describe(self, *values: Any) -> Updates:
        label = gr.update(label=self._title(read_header(*values)))
        resident = self._resident
        return {self._accordion: label, self._note: explain(resident) if resident else ""}

    def _title(self, header: Header) -> str:
        resident, told = self._resident, tell(header)
        if resident is not None and detect_metadata(resident.tokenizer.special_id) is None:
            told.append("not for this model")
        return " · ".join([TITLE, *told])

    @property
    def _resident(self) -> ResidentModel | None:
        status = self._residency.status("base")
        return status.resident if isinstance(status, Ready) else None


def _build_box(label: str, placeholder: str, name: str) -> Any:
    return gr.Textbox(
        label=label,
        placeholder=placeholder,
        max_lines=1,
        elem_id=f"{NAME}-{name}",
        elem_classes="pg-mono",
        min_width=160 if name != "stars" else 80,
        scale=2 if name != "stars" else 1,
    )


def read_header(
    path: str | None, repo_name: str | None, stars: str | None, is_exercise: object
) -> Header:
    path, repo_name, stars = ((text or "").strip() for text in (path, repo_name, stars))
    return Header(path, repo_name, stars, bool(is_exercise))


def tell(header: Header) -> list[str]:
    """Each thing that is told, in a word or two."""
    told = [text for text in (header.repo_name, header.path) if text]
    if header.stars:
        told.append(f"{header.stars} stars")
    return [*told, "exercise"] if header.is_exercise else told


def explain(resident: ResidentModel) -> str:
    """What of a header the model cannot be told; "" where it knows all of it."""
    dialect, title = detect_metadata(resident.tokenizer.special_id), resident.preset.title
    if dialect is None:
        return notice(
            "warning",
            f"{title} has no tokens for a header: it refuses while any of it is set.",
            "Leave all of this empty, or load a StarCoder model.",
        )
    if dialect.stars is None:
        return notice(
            "info",
            f"{title} reads names in {dialect.name}’s form, which has no stars: it refuses while "
            "any are set.",
            "StarCoder’s first family knows them.",
        )
    return ""


def write_header(header: Header) -> dict[str, Any]:
    """As `ui.work` has it."""
    return {
        "path": header.path,
        "repository": header.repo_name,
        "stars": header.stars,
        "exercise": header.is_exercise,
    }


def parse_header(fields: Fields) -> Header:
    """The inverse of `write_header`.

    Raises:
        ValueError: it is none.
    """
    path, repo_name = fields.text("path"), fields.text("repository")
    return Header(path, repo_name, fields.text("stars"), fields.flag("exercise"))

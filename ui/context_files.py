"""What an infill is told besides the gap: where the file lies, and others of its repository."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from html import escape
from pathlib import Path
from typing import Any

import gradio as gr

from model.engine.base import ResidentModel
from model.errors import InvalidInputError
from model.loading.residency import Residency
from model.loading.slot import Ready
from model.prompts.infill import RepositoryFile
from model.prompts.texts import check_texts
from model.requests import InfillRequest
from ui.actions import EACH_TIME, INSTANT, Updates, build_button, build_html
from ui.file_language import language_of_file
from ui.hidden import build_hidden
from ui.notices import error_notice, notice
from ui.picked_files import PickedFileError, picking_script, read_picked
from ui.shelf import Shelf
from ui.status import say

NAME = "infill-repository"
TITLE = "Repository context"
SCRIPT = Path(__file__).with_name("context_files.js")
MAX_FILES = 64

# Of each file on the shelf; None while no model is there to count.
Counts = tuple[int | None, ...]


@dataclass(frozen=True, slots=True)
class Repository:
    """
    Attributes:
        path: of the file with the gap.
        name: of the repository, as "owner/name".
        files: others of it, in the order that the model reads.
    """

    path: str = ""
    name: str = ""
    files: tuple[RepositoryFile, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.path or self.name or self.files)

    @property
    def texts(self) -> list[tuple[str, str]]:
        """Each with its name, for `check_texts`."""
        files = [box for file in self.files for box in _boxes(file)]
        return [("path", self.path), ("repository", self.name), *files]

    def to_json(self) -> dict[str, Any]:
        files = [{"path": file.path, "text": file.text} for file in self.files]
        return {"path": self.path, "name": self.name, "files": files}

    def tell(self, request: InfillRequest) -> InfillRequest:
        return replace(request, path=self.path, repo_name=self.name, context=self.files)


class ContextFiles:
    """Builds the panel where it is called, closed. It keeps components, never what they hold."""

    def __init__(self, residency: Residency) -> None:
        self._residency = residency
        self._shelf = gr.State(Shelf())
        self._counts = gr.State(())
        # The files as JSON, where the browser can read them.
        self._written = build_hidden("[]", f"{NAME}-written")
        with gr.Accordion(
            TITLE, open=False, elem_id=NAME, elem_classes="pg-repository"
        ) as self._accordion:
            self._note = build_html("", f"{NAME}-note")
            with gr.Row(elem_classes="pg-repository-names"):
                self.path = gr.Textbox(
                    label="Path of this file",
                    placeholder="src/app.py",
                    max_lines=1,
                    elem_id=f"{NAME}-path",
                    elem_classes="pg-mono",
                )
                self._name = gr.Textbox(
                    label="Repository",
                    placeholder="owner/name",
                    max_lines=1,
                    elem_id=f"{NAME}-name",
                    elem_classes="pg-mono",
                )
            self._list = gr.HTML(
                render_shelf(Shelf(), ()),
                elem_id=f"{NAME}-files",
                elem_classes="pg-html",
                js_on_load=picking_script(SCRIPT),
                apply_default_css=False,
            )
            self._status = build_html("", f"{NAME}-status")
            self._build_paste()
        self._wire()

    def _build_paste(self) -> None:
        with gr.Accordion(
            "Paste a file", open=False, elem_id=f"{NAME}-paste", elem_classes="pg-more"
        ):
            self._pasted_path = gr.Textbox(
                label="Its path",
                placeholder="src/names.py",
                max_lines=1,
                elem_id=f"{NAME}-pasted-path",
                elem_classes="pg-mono",
            )
            self._pasted_text = gr.Textbox(
                label="Its text",
                lines=5,
                max_lines=12,
                elem_id=f"{NAME}-pasted-text",
                elem_classes="pg-mono",
            )
            with gr.Row(elem_classes="pg-actions"):
                self._paste = build_button("Add to the files", f"{NAME}-paste-add")

    @property
    def inputs(self) -> list[Any]:
        """What `read_repository` takes the values of."""
        return [self.path, self._name, self._shelf]

    @property
    def outputs(self) -> list[Any]:
        """The components that `show` changes."""
        return [*self.inputs, self._list, self._note, self._counts, self._status, self._written]

    @property
    def draft(self) -> dict[str, Any]:
        """What the browser keeps as it changes, by the names in `ui.drafts`."""
        # Gradio takes a "path" in an event's data for a file of its own, and refuses it.
        return {"file_name": self.path, "repository": self._name, "files": self._written}

    async def show(self, repository: Repository) -> Updates:
        """Another repository's context altogether."""
        names = {self.path: repository.path, self._name: repository.name, self._status: ""}
        return names | await self._show(Shelf(repository.files))

    @property
    def changes(self) -> list[Any]:
        """The events at which they change. A `gr.State` has none outside of Gradio's queue."""
        return [self.path.change, self._name.change, self._list.change]

    def count_on(self, *triggers: Any) -> None:
        """Count the files' tokens by the resident model's tokenizer, anew at each of `triggers`."""
        counted = [self._list, self._note, self._counts]
        gr.on(triggers, self._count, self._shelf, counted, **EACH_TIME)
        inputs = [self.path, self._name, self._counts]
        gr.on([*self.changes, *triggers], self._label, inputs, self._accordion, **EACH_TIME)

    def follow_path(self, language: Any) -> None:
        """Have a drop-down of languages follow the path."""

        def find(path: str | None) -> Any:
            title = language_of_file(path or "")
            return gr.update(value=title) if title else gr.skip()

        self.path.change(find, self.path, language, **EACH_TIME)

    def _wire(self) -> None:
        shelved = self.outputs[2:]
        self._list.upload(self._take_files, self._shelf, shelved, **EACH_TIME)
        for event, change in (
            (self._list.edit, lambda shelf, event: shelf.rename(event.index, event.name.strip())),
            (self._list.apply, lambda shelf, event: shelf.move(event.index, event.to)),
            (self._list.delete, lambda shelf, event: shelf.remove(event.index)),
            (self._list.undo, lambda shelf, event: shelf.put_back()),
        ):
            event(self._changer(change), self._shelf, shelved, **EACH_TIME)
        pasted = [self._pasted_path, self._pasted_text]
        self._paste.click(self._take_pasted, [*pasted, self._shelf], [*shelved, *pasted], **INSTANT)

    def _changer(self, change: Callable[[Shelf, Any], Shelf]) -> Any:
        async def apply(event: gr.EventData, shelf: Shelf) -> Updates:
            try:
                shelf = change(shelf, event)
            except IndexError:  # pressed twice
                return {self._status: ""}
            return await self._show(shelf) | {self._status: ""}

        return apply

    async def _take_files(self, event: gr.EventData, shelf: Shelf) -> Updates:
        try:
            picked, problem = read_picked(event.files)
            files = [RepositoryFile(file.name, file.text) for file in picked]
            updates = await self._add(shelf, files)
        except InvalidInputError as error:
            return {self._status: error_notice(error)}
        return updates | ({self._status: notice("error", problem)} if problem else {})

    async def _take_pasted(self, path: str | None, text: str | None, shelf: Shelf) -> Updates:
        if not text:
            return {self._status: say("Paste the file's text first")}
        try:
            updates = await self._add(shelf, [RepositoryFile((path or "").strip(), text)])
        except InvalidInputError as error:
            return {self._status: error_notice(error)}
        return updates | {self._pasted_path: "", self._pasted_text: ""}

    async def _add(self, shelf: Shelf, files: Sequence[RepositoryFile]) -> Updates:
        """
        Raises:
            InvalidInputError: there are too many, or no model can take one.
        """
        added = shelf.add(files)
        if len(added.files) > MAX_FILES:
            raise PickedFileError(
                f"{MAX_FILES} files can be told of; these would be {len(added.files)}.",
                "Choose the ones that tell most.",
            )
        check_texts([box for file in added.files for box in _boxes(file)])
        known = {file.path for file in shelf.files}
        again = [file.path or "the file without a path" for file in files if file.path in known]
        status = say(f"Replaced {', '.join(again)}") if again else ""
        return await self._show(added) | {self._status: status}

    async def _show(self, shelf: Shelf) -> Updates:
        files = json.dumps(Repository(files=shelf.files).to_json()["files"])
        return {self._shelf: shelf, self._written: files} | await self._count(shelf)

    async def _count(self, shelf: Shelf) -> Updates:
        status = self._residency.status("base")
        if not isinstance(status, Ready):
            unknown: Counts = (None,) * len(shelf.files)
            return {self._counts: unknown, self._list: render_shelf(shelf, unknown)}
        resident = status.resident
        # On a thread: a long file takes a second to encode.
        counts = await asyncio.to_thread(_count_tokens, shelf.files, resident)
        return {
            self._counts: counts,
            self._list: render_shelf(shelf, counts),
            self._note: "" if can_tell(resident) else _refusal(resident),
        }

    def _label(self, path: str | None, name: str | None, counts: Counts) -> Any:
        status = self._residency.status("base")
        is_usable = not isinstance(status, Ready) or can_tell(status.resident)
        told = [text for text in ((name or "").strip(), (path or "").strip()) if text]
        if counts:
            told.append("1 file" if len(counts) == 1 else f"{len(counts)} files")
            if None not in counts:
                told.append(f"{sum(filter(None, counts)):,} tokens")
        if not is_usable:
            told.append("not for this model")
        return gr.update(label=" · ".join([TITLE, *told]))


def read_repository(path: str | None, name: str | None, shelf: Shelf) -> Repository:
    return Repository((path or "").strip(), (name or "").strip(), shelf.files)


def can_tell(resident: ResidentModel) -> bool:
    """Whether its infill format has a place for paths, a repository's name and other files."""
    return resident.infill is not None and resident.infill.repo_name is not None


def render_shelf(shelf: Shelf, counts: Counts) -> str:
    """The files with what can be done to each, for the script.

    Its version is another one where only a text has changed.
    """
    last = len(shelf.files) - 1
    rows = "".join(
        _row(index, file, num_tokens, is_last=index == last)
        for index, (file, num_tokens) in enumerate(zip(shelf.files, counts, strict=True))
    )
    files = f'<ol aria-label="Files in the order that the model reads">{rows}</ol>' if rows else ""
    back = ""
    if shelf.removed is not None:
        name = shelf.removed[1].path or "the file"
        back = f'<button type="button" data-act="back">Put {escape(name)} back</button>'
    return (
        f'<div class="pg-shelf" data-version="{hash(shelf.files):x}">{files}'
        '<div class="pg-shelf-actions">'
        f'<button type="button" data-act="add">Add files</button>{back}'
        "<span>or drop them here. The model reads them before this file, so the one that tells "
        "most goes last; what does not fit is left out from the first on.</span></div></div>"
    )


def _row(index: int, file: RepositoryFile, num_tokens: int | None, *, is_last: bool) -> str:
    name = escape(file.path or f"file {index + 1}")
    tokens = "" if num_tokens is None else f"{num_tokens:,} tokens"

    def button(act: str, title: str, sign: str, *, is_off: bool = False) -> str:
        off = " disabled" if is_off else ""
        return (
            f'<button type="button" data-act="{act}" aria-label="{title} {name}" '
            f'title="{title}"{off}>{sign}</button>'
        )

    return (
        f'<li data-index="{index}"><input type="text" value="{escape(file.path)}" '
        f'placeholder="no path" aria-label="Path of file {index + 1}" spellcheck="false">'
        f"<span>{tokens}</span>"
        f"{button('up', 'Move up', '↑', is_off=index == 0)}"
        f"{button('down', 'Move down', '↓', is_off=is_last)}"
        f"{button('remove', 'Remove', '×')}</li>"
    )


def _boxes(file: RepositoryFile) -> list[tuple[str, str]]:
    name = file.path or "file"
    return [(f"path {name!r}", file.path), (f"text of {name}", file.text)]


def _count_tokens(files: tuple[RepositoryFile, ...], resident: ResidentModel) -> Counts:
    """As they stand in the prompt, without the special token before each."""
    return tuple(len(resident.tokenizer.encode_text(file.prompt_text)) for file in files)


def _refusal(resident: ResidentModel) -> str:
    return notice(
        "warning",
        f"{resident.preset.title} has no infill form with a path, a repository or other files: "
        "it refuses while any is set.",
        "Leave all of this empty, or load a StarCoder 2 model.",
    )

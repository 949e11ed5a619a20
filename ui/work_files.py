"""Save, open, share: a tab's work on its way to the disk or into a link, and back.

Nothing is kept on the server: the browser makes files and links of the text that it is sent, and
sends the text of what is opened. `ui/share.js` is the browser's part.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Protocol

import gradio as gr

from model.errors import InvalidInputError
from ui.actions import INSTANT, Updates, build_button, build_html
from ui.controls import FIELDS
from ui.keeper import WorkTab
from ui.notices import error_notice
from ui.saved_file import Kind, make_file
from ui.status import IDLE, say
from ui.work import Tab, Work, WorkError, read_work

# Below what a public server reads of one request, with what stands in the tab sent beside it.
MAX_BYTES = 500_000

_HINT = (
    '<p class="pg-fine">The .json and the link hold this tab’s texts, settings and seed, but no '
    "token probabilities. The link carries them in itself; nothing is stored on a server.</p>"
)
_WAYS_BACK: dict[Tab, str] = {"continue": "Undo", "infill": "Undo", "chat": "Restore"}
_SOURCES = {"file": "The file", "link": "The link"}
_PROBLEMS = {
    "long": f"is over {MAX_BYTES:,} bytes long",
    "broken": "is damaged: some of it is missing or was changed on its way",
    "old": "needs a newer browser; a .json does not",
    "busy": "has to wait: text is being generated in its tab. Stop that, then open it again",
}


class FiledTab(WorkTab, Protocol):
    """
    Attributes:
        side: the column that the settings stand in.
        seed: holds what the last generation really used.
    """

    side: Any
    seed: Any

    @property
    def status(self) -> Any: ...


class WorkFiles:
    """Builds it at the end of the tab's side, and wires it."""

    def __init__(self, tab: FiledTab, name: Tab) -> None:
        self._tab = tab
        self._name = name
        kind: Kind = "markdown" if name == "chat" else "code"
        with tab.side:
            with gr.Accordion("Save, open, share", open=False, elem_classes="pg-files"):
                with gr.Row(elem_classes="pg-actions"):
                    title = "Save .md" if name == "chat" else "Save code"
                    save = build_button(title, f"{name}-save-{kind}")
                    save_all = build_button("Save .json", f"{name}-save-json")
                    choose = build_button("Open .json", f"{name}-choose")
                    link = build_button("Copy link", f"{name}-copy-link")
                self._note = build_html("", f"{name}-files-note")
                # The page's script shows the link here.
                build_html("", f"{name}-link")
                build_html(_HINT, f"{name}-files-hint")
                self._made = gr.Textbox(
                    label="File", visible="hidden", max_lines=1, elem_id=f"{name}-file"
                )
            # Outside of what is folded away, and so is not drawn. Pressed by the page's script.
            self._chosen = build_html("", f"{name}-chosen")
            opening = build_button("Open", f"{name}-open", visible="hidden")
        for button, how in ((save, kind), (save_all, "json")):
            self._on_made(button, self._saver(how), "playgroundShare.save(JSON.parse(made))")
        self._on_made(link, self._make_link, f"playgroundShare.copyLink({name!r}, made)")
        choose.click(None, None, None, js=f"() => playgroundShare.choose({name!r})", **INSTANT)
        self.opened = opening.click(
            self._open,
            [self._chosen, *tab.work_inputs],
            list(dict.fromkeys([*tab.work_outputs, tab.status, tab.seed])),
            js="(_, ...rest) => [playgroundShare.take(), ...rest]",
            **INSTANT,
        )

    def _on_made(self, button: Any, make: Any, script: str) -> None:
        """At a click, have the browser run `script` with the string that `make` gives."""
        inputs = [self._tab.seed, *self._tab.work_inputs]
        made = button.click(make, inputs, [self._made, self._note], **INSTANT)
        js = f"(made) => {{ if (made) {script}; }}"
        made.then(None, self._made, None, js=js, **INSTANT)

    def _read(self, seed: int | None, values: tuple[Any, ...]) -> Work:
        return replace(self._tab.read_work(*values), seed=seed)

    def _saver(self, kind: Kind) -> Any:
        def save(seed: int | None, *values: Any) -> Updates:
            file = make_file(self._read(seed, values), kind)
            if file is None:
                return {self._made: "", self._note: say("There is nothing to save yet")}
            note = f"Saved {file.name}"
            if kind == "json" and len(file.text.encode()) > MAX_BYTES:
                note += f" · over {MAX_BYTES:,} bytes: this page will not open it"
            return {self._made: file.to_json(), self._note: say(note)}

        return save

    def _make_link(self, seed: int | None, *values: Any) -> Updates:
        work = self._read(seed, values)
        if not work:
            return {self._made: "", self._note: say("There is nothing to share yet")}
        return {self._made: work.to_json(), self._note: ""}

    async def _open(self, opened: dict[str, str], *values: Any) -> Updates:
        """`opened` is what `ui/share.js` puts together: {"source": "file" or "link", "name",
        "text", "problem": of `_PROBLEMS` or ""}."""
        try:
            work = read_opened(opened, self._name)
        except InvalidInputError as error:
            return {self._tab.status: error_notice(error)}
        shown = await self._tab.show_work(work, *values)
        said = [f"Opened {opened['name']}"]
        if shown[self._tab.status] != IDLE:
            said.append(f"{_WAYS_BACK[self._name]} brings back what stood before")
        return shown | {self._tab.seed: work.seed, self._tab.status: say(" · ".join(said))}


def read_opened(opened: dict[str, str], tab: Tab) -> Work:
    """What was opened, for `tab`.

    A link is followed to see what its sender saw: the seed that was drawn there stands in it.

    Raises:
        WorkError: there is no work for `tab` in it; the message says why.
        PromptError: as `read_work` has it.
    """
    source = _SOURCES[opened["source"]]
    if problem := opened["problem"]:
        raise InvalidInputError(f"{source} {_PROBLEMS[problem]}.", "Nothing was changed.")
    try:
        work = read_work(opened["text"])
    except WorkError as error:
        raise WorkError(error.message.replace("The file", source, 1)) from None
    if work.tab != tab:
        raise WorkError(f"{source} is of another tab.")
    if opened["source"] == "link" and work.seed is not None:
        values = dict(zip(FIELDS, work.settings, strict=True))
        values["seed"] = values["seed"] or str(work.seed)
        work = replace(work, settings=tuple(values.values()))
    return work

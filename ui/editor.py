"""The code editor, behind one function: what is inside may change, and no tab will notice."""

from __future__ import annotations

import hashlib
import json
from functools import cache
from pathlib import Path
from typing import Any

import gradio as gr
from starlette.middleware.gzip import GZipMiddleware
from starlette.staticfiles import StaticFiles

from ui.actions import INSTANT
from ui.languages import DEFAULT_LANGUAGE, LANGUAGES, language_of
from ui.marked_text import MarkedText, from_browser, num_units, to_browser
from ui.passthrough import OwnComponentMeta

STATIC = Path(__file__).parent / "static"
STATIC_PATH = "/static-page"
# Of a component that changes before it is drawn, as in a tab that nobody has looked at, Gradio
# forgets the properties that did not change (gradio 6.31): they are given here again.
ON_LOAD = """for (const [name, value] of Object.entries(%s)) props[name] ??= value;
playgroundEditors.mount(element, {props, watch})"""


class CodeEditor(gr.HTML, metaclass=OwnComponentMeta):
    """CodeMirror in a gr.HTML: its template is empty, so that no value is ever part of one.

    Its value is a string, in handlers a `MarkedText`. `gr.update` takes `language` (a name of
    `ui/editor_component/src/languages.js`, None for plain text), `interactive` and `label`.
    """

    # As JSON: of a stream's next update Gradio's client changes the value that it handed over in
    # place, and an object that the page has not shown yet is gone then (gradio 6.31).
    def preprocess(self, payload: str) -> MarkedText:
        return from_browser(json.loads(payload))

    def postprocess(self, value: str | None) -> str:
        return json.dumps(to_browser(value or ""))


@cache
def script_address() -> str:
    """Where the page finds the editor's script: another address when it has changed."""
    digest = hashlib.sha256((STATIC / "editor.js").read_bytes()).hexdigest()
    return f"{STATIC_PATH.removeprefix('/')}/editor.js?v={digest[:12]}"


def static_files() -> GZipMiddleware:
    """What is served under `STATIC_PATH`: the script, and the licences of what is in it."""
    return GZipMiddleware(StaticFiles(directory=STATIC))


def build_editor(label: str, elem_id: str, *, hint: str, lines: int, max_lines: int) -> CodeEditor:
    """An editable box for code, whose text arrives as it was typed.

    Args:
        hint: what to do in it, shown while it is empty.
        lines: how many it is high when there are fewer.
        max_lines: how many it shows before it scrolls.
    """
    # They go to the script as they are.
    properties = {
        "name": elem_id,
        "language": language_of(DEFAULT_LANGUAGE).editor,
        "interactive": True,
        "hint": hint,
        "lines": lines,
        "max_lines": max_lines,
    }
    return CodeEditor(
        html_template="",
        js_on_load=ON_LOAD % json.dumps(properties | {"label": label}),
        head=f'<script src="{script_address()}"></script>',
        apply_default_css=False,
        label=label,
        elem_id=elem_id,
        elem_classes="pg-editor",
        **properties,
    )


def growing(run: str, prompt: str, text: str, *, is_over: bool) -> Any:
    """The update that puts `text` after `prompt` in an editor, marked, whatever is edited there.

    Args:
        run: a name that no other run of the page has.
        prompt: what stood in the editor when the run began.
        text: all that the run has written so far. Gradio sends what is new of it.
        is_over: it is the last one: the editor's value is then the whole text.
    """
    return gr.update(grow={"run": run, "at": num_units(prompt), "text": text, "is_over": is_over})


def reading_selection(editor: CodeEditor) -> str:
    """For an event's `js`: its first two inputs become where the selection in `editor` begins and
    ends; without one, both are the caret's place.

    Each is the number of characters that stand before it. The inputs' own components can be any
    that pass a whole number, such as a hidden `gr.Number`.
    """
    return f"(_, __, ...rest) => [...playgroundEditors.get({editor.elem_id!r}).selection, ...rest]"


def build_language_choice(elem_id: str) -> Any:
    """A drop-down of the languages' names."""
    return gr.Dropdown(
        [language.title for language in LANGUAGES],
        value=DEFAULT_LANGUAGE,
        label="Language",
        show_label=False,
        container=False,
        elem_id=elem_id,
        elem_classes="pg-language",
        min_width=140,
        scale=0,
    )


def follow_language(choice: Any, *editors: CodeEditor) -> None:
    """Have `editors` colour what they hold as `choice` says."""

    def set_language(title: str) -> Any:
        updates = [gr.update(language=language_of(title).editor) for _ in editors]
        return updates if len(updates) > 1 else updates[0]

    choice.change(set_language, choice, list(editors), **INSTANT)

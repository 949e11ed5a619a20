"""Buttons that every tab has, and how its events are wired."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import gradio as gr

from ui.shortcuts import render_keys

Updates = dict[Any, Any]

# Of no component: at each step of a stream Gradio's client looks up every one that any event could
# show progress on, in the whole page, hidden progress too (gradio 6.31).
_NO_PROGRESS: dict[str, Any] = {"show_progress": "hidden", "show_progress_on": []}
# An event that answers at once: it joins no queue.
INSTANT: dict[str, Any] = {"queue": False, "api_visibility": "private", **_NO_PROGRESS}
# One that happens as often as it is asked for. Where two listeners of one event put it off instead,
# Gradio's page calls both again when either is done, and so on without end (gradio 6.31,
# `js/core/src/dependency.ts`, `dispatch`).
EACH_TIME: dict[str, Any] = INSTANT | {"trigger_mode": "multiple"}
# An event that streams. A second one may begin while the first goes on: it stops the first.
STREAMING: dict[str, Any] = {
    "trigger_mode": "multiple",
    "concurrency_limit": None,
    "api_visibility": "private",
    **_NO_PROGRESS,
}

RUN_HINT = f"{render_keys('Mod+Enter')} generates · {render_keys('Escape')} stops"


@dataclass(frozen=True)
class RunButtons:
    """The button that starts a run and, in its place while that goes on, the one that stops it.

    The page's script finds them by their classes for Ctrl+Enter and Esc. `locked` are buttons
    that would change what the run is about to change; they wait for its end.
    """

    run: Any
    stop: Any
    locked: tuple[Any, ...] = ()

    @property
    def outputs(self) -> list[Any]:
        """The components that the updates below change."""
        return [self.run, self.stop, *self.locked]

    def running(self) -> Updates:
        return self._updates(is_running=True)

    def idle(self) -> Updates:
        return self._updates(is_running=False)

    def _updates(self, *, is_running: bool) -> Updates:
        locked = {button: gr.update(interactive=not is_running) for button in self.locked}
        return locked | {
            self.run: gr.update(visible=not is_running),
            self.stop: gr.update(visible=is_running),
        }


def build_run_buttons(title: str, tab: str) -> RunButtons:
    return RunButtons(
        gr.Button(
            title,
            variant="primary",
            elem_id=f"{tab}-run",
            elem_classes="pg-run",
            size="md",
            min_width=110,
            scale=0,
        ),
        gr.Button(
            "Stop",
            variant="stop",
            visible=False,
            elem_id=f"{tab}-stop",
            elem_classes="pg-stop",
            size="md",
            min_width=110,
            scale=0,
        ),
    )


def build_button(title: str, elem_id: str, *, visible: bool | Literal["hidden"] = True) -> Any:
    """One of the lesser buttons."""
    return gr.Button(title, size="md", visible=visible, elem_id=elem_id, min_width=0, scale=0)


def build_html(value: str, elem_id: str, elem_classes: str = "", **layout: Any) -> Any:
    """A place for HTML that was escaped in Python. It runs no script of its own."""
    return gr.HTML(
        value,
        elem_id=elem_id,
        elem_classes=f"pg-html {elem_classes}",
        js_on_load=None,
        apply_default_css=False,
        **layout,
    )

"""A model's use restrictions, shown to a visitor of a public page before the first use."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape
from typing import Any

import gradio as gr

from model.licenses import License
from ui.actions import INSTANT, Updates, build_html

STORAGE_KEY = "starcoder-playground-licences"


class LicenseGate:
    """Stands in front of `work`, what the visitor came for, until the restrictions were read.

    What a browser has agreed to is remembered there, by the licence's name.
    """

    def __init__(self) -> None:
        # The fixed secret keeps what is stored readable over restarts; there is nothing to hide.
        self.accepted = gr.BrowserState([], storage_key=STORAGE_KEY, secret=STORAGE_KEY)
        self._asked = gr.State(())
        with gr.Column(visible=False, elem_classes="pg-gate", elem_id="license-gate") as self._gate:
            self._text = build_html("", "license-text")
            self._accept = gr.Button(
                "I have read this and will keep to it",
                variant="primary",
                elem_id="license-accept",
                scale=0,
            )

    def bind(self, work: Any) -> None:
        """Name the component that is hidden meanwhile."""
        self._work = work
        self._accept.click(
            self._accepted_now,
            [self.accepted, self._asked],
            [self.accepted, self._gate, self._work],
            **INSTANT,
        )

    @property
    def outputs(self) -> list[Any]:
        """The components that `updates` changes."""
        return [self._gate, self._text, self._asked, self._work]

    def updates(self, licenses: Iterable[License | None], accepted: list[str] | None) -> Updates:
        """Shut where one of `licenses` restricts use and was not agreed to."""
        asked = {
            license.name: license
            for license in licenses
            if license is not None and license.restricts_use
        }
        for name in accepted or []:
            asked.pop(name, None)
        return {
            self._gate: gr.update(visible=bool(asked)),
            self._text: "".join(map(_render, asked.values())),
            self._asked: tuple(asked),
            self._work: gr.update(visible=not asked),
        }

    def _accepted_now(self, accepted: list[str] | None, asked: tuple[str, ...]) -> Updates:
        return {
            self.accepted: sorted({*(accepted or []), *asked}),
            self._gate: gr.update(visible=False),
            self._work: gr.update(visible=True),
        }


def _render(license: License) -> str:
    items = "".join(f"<li>{escape(restriction)}</li>" for restriction in license.restrictions)
    link = (
        f'<a href="{escape(license.url)}" target="_blank" rel="noopener noreferrer">'
        f"{escape(license.name)}</a>"
    )
    return (
        f"<h2>Before you use this model</h2><p>Its licence, {link}, restricts what the model and "
        "what it writes may be used for. In short; the licence's own text counts:</p>"
        f"<ol>{items}</ol>"
    )

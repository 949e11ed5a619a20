"""A model's use restrictions, shown to a visitor of a public page before the first use."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from html import escape
from typing import Any

import gradio as gr

from model.licenses import License
from ui.actions import INSTANT, Updates, build_html
from ui.notices import linked_name

STORAGE_KEY = "starcoder-playground-licences"


class LicenseGate:
    """Stands in front of `work`, what the visitor came for, until the restrictions were read.

    What a browser has agreed to is remembered there, by the licence's name.

    Args:
        licenses: those of the models on the page now.
    """

    def __init__(self, licenses: Callable[[], Iterable[License | None]]) -> None:
        self._licenses = licenses
        # The fixed secret keeps what is stored readable over restarts; there is nothing to hide.
        self._accepted = gr.BrowserState([], storage_key=STORAGE_KEY, secret=STORAGE_KEY)
        self._asked = gr.State(())
        # Names of the licences on the page. Its change opens or shuts the gate, in an event of its
        # own that reads what the browser has agreed to by then. (A `gr.State` would tell of its
        # change only where a queue did it.) The style sheet hides it, as it holds no element.
        self.required = build_html("", "licenses-on-page")
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
        self.required.change(
            self._look,
            self._accepted,
            [self._gate, self._text, self._asked, self._work],
            **INSTANT,
        )
        self._accept.click(
            self._accepted_now,
            [self._accepted, self._asked],
            [self._accepted, self._gate, self._work],
            **INSTANT,
        )

    def updates(self) -> Updates:
        """Tell the gate which licences are on the page."""
        return {self.required: ", ".join(map(escape, self._restricting()))}

    def _restricting(self) -> dict[str, License]:
        return {
            license.name: license
            for license in self._licenses()
            if license is not None and license.restricts_use
        }

    def _look(self, accepted: list[str] | None) -> Updates:
        """Shut where a licence restricts use and was not agreed to."""
        asked = self._restricting()
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
            self._accepted: sorted({*(accepted or []), *asked}),
            self._gate: gr.update(visible=False),
            self._work: gr.update(visible=True),
        }


def _render(license: License) -> str:
    items = "".join(f"<li>{escape(restriction)}</li>" for restriction in license.restrictions)
    link = linked_name(license.name, license.url)
    return (
        f"<h2>Before you use this model</h2><p>Its licence, {link}, restricts what the model and "
        "what it writes may be used for. In short; the licence's own text counts:</p>"
        f"<ol>{items}</ol>"
    )

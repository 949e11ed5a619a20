"""The panel below a tab's work: the prompt exactly as the model would get it for what stands in the
boxes, and the same request as a call to copy.

It is built and fitted by what a run is built and fitted by, and asks the server only while it is
open: what is typed tells the page's script, which presses a hidden button of an open panel.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

import gradio as gr

from model.engine.base import ResidentModel
from model.errors import CapabilityError, PlaygroundError, SamplingParamsError
from model.fitting import fit
from model.loading.residency import Residency
from model.loading.slot import LoadFailed, Parked, Ready
from model.requests import PlaygroundRequest, slot_of
from model.served import served_id
from ui.actions import EACH_TIME, INSTANT, build_button, build_html
from ui.address import ADD_ADDRESS, read_address
from ui.calls import FORMS, Asked, build_call
from ui.connect_panel import render_snippet
from ui.notices import error_notice, notice
from ui.prompt_view import Look, render_prompt
from ui.runs import MakeRequest

IDS, SPACES = "Token ids", "Every space"
FIRST_FORM = next(iter(FORMS))

# Heard by page.js.
_TOUCH = """() => {
    document.dispatchEvent(new CustomEvent("pg-prompt-touched", {detail: "%s"})); return []; }"""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A request that the tab would run now.

    Attributes:
        title: of the answerer, where there are several.
        note: what to know of it, as a sentence.
    """

    request: PlaygroundRequest | MakeRequest
    title: str = ""
    note: str = ""


Read = Callable[..., Sequence[Wanted]]


class PromptPanel:
    """Builds it where it is called, closed.

    Args:
        action: the name of the button that sends what is shown.
    """

    def __init__(self, residency: Residency, tab: str, action: str) -> None:
        self._residency = residency
        self._touch = _TOUCH % f"{tab}-exact"
        with gr.Accordion(
            "Exact prompt · as curl or Python",
            open=False,
            elem_id=f"{tab}-exact",
            elem_classes="pg-exact-panel",
        ) as self._accordion:
            build_html(_caption(action), f"{tab}-exact-caption")
            self._look = gr.CheckboxGroup(
                [IDS, SPACES], label="Show", elem_id=f"{tab}-exact-look", elem_classes="pg-inline"
            )
            self._view = build_html("", f"{tab}-exact-view")
            self._form = gr.Radio(
                [(title, name) for name, title in FORMS.items()],
                value=FIRST_FORM,
                label="Copy as",
                elem_id=f"{tab}-exact-form",
                elem_classes="pg-inline",
            )
            self._call = build_html("", f"{tab}-exact-call")
            # Holds no element, and so is not seen.
            self._address = build_html("", f"{tab}-exact-address")
            self._refresh = build_button("Refresh", f"{tab}-exact-refresh", visible="hidden")

    @property
    def touched(self) -> dict[str, Any]:
        """For `gr.on` or an event's `then`: what the panel shows may have changed. It costs the
        server nothing."""
        return {"fn": None, "js": self._touch, **EACH_TIME}

    def follow(
        self, inputs: Sequence[Any], read: Read, *triggers: Any, needs_key: bool = False
    ) -> None:
        """Show what `read` makes of `inputs`, anew at each of `triggers`.

        Args:
            read: raises a `PlaygroundError` for what no request can be made of.
            needs_key: the API's clients have to send a key.
        """

        async def show(
            request: gr.Request, look: list[str] | None, form: str, *values: Any
        ) -> tuple[str, str]:
            *typed, address = values
            server = _Server(read_address(address, request), needs_key)
            look = look or []
            chosen = Look(IDS in look, SPACES in look)
            try:
                wanted = read(*typed)
            except PlaygroundError as error:
                return _hint(error), ""
            name = form if form in FORMS else FIRST_FORM
            shown = [await self._show(one, chosen, name, server) for one in wanted]
            return "".join(view for view, _ in shown), "".join(call for _, call in shown)

        self._refresh.click(
            show,
            [self._look, self._form, *inputs, self._address],
            [self._view, self._call],
            js=ADD_ADDRESS,
            trigger_mode="always_last",
            **INSTANT,
        )
        own = (self._accordion.expand, self._look.change, self._form.change)
        gr.on([*own, *triggers], **self.touched)

    async def _show(
        self, wanted: Wanted, look: Look, form: str, server: _Server
    ) -> tuple[str, str]:
        """The prompt and the call, as HTML."""
        request = await wanted.request() if callable(wanted.request) else wanted.request
        slot = slot_of(request)
        status = self._residency.status(slot)
        head = f'<h4 translate="no">{escape(wanted.title)}</h4>' if wanted.title else ""
        if not isinstance(status, Ready):
            return head + _no_model(self._residency.preset(slot).title, status), ""
        resident = status.resident
        # On a thread: a long paste takes a second to encode.
        try:
            view, asked = await asyncio.to_thread(_draw, request, resident, look, server)
        except PlaygroundError as error:
            return head + _hint(error), ""
        note = notice("info", wanted.note) if wanted.note else ""
        snippet = await asyncio.to_thread(build_call, form, asked)
        return head + note + view, head + await render_snippet(snippet)


@dataclass(frozen=True, slots=True)
class _Server:
    address: str
    needs_key: bool


def _draw(
    request: PlaygroundRequest, resident: ResidentModel, look: Look, server: _Server
) -> tuple[str, Asked]:
    fitted = fit(request, resident, overflow="trim")
    model = served_id(resident.preset, slot_of(request))
    asked = Asked(request, fitted, resident, server.address, model, server.needs_key)
    title = f"Prompt for {resident.preset.title}"
    return render_prompt(fitted, resident, look, title), asked


def _caption(action: str) -> str:
    return (
        f'<p class="pg-fine">For what stands in the boxes and settings now: {escape(action)} sends '
        'exactly this. <b class="pg-token">&lt;|token|&gt;</b> is a special token, '
        '<span class="pg-markup">text</span> is the format’s own, and the rest is plain text: '
        '<i class="pg-sp"> </i> space, <i class="pg-tab">\t</i> tab, <i class="pg-lf"></i> line '
        "break.</p>"
    )


def _no_model(title: str, status: object) -> str:
    match status:
        case Parked():
            text = f"{title} has made room for the other model, and comes back when it is asked."
        case LoadFailed():
            text = f"{title} could not be loaded."
        case _:
            text = f"{title} is still loading."
    return notice(
        "info", text, "Its tokens and format make the prompt: it is shown once they are there."
    )


def _hint(error: PlaygroundError) -> str:
    """Why there is no prompt to show. What is still to be written is no fault."""
    if isinstance(error, SamplingParamsError | CapabilityError):
        return error_notice(error)
    return notice("info", error.message, error.advice)

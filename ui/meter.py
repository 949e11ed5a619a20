"""The meter below an editor: how much of the context its text takes, and what will not fit."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

import gradio as gr

from model.errors import CapabilityError, PlaygroundError
from model.fitting import ContextUse, measure
from model.loading.residency import Residency
from model.loading.slot import Ready
from model.requests import PlaygroundRequest, slot_of
from ui.actions import EACH_TIME, INSTANT, build_button, build_html
from ui.gathered import Gathered
from ui.notices import amount_and_place

# A browser sends the next text when the last is measured, and this long after the first key.
PAUSE_MS = 150
_TOUCH = """() => {
    const button = document.getElementById("%s");
    const press = () => {
        button.pgTouched = null;
        button.click();
    };
    button.pgTouched ??= setTimeout(press, %d);
}"""

Read = Callable[..., Sequence["Reading"]]


@dataclass(frozen=True, slots=True)
class Reading:
    """A request to measure, and what its bar is called where there are several."""

    request: PlaygroundRequest
    title: str = ""


class Meter:
    """Builds it where it is called. It measures with the tokenizers of the resident models."""

    def __init__(self, residency: Residency, elem_id: str) -> None:
        self._residency = residency
        self._elem_id = elem_id
        self._place = build_html("", elem_id, "pg-meter")

    @property
    def touched(self) -> dict[str, Any]:
        """For `gr.on` or an event's `then`: what is measured may have changed. It costs the server
        nothing."""
        touch = _TOUCH % (f"{self._elem_id}-refresh", PAUSE_MS)
        return {"fn": None, "js": touch, **EACH_TIME}

    def follow(self, inputs: Sequence[Any], read: Read, *triggers: Any) -> Any:
        """Measure what `read` makes of `inputs` a moment after any of `triggers`: the event that
        it was done. It builds hidden components where it is called.

        Args:
            read: raises a `PlaygroundError` for what no request can be made of.
        """
        refresh = build_button("Refresh", f"{self._elem_id}-refresh", visible="hidden")
        gathered = Gathered(inputs)

        async def show(*values: Any) -> str:
            return await self.measure(read, *gathered.read(*values))

        gr.on(triggers, **self.touched)
        asked = {"trigger_mode": "always_last", **INSTANT}
        return gathered.on(refresh.click).then(show, gathered.inputs, self._place, **asked)

    async def measure(self, read: Read, *values: Any) -> str:
        """What `follow` shows, as HTML."""
        try:
            readings = read(*values)
        except PlaygroundError as error:
            return _hint(error)
        return "".join([await self._render(reading) for reading in readings])

    async def _render(self, reading: Reading) -> str:
        request = reading.request
        status = self._residency.status(slot_of(request))
        if not isinstance(status, Ready):
            return ""
        try:
            # On a thread: a long paste takes a second to encode.
            use = await asyncio.to_thread(measure, request, status.resident)
        except CapabilityError:
            return ""  # The tab says it already.
        except PlaygroundError as error:
            return _hint(error)
        wanted = request.params.max_new_tokens + use.num_repeated
        return render_meter(use, wanted, reading.title)


def render_meter(use: ContextUse, max_new_tokens: int, title: str = "") -> str:
    """A bar with the prompt's share of the context and the completion's, and both in words.

    Args:
        max_new_tokens: what the completion asks for; less may be left.
        title: whose context it is, where there are several.
    """
    kept = use.context_length - use.completion_room
    completion = min(max_new_tokens, use.completion_room)
    is_over = bool(use.dropped) or not use.completion_room
    state = "pg-over" if is_over else "pg-tight" if completion < max_new_tokens else "pg-fits"
    words = (
        f"{use.prompt_tokens:,} of {use.context_length:,} tokens · "
        f"{_completion(completion, max_new_tokens)}"
    )
    head = f'<b translate="no">{escape(title)}</b> ' if title else ""
    return (
        f'<div class="pg-gauge {state}"><div class="pg-bar" role="meter" '
        f'aria-label="{escape(f"Context of {title}" if title else "Context")}" aria-valuemin="0" '
        f'aria-valuemax="{use.context_length}" '
        f'aria-valuenow="{min(use.prompt_tokens, use.context_length)}" '
        f'aria-valuetext="{words}">'
        f'<i style="width:{_share(kept, use)}"></i>'
        f'<i style="width:{_share(completion, use)}"></i></div>'
        f"<span>{head}{words}</span>{_left_out(use, kept, completion)}</div>"
    )


def _completion(num_tokens: int, wanted: int) -> str:
    if not num_tokens:
        return "no room for the completion"
    return f"{'only ' if num_tokens < wanted else ''}{num_tokens:,} for the completion"


def _left_out(use: ContextUse, kept: int, completion: int) -> str:
    if not use.completion_room:
        return "<span>It does not fit, and cannot be cut to fit. Shorten the last text.</span>"
    lines = []
    for dropped in use.dropped:
        amount, place = amount_and_place(dropped)
        lines.append(f"{amount} will be left out from {place}")
    if not lines:
        return ""
    why = f"beside {completion:,} for the completion, {kept:,} fit"
    return f"<span>{escape(' and '.join(lines))}: {why}.</span>"


def _share(num_tokens: int, use: ContextUse) -> str:
    return f"{num_tokens / use.context_length:.2%}"


def _hint(error: PlaygroundError) -> str:
    return f'<div class="pg-gauge"><span>{escape(str(error))}</span></div>'

"""Many values in one component: what an event is asked with, where that is much.

Gradio's client keeps the inputs of every event that has ended, and at each step of a stream looks
each one up in the whole page and copies what it holds (gradio 6.31: `LoadingStatus.current`,
`update_loading_stati_state`). In Chat that was a third of what an update cost the browser. An event
of the page alone leaves nothing there: it gathers the values first, and the server gets those.
"""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from typing import Any

import gradio as gr

from ui.actions import EACH_TIME
from ui.hidden import UNSEEN
from ui.passthrough import OwnComponentMeta

Run = Callable[..., AsyncGenerator[Any, None]]

_GATHER = "(...values) => [JSON.stringify(values)]"


class _Gathered(gr.HTML, metaclass=OwnComponentMeta):
    """On the page the values as JSON; in handlers what each component makes of its own."""

    sent: Sequence[Any] = ()

    def preprocess(self, payload: str | None) -> list[Any]:
        values = json.loads(payload) if payload else [None] * len(self.sent)
        pairs = zip(self.sent, values, strict=True)
        return [_preprocess(component, value) for component, value in pairs]


class Gathered:
    """The values of `components`. Builds its hidden place where it is called.

    What only the server holds or can check, a session's states and choices, is left where it is.

    Attributes:
        inputs: for the event after the one that gathers; `read` takes their values.
    """

    def __init__(self, components: Sequence[Any]) -> None:
        self._components = list(components)
        left = [each for each in components if isinstance(each, gr.State | gr.Radio | gr.Dropdown)]
        self._place = _Gathered("", **UNSEEN)
        self._place.sent = [each for each in components if each not in left]
        self.inputs = [self._place, *left]

    def on(self, event: Any) -> Any:
        """Gather them at `event`: the event that it was done."""
        how = {"js": _GATHER, **EACH_TIME}
        return event(None, self._place.sent, self._place, **how)

    def ask(self, event: Any, run: Run, outputs: Sequence[Any], **how: Any) -> Any:
        """Gather them at `event`, and call `run` with the request and them: the event that it was
        done."""

        async def stream(request: gr.Request, *values: Any) -> AsyncGenerator[Any, None]:
            async with aclosing(run(request, *self.read(*values))) as steps:
                async for updates in steps:
                    yield updates

        return self.on(event).then(stream, self.inputs, outputs, **how)

    def read(self, gathered: Sequence[Any], *left: Any) -> list[Any]:
        """The values of the components, in their order, out of those of `inputs`."""
        values = dict(zip([*self._place.sent, *self.inputs[1:]], [*gathered, *left], strict=True))
        return [values[component] for component in self._components]


def _preprocess(component: Any, value: Any) -> Any:
    """As Gradio does before it calls a handler (`Blocks.preprocess_data`)."""
    model = getattr(component, "data_model", None)
    if model is not None and value is not None:
        value = model.model_validate(value, context={"validate_meta": True})
    return component.preprocess(value)

"""Values that the server offers for components, unless somebody has changed them meanwhile."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from ui.actions import INSTANT, Updates
from ui.hidden import build_hidden

# The browser compares with what stands there now: the server's answer may have been slow.
_TAKE = """(offered, ...now) => {
    const keep = now.map(() => ({ __type__: "update" }));
    if (!offered) return keep;
    const { before, after } = JSON.parse(offered);
    const text = (values) => JSON.stringify(values.map((value) => value ?? ""));
    return text(now) === text(before) ? after : keep;
}"""


class Proposal:
    """Builds its hidden place where it is called.

    Attributes:
        place: is to be among the outputs of the event that offers.
    """

    def __init__(self, elem_id: str, components: Sequence[Any]) -> None:
        self._components = list(components)
        self.place = build_hidden("", elem_id)

    def offer(self, before: Sequence[Any], after: Sequence[Any]) -> Updates:
        """`after` for the components, where `before` still stands in them."""
        return {self.place: json.dumps({"before": list(before), "after": list(after)})}

    def nothing(self) -> Updates:
        return {self.place: ""}

    def take_after(self, event: Any) -> Any:
        """Have the browser take what `event` offered: the event that it was done."""
        inputs = [self.place, *self._components]
        return event.then(None, inputs, self._components, js=_TAKE, **INSTANT)

"""The list of conversations that this browser keeps, as the page holds a place for it.

`ui/talk_list.js` draws it, `ui/kept_talks.js` keeps the conversations. The server learns of one
when it is chosen (`ui.talks`).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import gradio as gr

from ui.actions import EACH_TIME, build_html

_TELL = "() => { playgroundKept.talks.%s(); }"


class TalkList:
    """Builds it where it is called.

    Attributes:
        panel: what the list is folded away in.
        note: says what is wrong with a conversation that was chosen.
    """

    def __init__(self) -> None:
        with gr.Accordion(
            "Conversations", open=False, elem_id="chat-talks", elem_classes="pg-talks-panel"
        ) as self.panel:
            self.list = gr.HTML(
                html_template="",
                js_on_load="playgroundKept.showTalks(element, trigger)",
                apply_default_css=False,
                elem_id="chat-talk-list",
                elem_classes="pg-html",
            )
            self.note = build_html("", "chat-talks-note")

    def stay_from(self, triggers: Iterable[Any]) -> None:
        """Let no other conversation be shown from these on. To be wired before what they ask for:
        the page goes from one listener to the next when that has ended.

        The page's own script has to know: before the server's word arrives that a reply is being
        written, another conversation could be chosen, and the reply land there.
        """
        gr.on(list(triggers), None, None, None, js=_TELL % "asked", **EACH_TIME)

    def stay_until(self, events: Iterable[Any]) -> None:
        """To the end of these, each of which one of the triggers began."""
        for event in events:
            for ended in (event.then, event.failure):  # an error is no end to `then`
                ended(None, None, None, js=_TELL % "answered", **EACH_TIME)

"""A conversation of the browser's list, shown when it is chosen there."""

from __future__ import annotations

import json
from typing import Any

import gradio as gr

from model.errors import InvalidInputError
from ui.actions import INSTANT, Updates
from ui.chat_tab import ChatTab
from ui.drafts import read_draft
from ui.notices import error_notice


def wire_talks(tab: ChatTab) -> Any:
    """Have what is chosen in the list take the place of what stands in `tab`: the event.

    The list's `submit` asks what stands in the tab. Its `select` then holds {"talk": the browser's
    name of a conversation, "work": the values of the tab's components as JSON, or "" for a new one,
    "isListed": as `ChatTab.show_talk` has it}.
    """
    listed = tab.talks

    async def show(event: gr.EventData, *values: Any) -> Updates:
        talk, is_listed = str(event.talk), bool(event.isListed)
        if not event.work:
            shown = tab.begin_talk(talk, *values, is_listed=is_listed)
            return shown | {listed.note: ""}
        try:
            work = read_draft("chat", _parse(event.work), tab.authors)
        except InvalidInputError as error:
            return {listed.note: error_notice(error)}
        return tab.show_talk(talk, work, *values, is_listed=is_listed) | {listed.note: ""}

    names = json.dumps(list(tab.draft))
    leaving = f"(...values) => {{ playgroundKept.talks.leave({names}, values); }}"
    listed.list.submit(None, list(tab.draft.values()), None, js=leaving, **INSTANT)
    outputs = [*tab.work_outputs, listed.note]
    shown = listed.list.select(show, tab.work_inputs, outputs, **INSTANT)
    for ended, told in ((shown.then, "shown"), (shown.failure, "failed")):
        ended(None, None, None, js=f"() => {{ playgroundKept.talks.{told}(); }}", **INSTANT)
    return shown


def _parse(text: Any) -> Any:
    """None, which is no conversation, where it is no JSON."""
    try:
        return json.loads(str(text))
    except (ValueError, RecursionError):
        return None

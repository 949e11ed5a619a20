"""What can be done with the conversation without asking a model."""

from __future__ import annotations

from typing import Any

import gradio as gr

from ui.actions import Updates
from ui.answerers import ANSWERERS, Answerer, Answerers
from ui.asking import Asking
from ui.branches import Branches
from ui.chat_view import ChatView, Kept
from ui.conversation import read_chatbot
from ui.status import IDLE, say


class ConversationSteps:
    """Taking back, clearing, restoring and keeping: each turns values into updates."""

    def __init__(self, view: ChatView, answerers: Answerers, asking: Asking) -> None:
        self._view = view
        self._answerers = answerers
        self._asking = asking

    def take_back(self, draft: str | None, *values: Any) -> Updates:
        """The last user turn goes back to the box, above what stands there."""
        view = self._view
        asked = view.read_conversation(values).up_to_last_user()
        if not asked.path:
            return {view.box: draft or ""}
        text = asked.path[-1].text + (f"\n{draft}" if draft else "")
        shown = view.show(asked.end_at(len(asked.path) - 1))
        return view.pair.close() | shown | {view.box: text}

    def select_version(self, event: gr.EventData, *values: Any) -> Updates:
        view = self._view
        branches = view.read_conversation(values)
        try:
            selected = branches.select(event.index, event.version)
        except IndexError:  # pressed twice
            selected = branches
        return view.pair.close() | view.show(selected) | {view.status: IDLE}

    def delete(self, event: gr.EventData, talk: str, *values: Any) -> Updates:
        """Restore brings back what stood before."""
        view = self._view
        given = view.read_given(values)
        branches = given.conversation
        if event.index >= len(branches.path):  # pressed twice
            return {view.status: IDLE}
        deleted = branches.delete(event.index)
        num_gone = len(branches.turns) - len(deleted.turns)
        what = "1 turn" if num_gone == 1 else f"{num_gone} turns"
        return (
            view.pair.close()
            | view.show(deleted)
            | {
                view.cleared: Kept(branches, talk, given.asked_with),
                view.restore: gr.update(visible=True),
                view.status: say(f"Deleted {what} · Restore brings back what stood before"),
            }
        )

    def clear(self, talk: str, *values: Any) -> Updates:
        view = self._view
        given = view.read_given(values)
        # The conversation's own button has emptied what is shown already.
        branches: Branches = given.conversation if values[1] else values[0]
        if not branches.turns:
            return {view.status: IDLE}
        return (
            view.pair.close()
            | view.show(Branches())
            | {
                view.cleared: Kept(branches, talk, given.asked_with),
                view.restore: gr.update(visible=True),
                view.status: say("Cleared · Restore brings it back"),
            }
        )

    def restore(self, kept: Kept, talk: str, *values: Any) -> Updates:
        """What Restore was promised to bring back, in exchange for what has come since. Each
        goes to the conversation that it belongs to."""
        view = self._view
        given = view.read_given(values)
        is_all = kept.is_all or kept.talk != talk
        around = dict(zip(view.asked_with, kept.asked_with, strict=True)) if is_all else {}
        return (
            view.pair.close()
            | view.show(kept.branches)
            | around
            | {
                view.talk: kept.talk,
                view.cleared: Kept(given.conversation, talk, given.asked_with, is_all),
                view.restore: gr.update(visible=bool(given.conversation.turns or is_all)),
                view.status: say("Restored"),
            }
        )

    def keeper(self, answerer: Answerer) -> Any:
        def keep(request: gr.Request, branches: Branches, value: Any, *pair: Any) -> Updates:
            """The answer becomes the assistant's turn; what still runs is stopped."""
            view = self._view
            question, answers = view.pair.read(pair)
            name = self._answerers.name(answerer)
            answer = {name: answers[ANSWERERS.index(answerer)]}
            kept = branches.graft(read_chatbot(value)).settle(question, answer)
            return (
                self._asking.stop(request)
                | view.pair.close()
                | view.show(kept)
                | {view.status: say(f"Kept the answer of {name}")}
            )

        return keep

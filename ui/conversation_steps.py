"""What can be done with the conversation without asking a model."""

from __future__ import annotations

from typing import Any

import gradio as gr

from ui.actions import Updates
from ui.answerers import ANSWERERS, Answerer, Answerers
from ui.asking import Asking
from ui.chat_view import ChatView
from ui.conversation import Messages, read_chatbot, settle, show_chatbot, up_to_last_user
from ui.status import IDLE, say

ChatbotValue = list[dict[str, Any]]


class ConversationSteps:
    """Taking back, clearing, restoring and keeping: each turns values into updates."""

    def __init__(self, view: ChatView, answerers: Answerers, asking: Asking) -> None:
        self._view = view
        self._answerers = answerers
        self._asking = asking

    def take_back(self, draft: str | None, *values: Any) -> Updates:
        """The last user turn goes back to the box, above what stands there."""
        view = self._view
        messages = up_to_last_user(view.read_conversation(values))
        if not messages:
            return {view.box: draft or ""}
        text = messages[-1].text + (f"\n{draft}" if draft else "")
        shown = {view.box: text, view.chatbot: show_chatbot(messages[:-1])}
        return view.pair.close() | shown

    def clear(self, *values: Any) -> Updates:
        view = self._view
        messages = view.read_conversation(values)
        if not messages:
            return {view.status: IDLE}
        return view.pair.close() | {
            view.chatbot: [],
            view.cleared: messages,
            view.restore: gr.update(visible=True),
            view.status: say("Cleared · Restore brings it back"),
        }

    def restore(self, value: ChatbotValue, cleared: Messages) -> Updates:
        view = self._view
        return {
            view.chatbot: show_chatbot((*cleared, *read_chatbot(value))),
            view.cleared: (),
            view.restore: gr.update(visible=False),
            view.status: IDLE,
        }

    def keeper(self, answerer: Answerer) -> Any:
        def keep(request: gr.Request, value: ChatbotValue, *pair: Any) -> Updates:
            """The answer becomes the assistant's turn; what still runs is stopped."""
            view = self._view
            question, answers = view.pair.read(pair)
            answer = answers[ANSWERERS.index(answerer)]
            kept = settle(read_chatbot(value), question, [answer])
            name = self._answerers.name(answerer)
            return (
                self._asking.stop(request)
                | view.pair.close()
                | {
                    view.chatbot: show_chatbot(kept),
                    view.status: say(f"Kept the answer of {name}"),
                }
            )

        return keep

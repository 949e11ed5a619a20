"""What the models in the slots bring into the Chat tab: notes, settings, a system prompt."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import gradio as gr

from model.loading.residency import Residency
from model.loading.slot import Parked, Ready, SlotStatus
from ui.actions import EACH_TIME, Updates
from ui.answerers import Answerers, read_choice
from ui.chat_view import ChatView
from ui.controls import CHAT_DEFAULTS, chat_defaults, show_params
from ui.notices import notice
from ui.proposal import Proposal


class ChatAdvice:
    """Builds states where it is called. Nothing in it overrides what somebody has set."""

    def __init__(self, view: ChatView, residency: Residency, answerers: Answerers) -> None:
        self._view = view
        self._residency = residency
        self._answerers = answerers
        self.is_greeted = gr.State(False)
        self.filled = gr.State(("", ""))
        self._system = Proposal("chat-offered-system", [view.system])
        self._settings = Proposal("chat-offered-settings", view.controls.components)

    def choose(self, value: object) -> Updates:
        """Another answerer: what to know of it, and whether the system prompt applies."""
        choice = read_choice(value)
        return {
            self._view.note: self._answerers.note(choice),
            self._view.system: gr.update(interactive=choice != "assistant"),
        }

    async def fetch_prompt(self, value: object) -> str:
        """Before it is needed: the first question then need not wait for it."""
        choice = read_choice(value)
        if choice != "chat":
            await self._answerers.fetch_prompt()
        return self._answerers.note(choice)

    def fill_system_on(self, triggers: Sequence[Any]) -> Any:
        """At these events, show a new model's own system prompt where nobody wrote another: the
        event that it was done."""
        inputs, outputs = [self._view.system, self.filled], [self._system.place, self.filled]
        return self._system.take_after(
            gr.on(triggers, self._fill_system, inputs, outputs, **EACH_TIME)
        )

    def recommend_on(self, triggers: Sequence[Any]) -> Any:
        """At the first of these events that finds a model, show the settings that it recommends:
        the event that it was done."""
        outputs = [self._settings.place, self.is_greeted]
        return self._settings.take_after(
            gr.on(triggers, self._recommend, self.is_greeted, outputs, **EACH_TIME)
        )

    def _fill_system(self, system: str | None, filled: tuple[str, str]) -> Updates:
        """`filled`: the model whose system prompt was shown last, and that prompt."""
        status = self._residency.status("chat")
        dialogue = status.resident.dialogue if isinstance(status, Ready) else None
        name = self._residency.preset("chat").name
        if dialogue is None or name == filled[0]:
            return self._system.nothing() | {self.filled: filled}
        offered = self._system.nothing()
        if (system or "") in ("", filled[1]):
            offered = self._system.offer([system], [dialogue.default_system])
        return offered | {self.filled: (name, dialogue.default_system)}

    def _recommend(self, is_greeted: bool) -> Updates:
        """Once a session, and never over what somebody has set."""
        if is_greeted or not isinstance(self._residency.status("chat"), Ready | Parked):
            return self._settings.nothing() | {self.is_greeted: is_greeted}
        recommended = chat_defaults(self._residency.preset("chat"))
        offered = self._settings.offer(show_params(CHAT_DEFAULTS), show_params(recommended))
        return offered | {self.is_greeted: True}

    def refuse(self, status: Ready) -> str:
        """That the chat slot's model cannot chat, as HTML; "" where it can."""
        if status.resident.dialogue is not None:
            return ""
        return notice(
            "warning",
            f"{status.resident.preset.title} was not tuned for dialogue.",
            f"{self._answerers.assistant_name} can answer instead, less reliably: choose it under "
            "Answered by. Or load a chat model.",
        )

    def updates_for(self, status: SlotStatus) -> Updates:
        view = self._view
        updates: Updates = {view.choice: gr.update(choices=self._answerers.choices())}
        if isinstance(status, Ready):
            updates[view.refusal] = self.refuse(status)
        return updates

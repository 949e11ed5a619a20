"""What the next message of a conversation would ask for, to be measured and to be shown."""

from __future__ import annotations

from typing import Any

from model.sampling import SamplingParams
from ui.answerers import Answerers, Choice, answerers_of
from ui.branches import linear
from ui.controls import CHAT_DEFAULTS, read_max_new_tokens
from ui.conversation import Messages, say
from ui.meter import Reading
from ui.prompt_panel import Wanted

RETRY_NOTE = (
    "The message box is empty: this is what Retry sends, which draws another seed than the one set."
)


class NextTurn:
    """A draft below a conversation, and who is to answer it.

    Args:
        text: the draft; empty where nothing is typed yet.
        begin: what the reply is to begin with.
    """

    def __init__(
        self,
        answerers: Answerers,
        choice: Choice,
        system: str,
        messages: Messages,
        text: str,
        begin: str = "",
    ) -> None:
        self._answerers = answerers
        self._choice = choice
        self._system = system
        self._messages = messages
        self._text = text
        self._begin = begin

    def readings(self, max_new_tokens: Any) -> list[Reading]:
        """With the conversation and the draft as they are."""
        text = self._text
        messages = say(self._messages, "user", text) if text else self._messages
        params = read_max_new_tokens(max_new_tokens, CHAT_DEFAULTS)
        answerers = answerers_of(self._choice)
        return [
            Reading(
                self._answerers.request(name, self._system, messages, params, self._begin),
                self._answerers.name(name) if len(answerers) > 1 else "",
            )
            for name in answerers
        ]

    def wanted(self, params: SamplingParams) -> list[Wanted]:
        """What Send would run; with nothing to send, what Retry would."""
        note = ""
        if self._text.strip():
            messages = say(self._messages, "user", self._text)
        else:
            messages = linear(self._messages).up_to_last_user().messages
            note = RETRY_NOTE if messages else ""
        answerers = answerers_of(self._choice)
        return [
            Wanted(
                self._answerers.ask(name, self._system, messages, params, self._begin),
                self._answerers.name(name) if len(answerers) > 1 else "",
                note,
            )
            for name in answerers
        ]

"""Who answers in the Chat tab: the chat model, the Tech Assistant, or both side by side."""

from __future__ import annotations

from html import escape
from typing import Literal

from model.engine.generation import Slot
from model.fitting import FittedRequest
from model.loading.assistant_prompt import AssistantPromptSource
from model.loading.residency import Residency
from model.loading.slot import Parked
from model.prompts.assistant import SHORT_PROMPT
from model.prompts.segments import Text
from model.requests import AssistantRequest, ChatRequest
from model.sampling import SamplingParams
from ui.conversation import Messages
from ui.runs import MakeRequest

Answerer = Literal["chat", "assistant"]
Choice = Literal["chat", "assistant", "both"]

# The order is that of the columns, and of who is asked first.
ANSWERERS: tuple[Answerer, ...] = ("chat", "assistant")
_SLOTS: dict[Answerer, Slot] = {"chat": "chat", "assistant": "base"}

ASSISTANT_TITLE = "Tech Assistant"
BOTH_TITLE = "Both, side by side"


class Answerers:
    """What can answer with the models as they are now, and how each is asked."""

    def __init__(self, residency: Residency, prompts: AssistantPromptSource) -> None:
        self._residency = residency
        self._prompts = prompts

    @property
    def assistant_name(self) -> str:
        """With the model behind it."""
        return f"{ASSISTANT_TITLE} ({self._model('assistant')})"

    def choices(self) -> list[tuple[str, Choice]]:
        """Labels and values of the choice."""
        return [
            (self._model("chat"), "chat"),
            (self.assistant_name, "assistant"),
            (BOTH_TITLE, "both"),
        ]

    def name(self, answerer: Answerer) -> str:
        """For the head of its column and its bar."""
        return self._model("chat") if answerer == "chat" else self.assistant_name

    def find(self, author: str, choice: Choice) -> Answerer:
        """Who of that name can answer; else the one chosen, of two the chat model."""
        for answerer in ANSWERERS:
            if author == self.name(answerer):
                return answerer
        return "chat" if choice == "both" else choice

    def note(self, choice: Choice, sent: FittedRequest | None = None) -> str:
        """What to know of the choice, as HTML; "" where there is nothing to say.

        Args:
            sent: to the Tech Assistant, just now.
        """
        if choice == "chat":
            return ""
        lines = ["A base model with a long prompt: less reliable than StarChat."]
        if choice == "assistant":
            lines.append("The system prompt does not apply to it; the settings do.")
        else:
            lines[0] = f"The {ASSISTANT_TITLE} is a{lines[0][1:]}"
            lines.append("Both get the same settings; the system prompt is the chat model's alone.")
            if self._take_turns():
                lines.append(
                    "Only one of the two models fits into memory: they answer one after the other."
                )
        problem = self._prompts.problem
        if not problem and sent is not None and self._has_short_prompt(sent):
            problem = "the whole one would fill more than half of the model's context."
        if problem:
            lines.append(f"Using the short prompt: {problem}")
        return f'<p class="pg-fine" role="note">{escape(" ".join(lines), quote=False)}</p>'

    async def fetch_prompt(self) -> None:
        """Have the Tech Assistant's prompt here before the first question, if it can be had."""
        await self._prompts.get()

    def request(
        self,
        answerer: Answerer,
        system: str,
        messages: Messages,
        params: SamplingParams,
        reply: str = "",
    ) -> ChatRequest | AssistantRequest:
        """With the prompt as far as it is here: for measuring.

        Args:
            reply: what the answer begins with.
        """
        if answerer == "chat":
            return ChatRequest(system, messages, params, reply)
        return AssistantRequest(messages, params, self._prompts.current, reply)

    def ask(
        self,
        answerer: Answerer,
        system: str,
        messages: Messages,
        params: SamplingParams,
        reply: str = "",
    ) -> ChatRequest | MakeRequest:
        """For running: the Tech Assistant's prompt is fetched first."""
        if answerer == "chat":
            return ChatRequest(system, messages, params, reply)

        async def make() -> AssistantRequest:
            return AssistantRequest(messages, params, await self._prompts.get(), reply)

        return make

    def _model(self, answerer: Answerer) -> str:
        return self._residency.preset(_SLOTS[answerer]).title

    def _has_short_prompt(self, sent: FittedRequest) -> bool:
        """Although the whole one was asked for."""
        first = sent.prompt[0]
        is_short = isinstance(first, Text) and first.text == SHORT_PROMPT.text
        return is_short and self._prompts.current is not SHORT_PROMPT

    def _take_turns(self) -> bool:
        return any(isinstance(self._residency.status(slot), Parked) for slot in _SLOTS.values())


def answerers_of(choice: Choice) -> tuple[Answerer, ...]:
    return ANSWERERS if choice == "both" else (choice,)


def read_choice(value: object) -> Choice:
    """The browser's word, where it is one of ours."""
    return value if value in ("assistant", "both") else "chat"

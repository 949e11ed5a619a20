"""What the Chat tab consists of, and how its components' values are read."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from typing import Any

import gradio as gr

from model.loading.residency import Residency
from ui.actions import Updates, build_button, build_html, build_run_buttons
from ui.answer_pair import AnswerPair
from ui.answerers import ANSWERERS, Answerers, Choice, read_choice
from ui.attachments import Attachments
from ui.branches import Branches
from ui.chat_told import ChatTokens
from ui.controls import CHAT_DEFAULTS, build_controls
from ui.conversation import read_chatbot, show_chatbot
from ui.examples import CHAT_EXAMPLES
from ui.hidden import build_hidden, build_hidden_seed
from ui.keeper import Keeper
from ui.meter import Meter
from ui.prompt_panel import PromptPanel
from ui.setting_presets import SettingPresets
from ui.status import IDLE
from ui.talk_list import TalkList
from ui.turn_controls import build_turn_controls, render_turns
from ui.work import Tab

TAB: Tab = "chat"


@dataclass(frozen=True)
class Given:
    """What the tab holds when something is asked.

    Attributes:
        conversation: with the answer that stands, where two are on show.
        begin: what the next reply is to begin with.
        settings: the controls' values.
        wants_tokens: each token's probability is to be told.
    """

    conversation: Branches
    choice: Choice
    system: str
    begin: str
    settings: tuple[Any, ...]
    wants_tokens: bool = False

    @property
    def asked_with(self) -> tuple[Any, ...]:
        """Values of `ChatView.asked_with`."""
        return (self.choice, self.system, self.begin, *self.settings)


@dataclass(frozen=True)
class Kept:
    """What Restore brings back.

    Attributes:
        talk: the conversation that it belongs to.
        asked_with: values of `ChatView.asked_with`.
        is_all: what it was asked with comes back as well, and not only what was said.
    """

    branches: Branches = field(default_factory=Branches)
    talk: str = ""
    asked_with: tuple[Any, ...] = ()
    is_all: bool = False


class ChatView:
    """Builds the components where it is called. It keeps them, never what they hold."""

    def __init__(self, residency: Residency, answerers: Answerers) -> None:
        self._answerers = answerers
        self.branches = gr.State(Branches())
        self.cleared = gr.State(Kept())
        # What the last reply was drawn with.
        self.seed = build_hidden_seed(f"{TAB}-drawn-with")
        # Which of the browser's conversations this is; "" until another is chosen.
        self.talk = build_hidden("", f"{TAB}-talk")
        # The conversation as JSON, where the browser can read it.
        self.written = build_hidden(json.dumps(Branches().to_json()), f"{TAB}-written")
        with gr.Row(elem_classes="pg-columns"):
            with gr.Column(elem_classes="pg-work", min_width=0):
                self._build_work(residency, answerers)
            with gr.Column(elem_classes="pg-side", scale=0, min_width=0) as self.side:
                self._build_side()

    @property
    def conversation(self) -> list[Any]:
        """What `read_conversation` takes the values of."""
        return [self.branches, self.chatbot, *self.pair.inputs]

    @property
    def given(self) -> list[Any]:
        """What `read_given` takes the values of."""
        return [*self.conversation, self.tokens.choice, *self.asked_with]

    @property
    def asked_with(self) -> list[Any]:
        """What belongs to a conversation besides what is said in it."""
        return [self.choice, self.system, self.begin, *self.controls.components]

    @property
    def shown(self) -> list[Any]:
        """The components that a step of the conversation changes."""
        return [
            *(self.branches, self.written, self.chatbot, self.turns, self.seed),
            *(*self.pair.outputs, self.status, self.further, *self.tokens.outputs),
        ]

    @property
    def streamed(self) -> list[Any]:
        """The components that a reply changes while it comes."""
        changed = [*self.shown, self.box, self.note, self.restore, *self.buttons.outputs]
        return list(dict.fromkeys([*changed, *self.keeper.outputs]))

    def read_given(self, values: tuple[Any, ...]) -> Given:
        num_shown = len(self.conversation)
        wants_tokens, choice, system, begin, *settings = values[num_shown:]
        conversation = self.read_conversation(values[:num_shown])
        asked_with = (read_choice(choice), system or "", begin or "", tuple(settings))
        return Given(conversation, *asked_with, wants_tokens is True)

    def read_conversation(self, values: tuple[Any, ...]) -> Branches:
        """With the answer that stands, of two on show: the chat model's, if it said anything.

        The page is believed where it shows something else than the session holds: a reply that
        is still being written, or all of a session that the server has forgotten.
        """
        branches: Branches = values[0]
        value, *pair = values[1:]
        question, answers = self.pair.read(pair)
        names = map(self._answerers.name, ANSWERERS)
        answered = dict(zip(names, answers, strict=True))
        return branches.graft(read_chatbot(value)).settle(question, answered)

    def show(self, branches: Branches) -> Updates:
        """A conversation in which nothing is being written. Tokens that are shown are another's."""
        return self.tokens.hide() | {
            self.branches: branches,
            self.written: json.dumps(branches.to_json()),
            self.chatbot: show_chatbot(branches.messages),
            self.turns: render_turns(branches),
            self.further: gr.update(variant=_variant(branches), interactive=True),
        }

    def _build_work(self, residency: Residency, answerers: Answerers) -> None:
        self.refusal = build_html("", f"{TAB}-refusal")
        self.choice = gr.Radio(
            answerers.choices(), value="chat", label="Answered by", elem_id=f"{TAB}-answered-by"
        )
        self.note = build_html("", f"{TAB}-answerer-note")
        self.chatbot = _build_chatbot()
        self.turns = build_turn_controls(f"{TAB}-turns")
        self.pair = AnswerPair(f"{TAB}-pair")
        self.attached = Attachments(residency)
        with gr.Row(elem_classes="pg-message"):
            self.box = gr.Textbox(
                label="Message",
                show_label=False,
                container=False,
                placeholder="Message · Enter sends, Shift+Enter begins a new line",
                lines=1,
                max_lines=10,
                elem_id=f"{TAB}-message",
            )
            self.attached.build_button()
            buttons = build_run_buttons("Send", TAB)
        self.meter = Meter(residency, f"{TAB}-context")
        with gr.Row(elem_classes="pg-actions"):
            self.retry = build_button("Retry", f"{TAB}-retry")
            self.further = build_button("Continue", f"{TAB}-further")
            self.undo = build_button("Undo", f"{TAB}-undo")
            self.clear = build_button("Clear", f"{TAB}-clear")
            self.restore = build_button("Restore", f"{TAB}-restore", visible=False)
        self.buttons = replace(buttons, locked=(self.further, self.undo, self.clear, self.restore))
        self.status = build_html(IDLE, f"{TAB}-status")
        self.tokens = ChatTokens(TAB)
        self.prompt = PromptPanel(residency, TAB, "Send")

    def _build_side(self) -> None:
        self.talks = TalkList()
        with gr.Accordion("System prompt", open=False, elem_classes="pg-system"):
            self.system = gr.Textbox(
                label="System prompt",
                show_label=False,
                lines=4,
                max_lines=12,
                elem_id=f"{TAB}-system",
                placeholder="How the assistant should behave",
            )
        with gr.Accordion("Begin the reply with", open=False, elem_classes="pg-system"):
            self.begin = gr.Textbox(
                label="Begin the reply with",
                show_label=False,
                lines=1,
                max_lines=6,
                elem_id=f"{TAB}-begin",
                elem_classes="pg-mono",
                placeholder="Words that each new reply goes on from",
            )
        with gr.Accordion("Settings", elem_classes="pg-settings") as self.settings:
            self.presets = SettingPresets(TAB)
            self.controls = build_controls(CHAT_DEFAULTS, TAB)
            self.presets.wire(self.controls)
            self.tokens.build_choice()
        self.keeper = Keeper(TAB)
        locked = (*self.buttons.locked, self.keeper.list)
        self.buttons = replace(self.buttons, locked=locked)


def _variant(branches: Branches) -> str:
    """How the button that goes on with the last reply looks: a reply that was cut asks for it."""
    path = branches.path
    return "primary" if path and path[-1].is_cut else "secondary"


def _build_chatbot() -> Any:
    return gr.Chatbot(
        label="Conversation",
        show_label=False,
        height="max(320px, calc(100vh - 300px))",
        layout="panel",
        editable="all",
        buttons=["copy", "copy_all"],
        allow_tags=False,
        latex_delimiters=[],
        feedback_options=None,
        placeholder="Ask about code. Every turn can be edited, asked again or taken back.",
        examples=[{"text": question} for question in CHAT_EXAMPLES],
        elem_id=f"{TAB}-conversation",
    )

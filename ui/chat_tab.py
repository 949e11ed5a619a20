"""The Chat tab: a conversation whose every turn can be edited, taken back and asked again."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import Any

import gradio as gr

from model.errors import InvalidInputError
from model.loading.assistant_prompt import AssistantPromptSource
from model.loading.slot import Parked, Ready, SlotStatus
from model.prompts.texts import check_texts
from model.sampling import SamplingParams
from model.service import GenerationService
from ui.abreast import abreast
from ui.actions import INSTANT, STREAMING, Updates, build_button, build_html, build_run_buttons
from ui.answer_pair import AnswerPair
from ui.answerers import ANSWERERS, Answerer, Answerers, Choice, answerers_of, read_choice
from ui.controls import (
    CHAT_DEFAULTS,
    build_controls,
    chat_defaults,
    is_untouched,
    read_max_new_tokens,
    read_params,
    show_params,
)
from ui.conversation import (
    Messages,
    edit,
    read_chatbot,
    say,
    settle,
    show_chatbot,
    up_to_last_user,
)
from ui.examples import CHAT_EXAMPLES
from ui.markdown import unescape_prose
from ui.meter import Meter, Reading
from ui.notices import error_notice, notice
from ui.progress import Progress
from ui.runs import Runs
from ui.status import IDLE, render_status
from ui.status import say as say_status

TAB = "chat"
# Each answerer has a run of its own.
PLACES: dict[Answerer, str] = {"chat": TAB, "assistant": f"{TAB}-assistant"}

ChatbotValue = list[dict[str, Any]]

KEEP_HINT = "Keep one answer to go on from it · a new message keeps the chat model's"


@dataclass(frozen=True)
class _Given:
    """What the tab holds when something is asked.

    Attributes:
        conversation: with the answer that stands, where two are on show.
        settings: the controls' values.
    """

    conversation: Messages
    choice: Choice
    system: str
    settings: tuple[Any, ...]


class ChatTab:
    """Builds the tab where it is called. It keeps components, never what they hold."""

    def __init__(
        self, service: GenerationService, runs: Runs, prompts: AssistantPromptSource
    ) -> None:
        self._residency = service.residency
        self._runs = runs
        self._answerers = Answerers(service.residency, prompts)
        self._cleared = gr.State(())
        self._is_greeted = gr.State(False)
        self._filled = gr.State(("", ""))
        with gr.Row(elem_classes="pg-columns"):
            with gr.Column(elem_classes="pg-work", min_width=0):
                self._build_work()
            with gr.Column(elem_classes="pg-side", scale=0, min_width=0):
                with gr.Accordion("System prompt", open=False, elem_classes="pg-system"):
                    self._system = gr.Textbox(
                        label="System prompt",
                        show_label=False,
                        lines=4,
                        max_lines=12,
                        elem_id=f"{TAB}-system",
                        placeholder="How the assistant should behave",
                    )
                with gr.Accordion("Settings", elem_classes="pg-settings") as self.settings:
                    self._controls = build_controls(CHAT_DEFAULTS, TAB)
        self._given = [
            self._chatbot,
            *self._pair.inputs,
            self._choice,
            self._system,
            *self._controls.components,
        ]
        self._wire()

    def updates_for(self, status: SlotStatus) -> Updates:
        """What the tab says about the model in the chat slot, and about that in the base slot."""
        updates: Updates = {self._choice: gr.update(choices=self._answerers.choices())}
        if isinstance(status, Ready):
            updates[self._refusal] = self._refuse(status)
        return updates

    @property
    def outputs(self) -> list[Any]:
        """The components that `updates_for` changes."""
        return [self._choice, self._refusal]

    def fill_system_prompt_on(self, *triggers: Any) -> None:
        """At these events, show a new model's own system prompt where nobody wrote another."""
        both = [self._system, self._filled]
        gr.on(triggers, self._fill_system, both, both, **INSTANT | {"trigger_mode": "multiple"})

    def measure_on(self, *triggers: Any) -> None:
        """Have the context's meter follow the typing, and these events of the page."""
        typed = [self._box, self._system, self._choice, self._controls.max_new_tokens]
        inputs = [*typed, self._chatbot, *self._pair.inputs]
        listener = self._meter.listener(inputs, self._read_context)
        gr.on([component.change for component in typed], **listener)
        gr.on(triggers, **self._meter.listener(inputs, self._read_context, is_alone=False))
        for event in self._conversation_events:
            event.then(**listener)

    def recommend_on(self, *triggers: Any) -> None:
        """At the first of these events that finds a model, show the settings that it recommends."""
        controls = list(self._controls.components)
        inputs = [self._is_greeted, *controls]
        gr.on(triggers, self._recommend, inputs, inputs, **INSTANT | {"trigger_mode": "multiple"})

    def _build_work(self) -> None:
        self._refusal = build_html("", f"{TAB}-refusal")
        self._choice = gr.Radio(
            self._answerers.choices(),
            value="chat",
            label="Answered by",
            elem_id=f"{TAB}-answered-by",
        )
        self._note = build_html("", f"{TAB}-answerer-note")
        self._chatbot = gr.Chatbot(
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
        self._pair = AnswerPair(f"{TAB}-pair")
        with gr.Row(elem_classes="pg-message"):
            self._box = gr.Textbox(
                label="Message",
                show_label=False,
                container=False,
                placeholder="Message · Enter sends, Shift+Enter begins a new line",
                lines=1,
                max_lines=10,
                elem_id=f"{TAB}-message",
            )
            self._buttons = build_run_buttons("Send", TAB)
        self._meter = Meter(self._residency, f"{TAB}-context")
        with gr.Row(elem_classes="pg-actions"):
            self._retry = build_button("Retry", f"{TAB}-retry")
            self._undo = build_button("Undo", f"{TAB}-undo")
            self._clear = build_button("Clear", f"{TAB}-clear")
            self._restore = build_button("Restore", f"{TAB}-restore", visible=False)
        self._buttons = replace(self._buttons, locked=(self._undo, self._clear))
        self._status = build_html(IDLE, f"{TAB}-status")

    def _wire(self) -> None:
        streamed = [
            self._chatbot,
            *self._pair.outputs,
            self._box,
            self._status,
            self._note,
            self._restore,
            *self._buttons.outputs,
        ]
        asking: dict[str, Any] = {"inputs": self._given, "outputs": streamed, **STREAMING}
        sending = asking | {"inputs": [self._box, *self._given]}
        conversation = [self._chatbot, *self._pair.inputs]
        shown = [self._chatbot, *self._pair.outputs, self._status]
        cleared = [*shown, self._cleared, self._restore]
        clearing: dict[str, Any] = {
            "fn": self._clear_all,
            "inputs": conversation,
            "outputs": cleared,
            **INSTANT,
        }
        self._conversation_events = [
            self._buttons.run.click(self._send, **sending),
            self._box.submit(self._send, **sending),
            self._retry.click(self._ask_again, **asking),
            self._chatbot.edit(self._edit_turn, **asking),
            self._chatbot.example_select(self._send_example, **asking),
            self._undo.click(
                self._take_back, [self._box, *conversation], [self._box, *shown], **INSTANT
            ),
            self._clear.click(**clearing),
            self._chatbot.clear(**clearing),
            self._restore.click(
                self._bring_back, [self._chatbot, self._cleared], cleared, **INSTANT
            ),
        ]
        for answerer, button in self._pair.keep_buttons:
            kept = button.click(
                self._keeper(answerer), conversation, [*shown, *self._buttons.outputs], **INSTANT
            )
            self._conversation_events.append(kept)
        self._buttons.stop.click(self._stop, None, self._buttons.outputs, **INSTANT)
        shown = [self._note, self._system]
        # The meter listens to it, too: see there.
        how = INSTANT | {"trigger_mode": "multiple"}
        chosen = self._choice.change(self._choose, self._choice, shown, **how)
        chosen.then(self._fetch_prompt, self._choice, self._note, **INSTANT)

    async def _send(
        self, request: gr.Request, text: str | None, *values: Any
    ) -> AsyncGenerator[Updates, None]:
        text = text or ""
        if not text.strip():
            yield {self._status: notice("error", "The message is empty.", "Write one first.")}
            return
        given = self._read_given(values)
        messages = say(given.conversation, "user", text)
        async with aclosing(self._reply(request, given, messages, text=text)) as steps:
            async for updates in steps:
                yield updates

    async def _send_example(
        self, request: gr.Request, event: gr.SelectData, *values: Any
    ) -> AsyncGenerator[Updates, None]:
        given, text = self._read_given(values), str(event.value["text"])
        messages = say(given.conversation, "user", text)
        async with aclosing(self._reply(request, given, messages, text=text)) as steps:
            async for updates in steps:
                yield updates

    async def _ask_again(self, request: gr.Request, *values: Any) -> AsyncGenerator[Updates, None]:
        given = self._read_given(values)
        messages = up_to_last_user(given.conversation)
        if not messages:
            yield {self._status: say_status("There is nothing to ask again yet")}
            return
        async with aclosing(self._reply(request, given, messages, is_fresh=True)) as steps:
            async for updates in steps:
                yield updates

    async def _edit_turn(
        self, request: gr.Request, event: gr.EditData, *values: Any
    ) -> AsyncGenerator[Updates, None]:
        given = self._read_given(values)
        index = event.index[0] if isinstance(event.index, list | tuple) else event.index
        messages = edit(given.conversation, index, unescape_prose(str(event.value)))
        if messages[-1].role != "user":
            yield self._pair.close() | {self._chatbot: show_chatbot(messages)}
            return
        given = replace(given, conversation=messages)
        async with aclosing(self._reply(request, given, messages)) as steps:
            async for updates in steps:
                yield updates

    async def _reply(
        self,
        request: gr.Request,
        given: _Given,
        messages: Messages,
        *,
        text: str | None = None,
        is_fresh: bool = False,
    ) -> AsyncGenerator[Updates, None]:
        """Stream the assistant's turn, or two of them side by side.

        Args:
            given: its conversation is what the page goes back to if no text comes.
            text: what then goes back to the message box; None leaves the box alone.
            is_fresh: draw another seed than the one that is set.
        """
        try:
            params = _read_chat_params(given.settings, is_fresh=is_fresh)
            # Before it is shown: a lone surrogate cannot even be sent back to the browser.
            check_texts([("message", messages[-1].text)])
        except InvalidInputError as error:
            yield {self._status: error_notice(error)}
            return
        yield self._begin(given.choice, messages) | ({} if text is None else {self._box: ""})
        session = str(request.session_hash)
        answerers = answerers_of(given.choice)
        self._runs.stop(session, *(PLACES[name] for name in ANSWERERS if name not in answerers))
        latest: dict[Answerer, Progress] = {}
        runs = {
            name: self._runs.start(
                self._answerers.ask(name, given.system, messages, params), session, PLACES[name]
            )
            for name in answerers
        }
        async with aclosing(abreast(runs)) as rounds:
            async for news in rounds:
                latest |= news
                yield self._show(given.choice, messages, news)
        yield self._end(given, latest, text)

    def _begin(self, choice: Choice, messages: Messages) -> Updates:
        titles = {name: self._answerers.name(name) for name in ANSWERERS}
        is_pair = choice == "both"
        return (
            self._buttons.running()
            | (self._pair.open(messages, titles) if is_pair else self._pair.close())
            | {
                self._chatbot: show_chatbot(messages),
                self._status: IDLE if is_pair else render_status(Progress()),
                self._note: self._answerers.note(choice),
                self._restore: gr.update(visible=False),
            }
        )

    def _show(
        self, choice: Choice, messages: Messages, news: Mapping[Answerer, Progress]
    ) -> Updates:
        if choice == "both":
            return self._pair.show(news)
        progress = news[choice]
        updates: Updates = {self._status: render_status(progress)}
        if progress.text:
            updates[self._chatbot] = show_chatbot(say(messages, "assistant", progress.text))
        return updates

    def _end(self, given: _Given, latest: Mapping[Answerer, Progress], text: str | None) -> Updates:
        asked = latest.get("assistant")
        note = self._answerers.note(given.choice, asked.fitted if asked else None)
        updates = self._buttons.idle() | {self._note: note}
        if any(progress.text for progress in latest.values()):
            if given.choice == "both":
                updates[self._status] = say_status(KEEP_HINT)
            return updates
        updates[self._chatbot] = show_chatbot(given.conversation)
        if text is not None:
            updates[self._box] = text
        if given.choice == "both":
            lines = dict.fromkeys(render_status(progress) for progress in latest.values())
            updates |= self._pair.close() | {self._status: "".join(lines)}
        return updates

    def _read_given(self, values: tuple[Any, ...]) -> _Given:
        """The values of `self._given`."""
        num_shown = 1 + len(self._pair.inputs)
        choice, system, *settings = values[num_shown:]
        conversation = self._read_conversation(values[:num_shown])
        return _Given(conversation, read_choice(choice), system or "", tuple(settings))

    def _read_conversation(self, values: tuple[Any, ...]) -> Messages:
        """With the answer that stands, of two on show: the chat model's, if it said anything."""
        value, *pair = values
        question, answers = self._pair.read(pair)
        return settle(read_chatbot(value), question, answers)

    def _read_context(
        self, text: str | None, system: str | None, choice: object, limit: Any, *values: Any
    ) -> list[Reading]:
        """What the next message would ask for."""
        messages = self._read_conversation(values)
        if text:
            messages = say(messages, "user", text)
        params = read_max_new_tokens(limit, CHAT_DEFAULTS)
        answerers = answerers_of(read_choice(choice))
        return [
            Reading(
                self._answerers.request(name, system or "", messages, params),
                self._answerers.name(name) if len(answerers) > 1 else "",
            )
            for name in answerers
        ]

    def _stop(self, request: gr.Request) -> Updates:
        self._runs.stop(str(request.session_hash), *PLACES.values())
        return self._buttons.idle()

    def _keeper(self, answerer: Answerer) -> Any:
        def keep(request: gr.Request, value: ChatbotValue, *pair: Any) -> Updates:
            """The answer becomes the assistant's turn; what still runs is stopped."""
            question, answers = self._pair.read(pair)
            answer = answers[ANSWERERS.index(answerer)]
            kept = settle(read_chatbot(value), question, [answer])
            name = self._answerers.name(answerer)
            return (
                self._stop(request)
                | self._pair.close()
                | {
                    self._chatbot: show_chatbot(kept),
                    self._status: say_status(f"Kept the answer of {name}"),
                }
            )

        return keep

    def _choose(self, value: object) -> Updates:
        choice = read_choice(value)
        return {
            self._note: self._answerers.note(choice),
            self._system: gr.update(interactive=choice != "assistant"),
        }

    async def _fetch_prompt(self, value: object) -> str:
        """Before it is needed: the first question then need not wait for it."""
        choice = read_choice(value)
        if choice != "chat":
            await self._answerers.fetch_prompt()
        return self._answerers.note(choice)

    def _take_back(self, draft: str | None, *values: Any) -> Updates:
        """The last user turn goes back to the box, above what stands there."""
        messages = up_to_last_user(self._read_conversation(values))
        if not messages:
            return {self._box: draft or ""}
        text = messages[-1].text + (f"\n{draft}" if draft else "")
        shown = {self._box: text, self._chatbot: show_chatbot(messages[:-1])}
        return self._pair.close() | shown

    def _clear_all(self, *values: Any) -> Updates:
        messages = self._read_conversation(values)
        if not messages:
            return {self._status: IDLE}
        return self._pair.close() | {
            self._chatbot: [],
            self._cleared: messages,
            self._restore: gr.update(visible=True),
            self._status: say_status("Cleared · Restore brings it back"),
        }

    def _bring_back(self, value: ChatbotValue, cleared: Messages) -> Updates:
        return {
            self._chatbot: show_chatbot((*cleared, *read_chatbot(value))),
            self._cleared: (),
            self._restore: gr.update(visible=False),
            self._status: IDLE,
        }

    def _fill_system(self, system: str | None, filled: tuple[str, str]) -> Updates:
        """`filled`: the model whose system prompt was shown last, and that prompt."""
        status = self._residency.status("chat")
        dialogue = status.resident.dialogue if isinstance(status, Ready) else None
        name = self._residency.preset("chat").name
        if dialogue is None or name == filled[0]:
            return {self._filled: filled}
        updates: Updates = {self._filled: (name, dialogue.default_system)}
        if (system or "") in ("", filled[1]):
            updates[self._system] = dialogue.default_system
        return updates

    def _recommend(self, is_greeted: bool, *values: Any) -> Updates:
        """Once a session, and never over what somebody has set."""
        if is_greeted or not isinstance(self._residency.status("chat"), Ready | Parked):
            return {self._is_greeted: is_greeted}
        updates: Updates = {self._is_greeted: True}
        if is_untouched(values, CHAT_DEFAULTS):
            recommended = show_params(chat_defaults(self._residency.preset("chat")))
            updates |= dict(zip(self._controls.components, recommended, strict=True))
        return updates

    def _refuse(self, status: Ready) -> str:
        if status.resident.dialogue is not None:
            return ""
        return notice(
            "warning",
            f"{status.resident.preset.title} was not tuned for dialogue.",
            f"{self._answerers.assistant_name} can answer instead, less reliably: choose it under "
            "Answered by. Or load a chat model.",
        )


def _read_chat_params(settings: tuple[Any, ...], *, is_fresh: bool) -> SamplingParams:
    params = read_params(settings)
    return replace(params, seed=None) if is_fresh else params

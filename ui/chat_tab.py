"""The Chat tab: a conversation whose every turn can be edited, taken back and asked again."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import replace
from typing import Any

import gradio as gr

from model.engine.base import ResidentModel
from model.errors import InvalidInputError
from model.loading.slot import Ready, SlotStatus
from model.prompts.texts import check_texts
from model.requests import ChatRequest
from model.sampling import SamplingParams
from model.service import GenerationService
from ui.actions import INSTANT, STREAMING, Updates, build_button, build_html, build_run_buttons
from ui.controls import CHAT_DEFAULTS, build_controls, read_params
from ui.conversation import Messages, edit, read_chatbot, say, show_chatbot, up_to_last_user
from ui.examples import CHAT_EXAMPLES
from ui.markdown import unescape_prose
from ui.notices import error_notice, notice
from ui.progress import Progress
from ui.runs import Runs
from ui.status import IDLE, render_status
from ui.status import say as say_status

TAB = "chat"

ChatbotValue = list[dict[str, Any]]


class ChatTab:
    """Builds the tab where it is called. It keeps components, never what they hold."""

    def __init__(self, service: GenerationService, runs: Runs) -> None:
        self._service = service
        self._runs = runs
        self._cleared = gr.State(())
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
        self._wire()

    def updates_for(self, status: SlotStatus) -> Updates:
        """What the tab says about the model in the chat slot."""
        return {self._refusal: _refusal(status.resident)} if isinstance(status, Ready) else {}

    @property
    def outputs(self) -> list[Any]:
        """The components that `updates_for` changes."""
        return [self._refusal]

    def fill_system_prompt(self, after: Any) -> None:
        """Once the event `after` is over, set an empty system prompt to the model's own."""
        after.then(self._default_system, self._system, self._system, **INSTANT)

    def _build_work(self) -> None:
        self._refusal = build_html("", f"{TAB}-refusal")
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
            self._box,
            self._status,
            self._restore,
            *self._buttons.outputs,
        ]
        settings = [self._system, *self._controls.components]
        send = [self._box, self._chatbot, *settings]
        self._buttons.run.click(self._send, send, streamed, **STREAMING)
        self._box.submit(self._send, send, streamed, **STREAMING)
        self._retry.click(self._ask_again, [self._chatbot, *settings], streamed, **STREAMING)
        self._chatbot.edit(self._edit_turn, [self._chatbot, *settings], streamed, **STREAMING)
        self._chatbot.example_select(
            self._send_example, [self._chatbot, *settings], streamed, **STREAMING
        )
        self._buttons.stop.click(self._stop, None, self._buttons.outputs, **INSTANT)
        self._undo.click(
            self._take_back, [self._box, self._chatbot], [self._box, self._chatbot], **INSTANT
        )
        cleared = [self._chatbot, self._cleared, self._restore, self._status]
        self._clear.click(self._clear_all, self._chatbot, cleared, **INSTANT)
        self._chatbot.clear(self._clear_all, self._chatbot, cleared, **INSTANT)
        self._restore.click(self._bring_back, [self._chatbot, self._cleared], cleared, **INSTANT)

    async def _send(
        self,
        request: gr.Request,
        text: str | None,
        value: ChatbotValue,
        system: str | None,
        *settings: Any,
    ) -> AsyncGenerator[Updates, None]:
        text = text or ""
        before = read_chatbot(value)
        if not text.strip():
            yield {self._status: notice("error", "The message is empty.", "Write one first.")}
            return
        messages = say(before, "user", text)
        reply = self._reply(request, messages, system, settings, before=before, text=text)
        async with aclosing(reply) as steps:
            async for updates in steps:
                yield updates

    async def _send_example(
        self,
        request: gr.Request,
        event: gr.SelectData,
        value: ChatbotValue,
        system: str | None,
        *settings: Any,
    ) -> AsyncGenerator[Updates, None]:
        before, text = read_chatbot(value), str(event.value["text"])
        messages = say(before, "user", text)
        reply = self._reply(request, messages, system, settings, before=before, text=text)
        async with aclosing(reply) as steps:
            async for updates in steps:
                yield updates

    async def _ask_again(
        self, request: gr.Request, value: ChatbotValue, system: str | None, *settings: Any
    ) -> AsyncGenerator[Updates, None]:
        before = read_chatbot(value)
        messages = up_to_last_user(before)
        if not messages:
            yield {self._status: say_status("There is nothing to ask again yet")}
            return
        reply = self._reply(request, messages, system, settings, before=before, is_fresh=True)
        async with aclosing(reply) as steps:
            async for updates in steps:
                yield updates

    async def _edit_turn(
        self,
        request: gr.Request,
        event: gr.EditData,
        value: ChatbotValue,
        system: str | None,
        *settings: Any,
    ) -> AsyncGenerator[Updates, None]:
        index = event.index[0] if isinstance(event.index, list | tuple) else event.index
        messages = edit(read_chatbot(value), index, unescape_prose(str(event.value)))
        if messages[-1].role != "user":
            yield {self._chatbot: show_chatbot(messages)}
            return
        reply = self._reply(request, messages, system, settings, before=messages)
        async with aclosing(reply) as steps:
            async for updates in steps:
                yield updates

    async def _reply(
        self,
        request: gr.Request,
        messages: Messages,
        system: str | None,
        settings: tuple[Any, ...],
        *,
        before: Messages,
        text: str | None = None,
        is_fresh: bool = False,
    ) -> AsyncGenerator[Updates, None]:
        """Stream the assistant's turn.

        Args:
            before: what the conversation goes back to if no text comes.
            text: what then goes back to the message box; None leaves the box alone.
            is_fresh: draw another seed than the one that is set.
        """
        try:
            params = _read_chat_params(settings, is_fresh=is_fresh)
            # Before it is shown: a lone surrogate cannot even be sent back to the browser.
            check_texts([("message", messages[-1].text)])
        except InvalidInputError as error:
            yield {self._status: error_notice(error)}
            return
        yield (
            self._buttons.running()
            | {self._chatbot: show_chatbot(messages), self._status: render_status(Progress())}
            | {self._restore: gr.update(visible=False)}
            | ({} if text is None else {self._box: ""})
        )
        progress = Progress()
        chat = ChatRequest(system or "", messages, params)
        session = str(request.session_hash)
        async with aclosing(self._runs.start(chat, session, TAB)) as steps:
            async for progress in steps:
                updates: Updates = {self._status: render_status(progress)}
                if progress.text:
                    updates[self._chatbot] = show_chatbot(say(messages, "assistant", progress.text))
                yield updates
        updates = self._buttons.idle()
        if not progress.text:
            updates[self._chatbot] = show_chatbot(before)
            if text is not None:
                updates[self._box] = text
        yield updates

    def _stop(self, request: gr.Request) -> Updates:
        self._runs.stop(str(request.session_hash), TAB)
        return self._buttons.idle()

    def _take_back(self, draft: str | None, value: ChatbotValue) -> Updates:
        """The last user turn goes back to the box, above what stands there."""
        messages = up_to_last_user(read_chatbot(value))
        if not messages:
            return {self._box: draft or ""}
        text = messages[-1].text + (f"\n{draft}" if draft else "")
        return {self._box: text, self._chatbot: show_chatbot(messages[:-1])}

    def _clear_all(self, value: ChatbotValue) -> Updates:
        messages = read_chatbot(value)
        if not messages:
            return {self._status: IDLE}
        return {
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

    def _default_system(self, system: str | None) -> str:
        status = self._service.residency.status("chat")
        if system or not isinstance(status, Ready) or status.resident.dialogue is None:
            return system or ""
        return status.resident.dialogue.default_system


def _read_chat_params(settings: tuple[Any, ...], *, is_fresh: bool) -> SamplingParams:
    params = read_params(settings)
    return replace(params, seed=None) if is_fresh else params


def _refusal(resident: ResidentModel) -> str:
    if resident.dialogue is not None:
        return ""
    return notice(
        "warning",
        f"{resident.preset.title} was not tuned for dialogue.",
        "Load a chat model to talk to; the Continue tab works with a base model.",
    )

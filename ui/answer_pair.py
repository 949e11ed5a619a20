"""Two answers to one question, side by side, until one of them is kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

import gradio as gr

from model.prompts.dialogue import Message
from ui.actions import Updates, build_button, build_html
from ui.answerers import ANSWERERS, Answerer
from ui.conversation import Messages, read_chatbot, show_chatbot, show_growing
from ui.progress import Progress
from ui.status import IDLE, render_status

ChatbotValue = list[dict[str, Any]]


class AnswerPair:
    """Builds it where it is called. The style sheet hides it while its columns have no heads."""

    def __init__(self, elem_id: str) -> None:
        # The conversation that the answers are to; empty while there are none.
        self.question = gr.State(())
        with gr.Row(elem_id=elem_id, elem_classes="pg-pair"):
            self._columns = {
                answerer: _Column(answerer, f"{elem_id}-{answerer}") for answerer in ANSWERERS
            }

    @property
    def inputs(self) -> list[Any]:
        """What `read` takes the values of."""
        return [self.question, *(column.answer for column in self._columns.values())]

    @property
    def outputs(self) -> list[Any]:
        """The components that the updates below change."""
        components = [self.question]
        for column in self._columns.values():
            components += column.outputs
        return components

    @property
    def keep_buttons(self) -> list[tuple[Answerer, Any]]:
        return [(answerer, column.keep) for answerer, column in self._columns.items()]

    @staticmethod
    def read(values: Sequence[Any]) -> tuple[Messages, tuple[str, ...]]:
        """The question, and the answers in the order of `ANSWERERS`."""
        question, *answers = values
        return question, tuple(_text_of(value) for value in answers)

    def open(self, question: Messages, titles: Mapping[Answerer, str]) -> Updates:
        """Empty columns for answers to `question`."""
        updates: Updates = {self.question: question}
        for answerer, column in self._columns.items():
            updates |= column.begin(titles[answerer])
        return updates

    def show(self, progress: Mapping[Answerer, Progress], begun: str) -> Updates:
        """`begun`: what both answers begin with."""
        updates: Updates = {}
        for answerer, step in progress.items():
            updates |= self._columns[answerer].show(step, begun)
        return updates

    def close(self) -> Updates:
        updates: Updates = {self.question: ()}
        for column in self._columns.values():
            updates |= column.end()
        return updates


class _Column:
    def __init__(self, answerer: Answerer, elem_id: str) -> None:
        with gr.Column(min_width=0, elem_classes="pg-answer", elem_id=elem_id):
            self._head = build_html("", f"{elem_id}-head")
            self.answer = gr.Chatbot(
                label="Answer of the chat model" if answerer == "chat" else "Tech Assistant's",
                show_label=False,
                height="auto",
                min_height=0,
                max_height="52vh",
                layout="panel",
                buttons=["copy"],
                allow_tags=False,
                latex_delimiters=[],
                feedback_options=None,
                elem_id=f"{elem_id}-answer",
            )
            self._status = build_html(IDLE, f"{elem_id}-status")
            self.keep = build_button("Keep this answer", f"{elem_id}-keep")

    @property
    def outputs(self) -> list[Any]:
        return [self._head, self.answer, self._status, self.keep]

    def begin(self, title: str) -> Updates:
        return {
            self._head: f'<h3 translate="no">{escape(title)}</h3>',
            self.answer: [],
            self._status: render_status(Progress()),
            self.keep: gr.update(interactive=False),
        }

    def show(self, progress: Progress, begun: str) -> Updates:
        updates: Updates = {self._status: render_status(progress)}
        if progress.text:
            show = show_chatbot if progress.is_over else show_growing
            updates[self.answer] = show((Message("assistant", begun + progress.text),))
        if progress.is_over:
            updates[self.keep] = gr.update(interactive=bool(progress.text))
        return updates

    def end(self) -> Updates:
        return {self._head: "", self.answer: [], self._status: IDLE}


def _text_of(value: ChatbotValue | None) -> str:
    return "".join(message.text for message in read_chatbot(value))

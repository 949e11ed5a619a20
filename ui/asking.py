"""Asking the answerers of the Chat tab, and showing what they answer while it comes."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from dataclasses import replace
from typing import Any

import gradio as gr

from model.errors import InvalidInputError
from model.prompts.texts import check_texts
from model.sampling import SamplingParams
from ui.abreast import abreast
from ui.actions import Updates
from ui.answerers import ANSWERERS, Answerer, Answerers, Choice, answerers_of
from ui.chat_view import TAB, ChatView, Given
from ui.controls import read_params
from ui.conversation import Messages, say, show_chatbot
from ui.notices import error_notice
from ui.progress import Progress
from ui.runs import Runs
from ui.status import IDLE, render_status
from ui.status import say as say_status

# Each answerer has a run of its own.
PLACES: dict[Answerer, str] = {"chat": TAB, "assistant": f"{TAB}-assistant"}

KEEP_HINT = "Keep one answer to go on from it · a new message keeps the chat model's"


class Asking:
    """The runs of the tab, one for each answerer that is asked."""

    def __init__(self, view: ChatView, answerers: Answerers, runs: Runs) -> None:
        self._view = view
        self._answerers = answerers
        self._runs = runs

    async def reply(
        self,
        request: gr.Request,
        given: Given,
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
            yield {self._view.status: error_notice(error)}
            return
        yield self._begin(given.choice, messages) | ({} if text is None else {self._view.box: ""})
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

    def stop(self, request: gr.Request) -> Updates:
        self._runs.stop(str(request.session_hash), *PLACES.values())
        return self._view.buttons.idle()

    def _begin(self, choice: Choice, messages: Messages) -> Updates:
        view = self._view
        titles = {name: self._answerers.name(name) for name in ANSWERERS}
        is_pair = choice == "both"
        return (
            view.buttons.running()
            | (view.pair.open(messages, titles) if is_pair else view.pair.close())
            | {
                view.chatbot: show_chatbot(messages),
                view.status: IDLE if is_pair else render_status(Progress()),
                view.note: self._answerers.note(choice),
                view.restore: gr.update(visible=False),
            }
        )

    def _show(
        self, choice: Choice, messages: Messages, news: Mapping[Answerer, Progress]
    ) -> Updates:
        view = self._view
        if choice == "both":
            return view.pair.show(news)
        progress = news[choice]
        updates: Updates = {view.status: render_status(progress)}
        if progress.text:
            updates[view.chatbot] = show_chatbot(say(messages, "assistant", progress.text))
        return updates

    def _end(self, given: Given, latest: Mapping[Answerer, Progress], text: str | None) -> Updates:
        view = self._view
        asked = latest.get("assistant")
        note = self._answerers.note(given.choice, asked.fitted if asked else None)
        updates = view.buttons.idle() | {view.note: note}
        if any(progress.text for progress in latest.values()):
            if given.choice == "both":
                updates[view.status] = say_status(KEEP_HINT)
            return updates
        updates[view.chatbot] = show_chatbot(given.conversation)
        if text is not None:
            updates[view.box] = text
        if given.choice == "both":
            lines = dict.fromkeys(render_status(progress) for progress in latest.values())
            updates |= view.pair.close() | {view.status: "".join(lines)}
        return updates


def _read_chat_params(settings: tuple[Any, ...], *, is_fresh: bool) -> SamplingParams:
    params = read_params(settings)
    return replace(params, seed=None) if is_fresh else params

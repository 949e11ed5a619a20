"""Asking the answerers of the Chat tab, and showing what they answer while it comes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from dataclasses import dataclass, replace

import gradio as gr

from model.errors import InvalidInputError
from model.prompts.texts import check_texts
from model.sampling import SamplingParams
from ui.abreast import abreast
from ui.actions import Updates
from ui.answerers import ANSWERERS, Answerer, Answerers, Choice, answerers_of
from ui.branches import Branches
from ui.chat_told import ReplyFeed
from ui.chat_view import TAB, ChatView, Given
from ui.controls import read_params
from ui.conversation import Messages, show_growing
from ui.notices import error_notice
from ui.progress import Progress
from ui.runs import Runs
from ui.status import IDLE, render_status, why_it_ended
from ui.status import say as say_status
from ui.streaming import pause_after
from ui.token_view import num_alternatives
from ui.told_tokens import Told
from ui.turn_controls import NO_CONTROLS, render_turns
from ui.work import ChatContent, Work

# Each answerer has a run of its own.
PLACES: dict[Answerer, str] = {"chat": TAB, "assistant": f"{TAB}-assistant"}

KEEP_HINT = "Keep one answer to go on from it · a new message keeps the chat model's"


@dataclass(frozen=True)
class Asked:
    """A conversation that is to be answered.

    Attributes:
        branches: its path ends with the user's turn, or with the reply to go on with.
        begun: what the reply begins with, where that is not yet a turn.
        taken: the tokens that the reply is gone on with from, where a person chose one of them.
    """

    branches: Branches
    begun: str = ""
    taken: Told | None = None

    @property
    def is_going_on(self) -> bool:
        """Whether the reply that the path ends with gets longer."""
        return self.branches.path[-1].role == "assistant"

    @property
    def messages(self) -> Messages:
        """What is to be answered."""
        return self.branches.messages[: -1 if self.is_going_on else None]

    @property
    def reply(self) -> str:
        """What the answer begins with."""
        return self.branches.path[-1].text if self.is_going_on else self.begun

    def answered(self, progress: Progress, author: str) -> Branches:
        """With what was written so far."""
        text, is_cut = self.reply + progress.text, progress.is_unfinished
        if self.is_going_on:
            return self.branches.edit(len(self.branches.path) - 1, text, is_cut=is_cut)
        return self.branches.add("assistant", text, author=author, is_cut=is_cut)


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
        asked: Asked,
        *,
        text: str | None = None,
        is_fresh: bool = False,
    ) -> AsyncGenerator[Updates, None]:
        """Stream the assistant's turn, or two of them side by side.

        Args:
            given: its conversation is what the page goes back to if no text comes; where a token
                was chosen, that stands all the same.
            text: what then goes back to the message box; None leaves the box alone.
            is_fresh: draw another seed than the one that is set.
        """
        try:
            params = _read_chat_params(given, is_fresh=is_fresh)
            # Before it is shown: a lone surrogate cannot even be sent back to the browser.
            check_texts([("message", asked.messages[-1].text), ("start of the reply", asked.reply)])
        except InvalidInputError as error:
            # Tokens stay, for one of them to be chosen once that is mended.
            shown = {} if asked.taken else self._view.show(given.conversation)
            yield shown | {self._view.status: error_notice(error)}
            return
        feed = self._view.tokens.follow(asked.taken or asked.reply)
        beginning = self._begin(given, asked, feed)
        yield beginning | ({} if text is None else {self._view.box: ""})
        session = str(request.session_hash)
        answerers = answerers_of(given.choice)
        self._runs.stop(session, *(PLACES[name] for name in ANSWERERS if name not in answerers))
        latest: dict[Answerer, Progress] = {}
        runs = {
            name: self._runs.start(
                self._answerers.ask(name, given.system, asked.messages, params, asked.reply),
                session,
                PLACES[name],
            )
            for name in answerers
        }
        async with aclosing(abreast(runs)) as rounds:
            async for news in rounds:
                latest |= news
                yield self._show(given.choice, asked, news, feed)
                if not all(step.is_over for step in news.values()):
                    await asyncio.sleep(pause_after(max(len(it.text) for it in latest.values())))
        ended = self._end(given, asked, latest, feed, text)
        seeds = [step.seed for step in latest.values() if step.seed is not None]
        yield ended | ({self._view.seed: seeds[0]} if seeds else {})

    def stop(self, request: gr.Request) -> Updates:
        self._runs.stop(str(request.session_hash), *PLACES.values())
        return self._view.buttons.idle()

    def _begin(self, given: Given, asked: Asked, feed: ReplyFeed) -> Updates:
        view, choice = self._view, given.choice
        titles = {name: self._answerers.name(name) for name in ANSWERERS}
        is_pair = choice == "both"
        return (
            view.buttons.running()
            | (view.pair.open(asked.messages, titles) if is_pair else view.pair.close())
            | view.show(asked.branches)
            | (view.tokens.refuse_pair() if is_pair and given.wants_tokens else feed.start())
            | {
                view.turns: NO_CONTROLS,
                view.further: gr.update(variant="secondary", interactive=False),
                view.status: IDLE if is_pair else render_status(Progress()),
                view.note: self._answerers.note(choice),
            }
        )

    def _show(
        self,
        choice: Choice,
        asked: Asked,
        news: Mapping[Answerer, Progress],
        feed: ReplyFeed,
    ) -> Updates:
        view = self._view
        if choice == "both":
            return view.pair.show(news, asked.reply)
        progress = news[choice]
        updates: Updates = {view.status: render_status(progress)}
        if progress.text:
            answered = asked.answered(progress, self._answerers.name(choice))
            updates[view.chatbot] = show_growing(answered.messages)
        return updates | feed.stream(progress)

    def _end(
        self,
        given: Given,
        asked: Asked,
        latest: Mapping[Answerer, Progress],
        feed: ReplyFeed,
        text: str | None,
    ) -> Updates:
        view, choice = self._view, given.choice
        assistant = latest.get("assistant")
        note = self._answerers.note(choice, assistant.fitted if assistant else None)
        updates = view.buttons.idle() | {view.note: note}
        has_ended = all(not progress.is_unfinished for progress in latest.values())
        if any(progress.text for progress in latest.values()) or (asked.is_going_on and has_ended):
            if choice == "both":
                updates |= {
                    view.turns: render_turns(asked.branches),
                    view.status: say_status(KEEP_HINT),
                }
            else:
                answered = asked.answered(latest[choice], self._answerers.name(choice))
                updates |= view.show(answered) | feed.end(answered)
            return updates | self._keep(given, asked, latest)
        if asked.taken is not None:
            return updates | view.show(asked.branches) | feed.end(asked.branches)
        updates |= view.show(given.conversation)
        if text is not None:
            updates[view.box] = text
        if choice == "both":
            lines = dict.fromkeys(render_status(progress) for progress in latest.values())
            updates |= view.pair.close() | {view.status: "".join(lines)}
        return updates

    def _keep(self, given: Given, asked: Asked, latest: Mapping[Answerer, Progress]) -> Updates:
        """What was written goes to the browser's history: of two answers, both."""
        answers = {name: latest[name] for name in ANSWERERS if name in latest}
        written = [progress for progress in answers.values() if progress.text]
        if not written:
            return {}
        names = {name: self._answerers.name(name) for name in answers}
        talk = asked.branches
        if given.choice == "both":
            talk = talk.offer(
                {
                    names[name]: asked.reply + step.text
                    for name, step in answers.items()
                    if step.text
                }
            )
        else:
            talk = asked.answered(latest[given.choice], names[given.choice])
        content = ChatContent(talk, given.system, given.begin, given.choice)
        work = Work(content, given.settings, seed=written[0].seed)
        num_tokens = sum(progress.num_tokens for progress in written)
        models = " · ".join(names.values())
        why = why_it_ended(written[0])
        return self._view.keeper.record(work, written[0].text, num_tokens, why, models)


def _read_chat_params(given: Given, *, is_fresh: bool) -> SamplingParams:
    # Two answers have no place for their tokens.
    wants_tokens = given.wants_tokens and given.choice != "both"
    params = replace(read_params(given.settings), logprobs=num_alternatives(wants_tokens))
    return replace(params, seed=None) if is_fresh else params

"""The generated tokens of the Chat tab's last reply, and the versions that branch from them."""

from __future__ import annotations

from typing import Any

import gradio as gr

from ui.actions import EACH_TIME, Updates, build_html
from ui.branches import Branches
from ui.conversation import Messages
from ui.progress import Progress
from ui.token_view import TokenPanel, build_token_choice
from ui.told_tokens import Told

# In the style sheet, the conversation then leaves room for them.
_MAKE_ROOM = """(isChosen) => {
    document.body.classList.toggle("pg-telling", isChosen === true);
}"""
NO_PAIR = (
    '<p class="pg-fine" role="note">Token probabilities are told of one answer at a time: choose '
    "one under Answered by to see them.</p>"
)


class ChatTokens:
    """Builds the panel where it is called. It keeps components, never what they hold."""

    def __init__(self, tab: str) -> None:
        self.panel = TokenPanel(tab)
        # The conversation that ends with the reply whose tokens are shown; empty where none are.
        self.place = gr.State(())
        self._note = build_html("", f"{tab}-tokens-note")
        self._tab = tab

    def build_choice(self) -> None:
        """Whether tokens are told. Place it among the settings."""
        self.choice = build_token_choice(self._tab)
        self.choice.change(None, self.choice, None, js=_MAKE_ROOM, **EACH_TIME)

    @property
    def clicked(self) -> list[Any]:
        """What `take` takes the values of."""
        return [self.panel.told, self.place]

    @property
    def outputs(self) -> list[Any]:
        """The components that the updates below change."""
        return [*self.panel.outputs, self.place, self._note]

    def hide(self) -> Updates:
        return self.panel.hide() | {self.place: (), self._note: ""}

    def refuse_pair(self) -> Updates:
        """In words: of two answers that come side by side none has its tokens told."""
        return self.hide() | {self._note: NO_PAIR}

    def follow(self, before: Told | str) -> ReplyFeed:
        """The tokens of a reply.

        Args:
            before: what it begins with, or the tokens of another run that it goes on from.
        """
        return ReplyFeed(self, before)

    def take(
        self, event: gr.EventData, told: Told, place: Messages, shown: Branches
    ) -> Told | None:
        """The reply up to what was clicked, and that alternative.

        None where the panel or the conversation has changed since.

        Args:
            shown: the conversation as it is now.
        """
        return self.panel.take(told, event) if place and shown.messages == place else None


class ReplyFeed:
    """Follows the run of one reply."""

    def __init__(self, tokens: ChatTokens, before: Told | str) -> None:
        self._tokens = tokens
        self._feed = tokens.panel.feed(before, is_given_shown=True)

    def start(self) -> Updates:
        return self._tokens.hide() | self._feed.start()

    def stream(self, progress: Progress) -> Updates:
        """The tokens that have come since."""
        return self._feed.stream(progress)

    def end(self, conversation: Branches) -> Updates:
        """
        Args:
            conversation: with the reply at its end.
        """
        messages = conversation.messages
        return self._feed.end(len(messages[-1].text)) | {self._tokens.place: messages}


def branch_reply(conversation: Branches, taken: Told, author: str) -> Branches:
    """Another version of the last reply, as far as it is taken; the former one stays."""
    question, reply = conversation.up_to_last_user(), conversation.path[-1]
    if taken.is_ended and taken.text == reply.text:
        return conversation
    is_cut = not taken.is_ended
    return question.add("assistant", taken.text, author=author, is_cut=is_cut)

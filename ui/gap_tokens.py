"""The generated tokens of a gap, of several texts those of the one that was written last."""

from __future__ import annotations

from typing import Any

import gradio as gr

from ui.actions import Updates
from ui.filling import Step
from ui.gap import Gap
from ui.token_view import TokenFeed, TokenPanel
from ui.told_tokens import Told


class GapTokens:
    """Builds the panel where it is called. It keeps components, never what they hold."""

    def __init__(self, tab: str) -> None:
        self.panel = TokenPanel(tab)
        # The gap that they were generated for, empty.
        self.gap = gr.State(Gap())

    @property
    def outputs(self) -> list[Any]:
        """The components that the updates below change."""
        return [*self.panel.outputs, self.gap]

    def hide(self) -> Updates:
        return self.panel.hide()

    def follow(self, kept: Told | None = None) -> GapFeed:
        """
        Args:
            kept: the tokens that the first text goes on from.
        """
        return GapFeed(self, kept)


class GapFeed:
    """Follows the steps of a filling."""

    def __init__(self, tokens: GapTokens, kept: Told | None) -> None:
        self._tokens = tokens
        self._feed: TokenFeed | None = None if kept is None else tokens.panel.feed(kept)
        self._place = (1, 1)

    def start(self) -> Updates:
        return self._tokens.panel.hide() if self._feed is None else self._feed.start()

    def stream(self, step: Step) -> Updates:
        """The tokens that have come since."""
        place = (step.number, step.sample)
        if self._feed is None or place != self._place:
            self._feed = self._tokens.panel.feed(step.gap.prefix)
            self._place = place
        return self._feed.stream(step.progress)

    def end(self, gap: Gap) -> Updates:
        """
        Args:
            gap: with the text that was written last.
        """
        if self._feed is None:
            return {}
        middle = gap.middle.samples[-1] if gap.middle.samples else gap.middle
        shown = self._feed.end(len(gap.prefix) + len(middle.text))
        return shown | {self._tokens.gap: Gap(gap.prefix, gap.suffix)}

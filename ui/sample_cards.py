"""Several texts side by side, each in a card with how it ended and a button that takes it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from itertools import zip_longest
from typing import Any

import gradio as gr

from model.engine.events import Failed
from ui.actions import Updates, build_button, build_html
from ui.hidden import build_hidden
from ui.progress import Progress
from ui.result import sample_pane
from ui.samples import MAX_SAMPLES, Sample, Samples
from ui.status import describe_end, render_status, say

# Of the line before a text: more would push it out of a narrow card.
LINE_CHARS = 24


class SampleCards:
    """Builds them where it is called.

    The style sheet hides a card that is empty, and its button until there is a text: an update of
    `visible` is lost where the next one comes before the page is drawn (gradio 6.31).

    Attributes:
        held: the `Samples` that can be chosen from.
        written: the same as JSON, where the browser can read it.
        buttons: take a card's text; by the index of the text.
    """

    def __init__(self, elem_id: str) -> None:
        self.held = gr.State(Samples())
        self.written = build_hidden(json.dumps(Samples().to_json()), f"{elem_id}-written")
        with gr.Row(elem_id=elem_id, elem_classes="pg-samples"):
            self._cards = [_Card(f"{elem_id}-{n}") for n in range(1, MAX_SAMPLES + 1)]
        self.buttons = tuple(card.use for card in self._cards)

    @property
    def outputs(self) -> list[Any]:
        """The components that the updates below change."""
        return [self.held, *self.shown]

    @property
    def panes(self) -> list[Any]:
        """What alone changes while a text comes."""
        return [card.pane for card in self._cards]

    @property
    def shown(self) -> list[Any]:
        """All but `held`."""
        return [self.written, *(component for card in self._cards for component in card.outputs)]

    def open(self, prompt: str, titles: Sequence[str]) -> Updates:
        """Empty cards with these titles."""
        updates = self.show(Samples(prompt))
        for card, title in zip(self._cards, titles, strict=False):
            updates |= card.begin(title)
        return updates

    def stream(self, prompt: str, titles: Sequence[str], news: Mapping[int, Progress]) -> Updates:
        """
        Args:
            news: how far a text is, by its index, where that has changed.
        """
        updates: Updates = {}
        for index, progress in news.items():
            updates |= self._cards[index].stream(prompt, titles[index], progress)
        return updates

    def keep(self, samples: Samples) -> Updates:
        """What there is to choose from; no card changes."""
        written = json.dumps(samples.to_json(), ensure_ascii=False)
        return {self.held: samples, self.written: written}

    def hide_from(self, index: int) -> Updates:
        """Without the cards from that index on, whose turn never came."""
        updates: Updates = {}
        for card in self._cards[index:]:
            updates |= card.hide()
        return updates

    def show(self, samples: Samples) -> Updates:
        updates = self.keep(samples)
        for card, sample in zip_longest(self._cards, samples.texts):
            updates |= card.show(samples.prompt, sample) if sample else card.hide()
        return updates

    def hide(self) -> Updates:
        return self.show(Samples())


class _Card:
    def __init__(self, elem_id: str) -> None:
        with gr.Column(min_width=0, elem_classes="pg-sample", elem_id=elem_id):
            self.pane = build_html(
                "", f"{elem_id}-text", "pg-pane", autoscroll=True, max_height="46vh"
            )
            self._status = build_html("", f"{elem_id}-status")
            self.use = build_button("Use this", f"{elem_id}-use")

    @property
    def outputs(self) -> list[Any]:
        return [self.pane, self._status]

    def begin(self, title: str) -> Updates:
        return self._updates(sample_pane("", "", title, is_live=False), say("Waits for its turn"))

    def stream(self, prompt: str, title: str, progress: Progress) -> Updates:
        pane = sample_pane(_line(prompt), progress.text, title, is_live=not progress.is_over)
        return self._updates(pane, render_status(progress))

    def show(self, prompt: str, sample: Sample) -> Updates:
        pane = sample_pane(_line(prompt), sample.text, sample.title, is_live=False)
        return self._updates(pane, say(sample.note))

    def hide(self) -> Updates:
        return self._updates("", "")

    def _updates(self, pane: str, status: str) -> Updates:
        return {self.pane: pane, self._status: status}


def collect(prompt: str, titles: Sequence[str], now: Mapping[int, Progress]) -> Samples:
    """Those that are over, in the order of their cards."""
    over = {index: progress for index, progress in sorted(now.items()) if progress.is_over}
    return Samples(
        prompt,
        tuple(
            Sample(titles[index], progress.text, _note(progress), progress.seed)
            for index, progress in over.items()
        ),
    )


def _note(progress: Progress) -> str:
    notes = [describe_end(progress)]
    if isinstance(progress.outcome, Failed):
        notes.append(progress.outcome.error.message)
    return " · ".join(filter(None, notes))


def _line(prompt: str) -> str:
    """The one that the text goes on with; of a long one the end."""
    line = prompt[prompt.rfind("\n") + 1 :]
    return line if len(line) <= LINE_CHARS else f"…{line[-LINE_CHARS:]}"

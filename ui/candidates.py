"""Several texts for one gap, listed as diffs, until one of them is taken."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from itertools import zip_longest
from typing import Any

import gradio as gr

from ui.actions import Updates, build_button, build_html
from ui.gap import Change, Gap, Middle, choose
from ui.gap_diff import render_diff
from ui.samples import MAX_SAMPLES


class Candidates:
    """Builds them where it is called. They are there while there is a choice."""

    def __init__(self, elem_id: str) -> None:
        self._cards = [_Card(f"{elem_id}-{number}") for number in range(1, MAX_SAMPLES + 1)]
        # What each button makes of the gap.
        self.changes: tuple[tuple[Any, Change], ...] = tuple(
            (card.use, partial(choose, index=index)) for index, card in enumerate(self._cards)
        )

    @property
    def outputs(self) -> list[Any]:
        """The components that the updates below change."""
        return [component for card in self._cards for component in card.outputs]

    def stream(self, gap: Gap, number: int, text: str) -> Updates:
        """The sample of that number, counted from 1, as its text comes."""
        return self._cards[number - 1].show(gap, Entry(f"Sample {number}", text))

    def show(self, gap: Gap) -> Updates:
        updates: Updates = {}
        entries = list_samples(gap.middle)
        for card, entry in zip_longest(self._cards, entries):
            updates |= card.show(gap, entry) if entry else card.hide()
        return updates


@dataclass(frozen=True, slots=True)
class Entry:
    """A sample in the list. `text` is None where another entry has the same."""

    title: str
    text: str | None
    can_use: bool = False


def list_samples(middle: Middle) -> list[Entry]:
    """What the cards show of a middle's samples; nothing where there is no choice."""
    samples = middle.samples if len(middle.samples) > 1 else ()
    texts = [sample.text for sample in samples]
    entries = []
    for index, sample in enumerate(samples):
        first = texts.index(sample.text)
        title = f"Sample {index + 1}"
        if first < index:
            entries.append(Entry(f"{title} · the same as {first + 1}", None))
        elif sample == middle.alone:
            entries.append(Entry(f"{title} · in the gap", sample.text))
        else:
            entries.append(Entry(title, sample.text, can_use=True))
    return entries


class _Card:
    def __init__(self, elem_id: str) -> None:
        with gr.Column(visible=False, min_width=0, elem_classes="pg-candidate") as self._box:
            self._pane = build_html("", elem_id)
            self.use = build_button("Use this", f"{elem_id}-use")

    @property
    def outputs(self) -> list[Any]:
        return [self._box, self._pane, self.use]

    def show(self, gap: Gap, entry: Entry) -> Updates:
        title, body = entry.title, ""
        if entry.text is not None:
            diff = render_diff(gap.prefix, entry.text, gap.seen_suffix)
            body = f'<pre tabindex="0" aria-label="{title}"><code>{diff}</code></pre>'
        return {
            self._box: gr.update(visible=True),
            self._pane: f'<section class="pg-result" aria-label="{title}">'
            f"<header><span>{title}</span></header>{body}</section>",
            self.use: gr.update(visible=entry.can_use, interactive=entry.can_use),
        }

    def hide(self) -> Updates:
        return {
            self._box: gr.update(visible=False),
            self._pane: "",
            self.use: gr.update(interactive=True),
        }

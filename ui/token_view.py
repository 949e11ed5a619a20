"""The panel of generated tokens: how likely each was, and what could stand in its place.

The page's script draws it. An update holds all the lines so far, one per token, as a text that
grows: Gradio sends what is new of it, and the script draws what it has not drawn yet.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, get_args
from uuid import uuid4

import gradio as gr

from ui.actions import Updates
from ui.passthrough import OwnComponentMeta
from ui.progress import Progress
from ui.told_tokens import NUM_ALTERNATIVES, Kind, Option, Telling, Told, ToldToken, told_before

SCRIPT = Path(__file__).with_name("token_view.js")
STALE = "These tokens are of an earlier text · generate again to branch"

# Shows no panel. (Gradio leaves a None out of its updates.)
NOTHING = {"run": ""}

_KINDS: tuple[Kind, ...] = get_args(Kind)


class TokenList(gr.HTML, metaclass=OwnComponentMeta):
    """Its template is empty, so that no text of a model is ever part of one. `gr.update` takes
    `told`: what `TokenFeed` makes, or `NOTHING`."""


class TokenPanel:
    """Builds the panel where it is called. It keeps components, never what they hold."""

    def __init__(self, tab: str) -> None:
        self.told = gr.State(Told())
        self.list = TokenList(
            html_template="",
            js_on_load=SCRIPT.read_text(encoding="utf-8"),
            apply_default_css=False,
            elem_id=f"{tab}-tokens",
            elem_classes="pg-html",
            told=NOTHING,
        )

    @property
    def outputs(self) -> list[Any]:
        """The components that the updates below change."""
        return [self.list, self.told]

    def hide(self) -> Updates:
        return {self.list: gr.update(told=NOTHING), self.told: Told()}

    def feed(self, before: Told | str, *, is_given_shown: bool = False) -> TokenFeed:
        """The tokens of a new run, after a text or after those that were kept of another run.

        Args:
            is_given_shown: what stood before all tokens stands in the panel, too.
        """
        return TokenFeed(self, before, is_given_shown=is_given_shown)

    def take(self, told: Told, event: gr.EventData) -> Told | None:
        """What was clicked: the text up to there, and that alternative. None where the panel has
        changed since."""
        return told.take(event.index, event.option) if event.run == told.run else None


class TokenFeed:
    """Follows one run, where its tokens are told; where not, the panel is hidden."""

    def __init__(
        self, panel: TokenPanel, before: Told | str, *, is_given_shown: bool = False
    ) -> None:
        self._panel = panel
        # None until it is known how much of it the first token spells again.
        self._given = None if is_given_shown else ""
        self._run = uuid4().hex
        told = told_before(self._run, before) if isinstance(before, str) else before
        self._telling = Telling(Told(self._run, told.given, told.text, told.tokens))
        self._lines = "".join(map(line_of, told.tokens))
        self._num_sent = 0

    def start(self) -> Updates:
        """Nothing, or the tokens that were kept."""
        return {self._panel.list: self._shown(), self._panel.told: Told()}

    def stream(self, progress: Progress) -> Updates:
        """The tokens that have come since."""
        self._telling.take(progress)
        tokens = self._telling.tokens
        if len(tokens) == self._num_sent:
            return {}
        self._lines += "".join(map(line_of, tokens[self._num_sent :]))
        self._num_sent = len(tokens)
        return {self._panel.list: self._shown()}

    def end(self, num_shown: int) -> Updates:
        """
        Args:
            num_shown: characters of the whole text that the tab shows. Tokens behind them spell a
                stop string, or what was trimmed.
        """
        told = self._telling.told
        return {
            self._panel.list: self._shown(is_over=True, cut=_cut(told, num_shown)),
            self._panel.told: told,
        }

    def _shown(self, *, is_over: bool = False, cut: tuple[int, int] | None = None) -> Any:
        if not self._lines:
            return gr.update(told=NOTHING)
        if self._given is None:
            text = self._telling.told
            self._given = text.given[: text.tokens[0].start]
        told = {"run": self._run, "lines": self._lines, "is_over": is_over, "cut": cut}
        return gr.update(told=told | {"given": self._given})


def build_token_choice(tab: str) -> Any:
    """Whether the tab's tokens are told. Place it among the settings."""
    return gr.Checkbox(
        value=False,
        label="Token probabilities and alternatives",
        elem_id=f"{tab}-probabilities",
        info="from the next run on, below it: click a token to see what else could stand there",
    )


def num_alternatives(is_chosen: object) -> int | None:
    """For `SamplingParams.logprobs`."""
    return NUM_ALTERNATIVES if is_chosen is True else None


def line_of(token: ToldToken) -> str:
    """As the script reads it: kind, text and probability of the token; characters of it that
    stood already; whether a person chose it; its index among the options, or null; and these."""
    own, options = _packed(token.own), list(map(_packed, token.options))
    fields = [*own, token.num_again, token.is_taken, token.chosen, options]
    return json.dumps(fields, ensure_ascii=False, separators=(",", ":")) + "\n"


def _packed(option: Option) -> list[Any]:
    return [_KINDS.index(option.kind), option.text, float(f"{option.probability:.3g}")]


def _cut(told: Told, num_shown: int) -> tuple[int, int] | None:
    """The first token of which something is not shown, and how many of its characters are."""
    for index, token in enumerate(told.tokens):
        if token.text and token.end > num_shown:
            return index, max(num_shown - token.start, 0)
    return None

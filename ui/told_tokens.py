"""Each generated token with its probability, and what else could have stood in its place.

Plain data. A text that goes on from an alternative is made here: what stood before the token, and
the alternative. It is text, not ids: what the tab shows is then all that the model goes on from.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Literal

from model.engine.events import Alternative, Token
from model.fitting import FittedRequest
from model.tokenization import is_special
from ui.progress import Progress

NUM_ALTERNATIVES = 5

# What becomes of a text in which a token is put: it goes on, or ends there. The others cannot be
# put in: a special token that no text spells, a part of a character, a token that spells another
# text than the one that was given at that place, and white space that a prompt's format has before
# the text.
Kind = Literal["text", "end", "special", "part", "given", "format"]


@dataclass(frozen=True, slots=True)
class Option:
    """A token for one place.

    Attributes:
        text: what it adds there; a special token's spelling; U+FFFD for a part of a character.
        probability: the model's own, before temperature and the other settings.
    """

    text: str
    probability: float
    kind: Kind


@dataclass(frozen=True, slots=True)
class ToldToken:
    """A token that was generated, or chosen by a person.

    Attributes:
        text: what it added; "" for a special token, for a character's bytes but the last, and for
            what is the format's.
        start: where that begins in the whole text, in characters.
        floor: as much of the whole text stood already when the token's run began. Healed white
            space is spelt again, so a token may start before its floor; see `model.healing`.
        own: the token itself.
        options: the likeliest tokens in its place, best first.
        chosen: its index among them; None where it is none of them.
        is_taken: a person chose it.
    """

    text: str
    start: int
    floor: int
    own: Option
    options: tuple[Option, ...]
    chosen: int | None
    is_taken: bool = False

    @property
    def end(self) -> int:
        return self.start + len(self.text)

    @property
    def num_again(self) -> int:
        """Characters of `text` that stood already."""
        return min(max(self.floor - self.start, 0), len(self.text))


@dataclass(frozen=True, slots=True)
class Told:
    """What the panel of a tab shows, and what its branches are made of.

    Attributes:
        run: the name of the run; a click in another one's panel means nothing here.
        given: what stood before anything was generated.
        text: that, and what the tokens spell: of a stop string or a repeated suffix, too, which
            are left out of the tab's text.
    """

    run: str = ""
    given: str = ""
    text: str = ""
    tokens: tuple[ToldToken, ...] = ()

    def take(self, index: int, option: int) -> Told | None:
        """Up to that token, with that option in its place; None where it cannot be put there."""
        if index not in range(len(self.tokens)):
            return None
        token = self.tokens[index]
        if option not in range(len(token.options)) or option == token.chosen:
            return None
        own = token.options[option]
        if own.kind not in ("text", "end"):
            return None
        text = own.text if own.kind == "text" else ""
        taken = replace(token, text=text, own=own, chosen=option, is_taken=True)
        return Told("", self.given, self.text[: token.start] + text, (*self.tokens[:index], taken))

    @property
    def is_ended(self) -> bool:
        """An end of the text was taken: there is nothing to go on with."""
        return bool(self.tokens) and self.tokens[-1].own.kind == "end"

    def stands_in(self, text: str) -> bool:
        """Whether `text` is what was written, or as much of it as was kept: nobody edited it."""
        return len(text) >= len(self.given) and self.text.startswith(text)

    @property
    def generated(self) -> str:
        """What was written after `given`."""
        return self.text[len(self.given) :]


def told_before(run: str, text: str) -> Told:
    """Nothing was generated yet after `text`."""
    return Told(run, text, text)


class Telling:
    """The tokens of one run as they come.

    Args:
        told: what stands before them.
    """

    def __init__(self, told: Told) -> None:
        self._told = told
        self._floor = len(told.text)
        self._kept_text = told.text
        self._pieces: list[str] = []
        self._start = self._floor
        self._tokens: list[ToldToken] = []
        self._num_read = 0
        self._reader: _Reader | None = None

    @property
    def tokens(self) -> list[ToldToken]:
        """Those of the run. It grows."""
        return self._tokens

    @property
    def told(self) -> Told:
        text = self._kept_text + "".join(self._pieces)
        return replace(self._told, text=text, tokens=(*self._told.tokens, *self._tokens))

    def take(self, progress: Progress) -> None:
        """Read the tokens that are new. Costs nothing where none are told."""
        news = progress.tokens[self._num_read :]
        if not news:
            return
        if self._reader is None:
            assert progress.fitted is not None, "tokens came before their prompt"
            self._begin(progress.fitted)
        for token in news:
            self._add(token)
        self._num_read = len(progress.tokens)

    def _begin(self, fitted: FittedRequest) -> None:
        healed = fitted.generation.healed
        is_ours = self._kept_text.endswith(healed)
        self._reader = _Reader(fitted, "" if is_ours else healed)
        if healed and is_ours:
            self._kept_text = self._kept_text[: -len(healed)]
            self._start -= len(healed)

    def _add(self, token: Token) -> None:
        assert self._reader is not None
        given = self._told.text[self._start : self._floor]
        told = self._reader.read(token, self._start, self._floor, given)
        self._tokens.append(told)
        self._pieces.append(told.text)
        self._start += len(told.text)


class _Reader:
    """Reads tokens as the engine's streamer does, but for what that holds back, and for stop
    strings.

    Args:
        spelt_first: the format's own, which the tokens spell before any text.
    """

    def __init__(self, fitted: FittedRequest, spelt_first: str) -> None:
        self._tokenizer = fitted.tokenizer
        self._decoder = fitted.tokenizer.decoder()
        self._ends = frozenset(fitted.generation.stop_token_ids)
        self._previous = fitted.generation.prompt_ids[-1]
        self._is_inside = False
        self._spelt_first = spelt_first
        self._is_at_start = fitted.generation.is_start_stripped

    def read(self, token: Token, start: int, floor: int, given: str) -> ToldToken:
        """
        Args:
            given: what stands there already, from the token's place on.
        """
        assert token.id is not None
        assert token.logprob is not None
        spelt = self._decoder.step(token.id)
        text = self._without_format(spelt)
        stands = given or self._spelt_first
        options = tuple(self._option(option, stands) for option in token.alternatives)
        ids = [option.id for option in token.alternatives]
        own = self._own(token.id, spelt, math.exp(token.logprob))
        self._is_inside = own.kind == "part"
        self._spelt_first = self._spelt_first[len(spelt) :]
        self._is_at_start = self._is_at_start and not text
        self._previous = token.id
        chosen = ids.index(token.id) if token.id in ids else None
        return ToldToken(text, start, floor, own, options, chosen)

    def _without_format(self, spelt: str) -> str:
        text = spelt[len(self._spelt_first) :]
        return text.lstrip("\r\n") if self._is_at_start else text

    def _own(self, id_: int, spelt: str, probability: float) -> Option:
        if is_special(id_, self._tokenizer):
            kind: Kind = "end" if id_ in self._ends else "special"
            return Option(self._tokenizer.token_text(id_), probability, kind)
        if not spelt:
            return Option(self._tokenizer.token_text(id_), probability, "part")
        return self._spelling(spelt, probability)

    def _option(self, option: Alternative, given: str) -> Option:
        spelt, probability = self._text_of(option), math.exp(option.logprob)
        kind = self._kind(option.id, spelt, given)
        if kind == "text":
            return self._spelling(spelt, probability)
        return Option(spelt, probability, kind)

    def _spelling(self, spelt: str, probability: float) -> Option:
        text = self._without_format(spelt)
        return Option(text or spelt, probability, "text" if text else "format")

    def _text_of(self, option: Alternative) -> str:
        """What it would add after the token before. By itself it may be something else: some
        tokenizers leave out the space that a text begins with."""
        if self._is_inside or is_special(option.id, self._tokenizer):
            return option.text
        before = self._tokenizer.decode([self._previous])
        return self._tokenizer.decode([self._previous, option.id])[len(before) :]

    def _kind(self, id_: int, text: str, given: str) -> Kind:
        if is_special(id_, self._tokenizer):
            if id_ not in self._ends:
                return "special"
            return "given" if given else "end"
        if self._is_inside or not text or "\ufffd" in text:
            return "part"
        is_more = len(text) > len(given) and text.startswith(given)
        return "text" if is_more else "given"

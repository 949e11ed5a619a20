"""The choices of one call, generated one after the other, and what is told of each.

An answer that is streamed and one that is not are put together from the same pieces.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from typing import Literal

from api.asking import Asker
from model.engine.base import ResidentModel
from model.engine.events import Alternative, Finished, FinishReason, Token, Usage
from model.fitting import FittedRequest
from model.requests import PlaygroundRequest
from model.sampling import MAX_SEED

Ending = Literal["stop", "length"]

# In the text of a token that is a part of a character.
REPLACEMENT = "\N{REPLACEMENT CHARACTER}"

ENDINGS: dict[FinishReason, Ending] = {
    FinishReason.EOS_TOKEN: "stop",
    FinishReason.STOP_SEQUENCE: "stop",
    FinishReason.LENGTH: "length",
    # OpenAI has no word for it; like the length it is a bound that cut the text off.
    FinishReason.DEADLINE: "length",
}


@dataclass(frozen=True, slots=True)
class ScoredToken:
    """A token with its log-probability, in nats.

    Attributes:
        id: in the model's vocabulary.
        text: the token's by itself; a special token's spelling.
        offset: characters of the completion before it.
        is_end: it ended the text, and is no part of it.
    """

    id: int
    text: str
    logprob: float
    alternatives: tuple[Alternative, ...]
    offset: int
    is_end: bool


@dataclass(frozen=True, slots=True)
class Opened:
    """The engine has taken the request of choice `index`."""

    index: int
    fitted: FittedRequest
    resident: ResidentModel


@dataclass(frozen=True, slots=True)
class Piece:
    """More of choice `index`: text, and the tokens that it came from where scores were asked for.

    `ending` is told with the choice's last piece; `token_ids` are told where they were asked for.
    """

    index: int
    text: str = ""
    scored: tuple[ScoredToken, ...] = ()
    ending: Ending | None = None
    token_ids: tuple[int, ...] | None = None


@dataclass(slots=True)
class Spent:
    """The tokens of one call: each prompt's once, every choice's completion."""

    prompt_tokens: int = 0
    cached_tokens: int = 0
    completion_tokens: int = 0

    def add(self, usage: Usage, *, is_new_prompt: bool) -> None:
        self.completion_tokens += usage.completion_tokens
        if is_new_prompt:
            self.prompt_tokens += usage.prompt_tokens
            self.cached_tokens += usage.reused_tokens


@dataclass(slots=True)
class Choices:
    """The choices of one call.

    Attributes:
        requests: one for each prompt.
        num_choices: of each prompt. With a seed, those after the first use the seeds after it.
        client: who asks, for the engine's line.
        spent: grows with each choice that ends.
        tells_ids: of each token, in a piece of its own.
    """

    asker: Asker
    requests: Sequence[PlaygroundRequest]
    num_choices: int
    client: str
    spent: Spent = field(default_factory=Spent)
    tells_ids: bool = False

    async def run(self) -> AsyncGenerator[Opened | Piece, None]:
        """What is told of the choices, the first choice's `Opened` first. Close it, and the
        generation stops.

        Raises:
            PlaygroundError: a request cannot be run, or failed. Before the first `Opened` nothing
                has been generated.
        """
        index = 0
        for request in self.requests:
            for number in range(self.num_choices):
                one = self._run_one(index, _reseeded(request, number), number == 0)
                async with aclosing(one):
                    async for event in one:
                        yield event
                index += 1

    async def _run_one(
        self, index: int, request: PlaygroundRequest, is_new_prompt: bool
    ) -> AsyncGenerator[Opened | Piece, None]:
        async with self.asker.ask(request, self.client) as answer:
            yield Opened(index, answer.fitted, answer.resident)
            scores = _Scores(answer.fitted, answer.resident)
            async for event in answer:
                if isinstance(event, Token):
                    scored = scores.feed(event)
                    if self.tells_ids:
                        yield Piece(index, event.text, token_ids=_ids_of(event))
                    elif event.text or scored:
                        yield Piece(index, event.text, scored)
                else:
                    self.spent.add(event.usage, is_new_prompt=is_new_prompt)
                    if scored := scores.rest(event):
                        yield Piece(index, scored=scored)
                    yield Piece(index, ending=ENDINGS[event.reason])


def _ids_of(token: Token) -> tuple[int, ...]:
    return () if token.id is None else (token.id,)


def _reseeded(request: PlaygroundRequest, number: int) -> PlaygroundRequest:
    seed = request.params.seed
    if seed is None or number == 0:
        return request
    return replace(request, params=replace(request.params, seed=(seed + number) % (MAX_SEED + 1)))


class _Scores:
    """Holds each token back until its text is out: what a stop string swallows is not told."""

    def __init__(self, fitted: FittedRequest, resident: ResidentModel) -> None:
        self._token_text = resident.tokenizer.token_text
        self._stop_ids = frozenset(fitted.generation.stop_token_ids)
        self._num_shown = 0
        self._pending: list[ScoredToken] = []

    def feed(self, token: Token) -> tuple[ScoredToken, ...]:
        """The tokens whose text is out with `token`."""
        if token.id is not None and token.logprob is not None:
            # A part of a character is shown with the token that completes it.
            pending = (each.text for each in self._pending if REPLACEMENT not in each.text)
            offset = self._num_shown + sum(map(len, pending))
            is_end = token.id in self._stop_ids and not token.text
            text = self._token_text(token.id)
            self._pending.append(
                ScoredToken(token.id, text, token.logprob, token.alternatives, offset, is_end)
            )
        self._num_shown += len(token.text)
        return self._take() if token.text else ()

    def rest(self, finished: Finished) -> tuple[ScoredToken, ...]:
        return () if finished.reason is FinishReason.STOP_SEQUENCE else self._take()

    def _take(self) -> tuple[ScoredToken, ...]:
        taken = tuple(self._pending)
        self._pending.clear()
        return taken

"""One generation on a remote server: what is asked, and the events that its answer makes."""

from __future__ import annotations

import random
import time
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

from model.engine.base import ResidentModel
from model.engine.events import Finished, FinishReason, Prefill, Timings, Token, Usage
from model.engine.generation import Generation
from model.engine.remote_call import RemoteCaller
from model.engine.remote_dialect import Dialect
from model.engine.remote_prompt import PromptForm, as_ids, as_messages, as_plain_text, as_text
from model.engine.remote_scores import Score, read_scores
from model.errors import CapabilityError, RemoteAnswerError, RemoteRefusedError
from model.plain_text import read_messages
from model.remote_chunks import Chunk, read_chunks
from model.remote_errors import broken_off
from model.sampling import SamplingParams
from model.text_step import TextStep
from model.tokenization import ModelTokenizer

# A server that overlooks `max_tokens` is left; pieces of text are more than tokens where their ids
# are not told.
_MOST_PIECES = 4


@dataclass
class RemoteSlot:
    """A model on the server, as one slot asks for it.

    Attributes:
        name: what the server calls it.
        form: how it takes prompts; "auto" until it has answered one.
    """

    resident: ResidentModel
    name: str
    dialect: Dialect
    form: PromptForm = "auto"


class RemoteRun:
    """Asks for one generation. `run` until it returns, raises or is cancelled, then `finish`."""

    def __init__(self, generation: Generation, slot: RemoteSlot, caller: RemoteCaller) -> None:
        self._generation = generation
        self._request = generation.request
        self._slot = slot
        self._caller = caller
        self._tokenizer = slot.resident.tokenizer
        self._decoder = self._tokenizer.decoder()
        self._step = TextStep(
            self._request.params.stop,
            num_hidden=len(self._request.healed),
            is_start_stripped=self._request.is_start_stripped,
        )
        params = self._request.params
        # Told and sent, so that the text can be had again.
        self._seed = random.randrange(2**31) if params.seed is None else params.seed
        self._started_at = time.monotonic()
        self._first_at: float | None = None
        self._usage: Usage | None = None
        self._num_tokens = 0
        self._has_ids = False

    async def run(self) -> FinishReason:
        """
        Raises:
            RemoteError: the server did not answer as it should.
            CapabilityError: it cannot be asked this.
        """
        self._started_at = time.monotonic()
        self._generation.publish(Prefill(0, len(self._request.prompt_ids)))
        if not isinstance(self._tokenizer, ModelTokenizer):
            return await self._ask_in_text()
        if self._slot.form != "text":
            try:
                reason = await self._ask("completions", as_ids(self._request.prompt_ids))
            except RemoteRefusedError as refusal:
                if self._slot.form == "ids" or self._num_tokens:
                    raise
                return await self._ask_in_text_instead(self._tokenizer, refusal)
            self._slot.form = "ids"
            return reason
        return await self._ask("completions", as_text(self._request.prompt_ids, self._tokenizer))

    def finish(self, reason: FinishReason) -> None:
        """Let out what was held back, and tell the end."""
        if not self._step.is_stopped:
            rest = self._step.feed(self._decoder.flush()) + self._step.flush()
            if rest:
                self._generation.publish(Token(None, rest))
        now, first = time.monotonic(), self._first_at
        timings = Timings(
            queued=self._started_at - self._generation.submitted_at,
            time_to_first_token=None if first is None else first - self._started_at,
            total=now - self._started_at,
        )
        usage = self._usage or Usage(len(self._request.prompt_ids), 0, self._num_tokens)
        self._generation.publish(Finished(reason, usage, timings, self._seed))

    async def _ask_in_text(self) -> FinishReason:
        ids = self._request.prompt_ids
        if read_messages(ids):
            return await self._ask("chat/completions", as_messages(ids))
        return await self._ask("completions", as_plain_text(ids))

    async def _ask_in_text_instead(
        self, tokenizer: ModelTokenizer, refusal: RemoteRefusedError
    ) -> FinishReason:
        """The server may take no token ids; where it takes the text neither, it meant the rest."""
        prompt = as_text(self._request.prompt_ids, tokenizer)
        try:
            reason = await self._ask("completions", prompt)
        except RemoteRefusedError:
            raise refusal from None
        self._slot.form = "text"
        return reason

    async def _ask(self, path: str, prompt: dict[str, Any]) -> FinishReason:
        body = self._body() | prompt
        async with (
            self._caller.post(path, body) as pieces,
            aclosing(read_chunks(pieces, self._caller.host)) as chunks,
        ):
            return await self._follow(chunks)

    def _body(self) -> dict[str, Any]:
        params, dialect = self._request.params, self._slot.dialect
        body = {
            "model": self._slot.name,
            "max_tokens": params.max_new_tokens,
            "temperature": 0 if params.is_greedy else params.temperature,
            "top_p": params.top_p,
            "seed": self._seed,
            "stream": True,
            "stream_options": dialect.stream_options,
        }
        if isinstance(self._tokenizer, ModelTokenizer):
            healed = {"healed_space": self._request.healed} if self._request.healed else {}
            return body | healed | dialect.more(params, self._request.stop_token_ids)
        return body | dialect.sampling(params)

    async def _follow(self, chunks: AsyncGenerator[Chunk, None]) -> FinishReason:
        """Stop strings are matched here: servers take four at most, and do not tell a met one from
        the text's own end."""
        most = self._request.params.max_new_tokens
        reason: FinishReason | None = None
        async for chunk in chunks:
            self._usage = chunk.usage or self._usage
            for score in self._scores_of(chunk):
                if self._num_tokens >= most * (1 if self._has_ids else _MOST_PIECES):
                    return FinishReason.LENGTH
                self._take(score)
                if self._step.is_stopped:
                    return FinishReason.STOP_SEQUENCE
            reason = reason or chunk.ended
        if reason is None:
            raise broken_off(self._caller.host)
        return reason

    def _scores_of(self, chunk: Chunk) -> list[tuple[Score, str]]:
        """The chunk's tokens, each with its text."""
        wanted = self._request.params.logprobs
        if self._slot.dialect.tells_ids or wanted is not None:
            scores = read_scores(chunk.choice, self._tokenizer, wanted or 0)
            self._has_ids = self._has_ids or bool(scores)
            if self._has_ids:
                return [(score, self._decoder.step(score.id)) for score in scores]
            if chunk.text and wanted is not None:
                raise RemoteAnswerError(
                    f"{self._caller.host.name} does not tell how likely its tokens are.",
                    "Ask without token probabilities.",
                )
        if not chunk.text:
            return []
        # Its own ids are not told: these spell the same text.
        *parts, last = self._tokenizer.encode_text(chunk.text)
        return [*((Score(id_), "") for id_ in parts), (Score(last), chunk.text)]

    def _take(self, scored: tuple[Score, str]) -> None:
        score, text = scored
        self._num_tokens += 1
        self._first_at = self._first_at or time.monotonic()
        token = Token(score.id, self._step.feed(text), score.logprob, score.alternatives)
        self._generation.publish(token)


def check_asked(slot: RemoteSlot, params: SamplingParams) -> None:
    """
    Raises:
        CapabilityError: the server knows no such setting.
    """
    if params.typical_p != 1 and not slot.dialect.knows_typical_p:
        raise CapabilityError(
            "The model's server knows no typical-p.", "Set it to 1, which switches it off."
        )
    tells = slot.dialect.tells_scores and isinstance(slot.resident.tokenizer, ModelTokenizer)
    if params.logprobs is not None and not tells:
        raise CapabilityError(
            "The model's server does not tell how likely its tokens are.",
            "Ask without token probabilities.",
        )

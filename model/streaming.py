"""The streamer: token ids in on the model's thread, certain text out, token by token."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from transformers import TextIteratorStreamer

from model.engine.events import Alternative, Token
from model.text_step import TextStep
from model.tokenization import PromptTokenizer

ReadLogprob = Callable[[int], tuple[float, tuple[Alternative, ...]]]


class TokenStreamer(TextIteratorStreamer):
    """A `TextIteratorStreamer` with three repairs.

    1. Errors are passed on: `fail(error)` ends the stream and the reader's `next` raises it.
       (`generate` calls `end` only when all went well, which leaves a reader waiting forever.)
    2. Text comes out with the token that completes it, not after the next space.
    3. Half a stop string is held back, and `is_stopped` tells when a whole one was met.

    Give it to `generate(streamer=...)`; `put` skips the prompt.

    Args:
        tokenizer: decodes the ids.
        stop: stop strings, matched on decoded text.
        on_token: called on the model's thread with each `Token`. Without it, iterate the streamer
            from another thread to get the text, as with its parent.
        is_start_stripped: leave out newlines before the first other character.
        num_hidden: leave out this many characters at the start.
        read_logprob: asked for the log-probability of each token, and those of its alternatives.
        timeout: seconds that a reader waits for the next text; None is forever.
    """

    def __init__(
        self,
        tokenizer: PromptTokenizer,
        stop: Sequence[str] = (),
        *,
        on_token: Callable[[Token], None] | None = None,
        is_start_stripped: bool = False,
        num_hidden: int = 0,
        read_logprob: ReadLogprob | None = None,
        timeout: float | None = None,
    ) -> None:
        super().__init__(tokenizer, skip_prompt=True, timeout=timeout)
        self._decoder = tokenizer.decoder()
        self._step = TextStep(stop, num_hidden=num_hidden, is_start_stripped=is_start_stripped)
        self._on_token = on_token or self._queue_text
        self._read_logprob = read_logprob
        self._is_prompt_next = True
        self.num_tokens = 0
        self.last_id: int | None = None

    @property
    def is_stopped(self) -> bool:
        """Whether a stop string was met: nothing that follows will be shown."""
        return self._step.is_stopped

    def put(self, value: torch.Tensor) -> None:
        """Take the prompt's ids (once, ignored), then new ids, of shape (1, n) or (n,).

        Of several, those behind a stop string's end are not taken.
        """
        if self._is_prompt_next:
            self._is_prompt_next = False
            return
        for token_id in value.flatten().tolist():
            if self.is_stopped:
                return
            self.num_tokens += 1
            self.last_id = token_id
            text = self._step.feed(self._decoder.step(token_id))
            told = () if self._read_logprob is None else self._read_logprob(token_id)
            self._on_token(Token(token_id, text, *told))

    def end(self) -> None:
        """Release what was held back and end the stream."""
        if not self.is_stopped:
            rest = self._step.feed(self._decoder.flush()) + self._step.flush()
            if rest:
                self._on_token(Token(None, rest))
        self.text_queue.put(self.stop_signal)

    def fail(self, error: Exception) -> None:
        """End the stream with `error`, which the reader's `next` raises."""
        self.text_queue.put(error)

    def __next__(self) -> str:
        value = self.text_queue.get(timeout=self.timeout)
        if isinstance(value, Exception):
            raise value
        if value is self.stop_signal:
            raise StopIteration
        return str(value)

    def _queue_text(self, token: Token) -> None:
        if token.text:
            self.text_queue.put(token.text)

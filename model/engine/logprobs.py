"""Log-probabilities of the tokens that are generated, and of those that could have stood there."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import torch
from transformers import PreTrainedModel
from transformers.modeling_outputs import CausalLMOutputWithPast

from model.engine.events import Alternative
from model.tokenization import PromptTokenizer


class LogprobReader:
    """Reads a model's own distribution over the next token, in nats.

    That is the log-softmax in float32 of what the model puts out, before white space is healed,
    before penalties, temperature and cut-offs. A hook on the model is what sees it: a logits
    processor comes after transformers' penalties. The reader holds one position's logits.

    Args:
        tokenizer: tells an alternative's text.
        num_alternatives: how many of the likeliest tokens are told with each; 0 for none.
    """

    def __init__(self, tokenizer: PromptTokenizer, num_alternatives: int) -> None:
        self._tokenizer = tokenizer
        self._num_alternatives = num_alternatives
        self._logits: torch.Tensor | None = None  # (vocabulary,)

    @contextlib.contextmanager
    def watching(self, model: PreTrainedModel) -> Iterator[None]:
        """Within, each forward pass of `model` with its head is what `read` tells of."""
        handle = model.register_forward_hook(self._see)
        try:
            yield
        finally:
            handle.remove()
            self._logits = None

    def read(self, token_id: int) -> tuple[float, tuple[Alternative, ...]]:
        """The log-probability of `token_id` as the next token, and the likeliest tokens, best
        first, `token_id` among them where it is one. Call it once per token, in order."""
        assert self._logits is not None, "no forward pass came before this token"
        logprobs = torch.log_softmax(self._logits.float(), dim=-1)
        if not self._num_alternatives:
            return float(logprobs[token_id]), ()
        best = logprobs.topk(min(self._num_alternatives, len(logprobs)))
        alternatives = tuple(
            Alternative(id_, self._tokenizer.token_text(id_), logprob)
            for id_, logprob in zip(best.indices.tolist(), best.values.tolist(), strict=True)
        )
        return float(logprobs[token_id]), alternatives

    def _see(self, module: torch.nn.Module, inputs: object, output: CausalLMOutputWithPast) -> None:
        # `generate` works on a copy, so these stay as the model made them.
        assert output.logits is not None
        self._logits = output.logits[0, -1]

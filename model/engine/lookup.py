"""Prompt lookup: where text repeats, one forward pass gives several tokens.

The tokens that once followed the last two are proposed, and one pass over all of them checks them:
transformers' assisted decoding (`prompt_lookup_num_tokens`), after
https://github.com/apoorvumang/prompt-lookup-decoding. Decision 0013 says where it is used.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import torch
from transformers import DynamicCache, PreTrainedModel
from transformers.cache_utils import DynamicLayer

from model.sampling import SamplingParams

NUM_PROPOSED = 5  # tokens a pass, as decision 0011 measured


class PromptLookup:
    """Says which requests a model answers with lookup, and mends transformers' for a filled cache.

    Args:
        model: a causal language model on its device.
    """

    def __init__(self, model: PreTrainedModel) -> None:
        self._model = model
        # Measured to help in bfloat16 on a CPU, not to help in float32, and not on a card.
        is_quick = model.dtype == torch.bfloat16 and model.device.type == "cpu"
        # A sliding window's layers keep what they dropped once lookup has used them.
        layers = DynamicCache(config=model.config).layers
        self._is_used = is_quick and all(type(layer) is DynamicLayer for layer in layers)

    def num_proposed(self, params: SamplingParams, room: int) -> int | None:
        """Tokens to propose in each pass for a request; None is plain decoding.

        Args:
            room: positions that the context has left behind prompt and new tokens. transformers
                proposes past the last new token, and learned positions end with the context.

        A pass over several positions rounds differently from one over a single position, so near
        ties may fall the other way: a seed promises that they do not. A sampled text tells the
        seed that gives it again, and lookup draws more numbers. Log-probabilities are read of one
        position a pass.
        """
        is_free = params.is_greedy and params.seed is None and params.logprobs is None
        return NUM_PROPOSED if self._is_used and is_free and room >= NUM_PROPOSED else None

    @contextlib.contextmanager
    def reading_on(self) -> Iterator[None]:
        """Within, `generate`'s first pass leaves out what the cache holds.

        Assisted decoding gives the whole prompt in its first pass, and would append it to a cache
        that was filled before (transformers 5.23).
        """
        is_first = True

        def leave_out_known(
            module: torch.nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]
        ) -> tuple[tuple[Any, ...], dict[str, Any]]:
            nonlocal is_first
            if is_first:
                is_first = False
                num_known = kwargs["past_key_values"].get_seq_length()
                for name in ("input_ids", "position_ids"):  # of shape (1, positions)
                    if kwargs.get(name) is not None:
                        kwargs[name] = kwargs[name][:, num_known:]
            return args, kwargs

        handle = self._model.register_forward_pre_hook(leave_out_known, with_kwargs=True)
        try:
            yield
        finally:
            handle.remove()

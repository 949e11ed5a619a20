"""Token healing for the white space at a prompt's end.

In code, a line break and the indentation after it are one token with one another, and often with
the first word: a prompt that stops between them ends in tokens that no training text has there,
and a model answers with the end of the text or with a wrong indentation. So the prompt is sent
without its trailing white space, and the first new tokens are constrained to spell it again.
(The idea is Guidance's "token healing"; the white space is the part of it that code needs.)
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from transformers import LogitsProcessor

from model.prompts.continuation import HEALABLE
from model.tokenization import PromptTokenizer


class WhitespaceHealer:
    """Knows the tokens that begin with white space.

    Args:
        tokenizer: its single tokens are decoded once, here.
        vocab_size: number of ids that the model scores.
    """

    def __init__(self, tokenizer: PromptTokenizer, vocab_size: int) -> None:
        texts = ((token_id, tokenizer.decode([token_id])) for token_id in range(vocab_size))
        self._texts = {token_id: text for token_id, text in texts if text[:1] in HEALABLE and text}

    @property
    def can_heal(self) -> bool:
        """Whether each kind of white space is a token by itself: no dead end can be met."""
        return set(HEALABLE) <= set(self._texts.values())

    def processor(self, healed: str, num_prompt: int) -> HealingProcessor:
        """Makes the text after `num_prompt` tokens begin with `healed`."""
        return HealingProcessor(self._texts, healed, num_prompt)


class HealingProcessor(LogitsProcessor):
    """Leaves only tokens that spell, or begin by spelling, what is still to be spelt."""

    def __init__(self, texts: Mapping[int, str], healed: str, num_prompt: int) -> None:
        self._texts = texts
        self._healed = healed
        self._num_prompt = num_prompt

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        """Scores of shape (1, vocabulary), the others at minus infinity."""
        spelt = (self._texts.get(token_id, "") for token_id in self._new_ids(input_ids))
        rest = self._healed[sum(map(len, spelt)) :]
        if not rest:
            return scores
        allowed = [
            token_id
            for token_id, text in self._texts.items()
            if text.startswith(rest) or rest.startswith(text)
        ]
        healed = torch.full_like(scores, float("-inf"))
        healed[:, allowed] = scores[:, allowed]
        return healed

    def _new_ids(self, input_ids: torch.Tensor) -> list[int]:
        # Each token spells at least one character, so more of them cannot matter.
        ids: list[int] = input_ids[0, self._num_prompt :][: len(self._healed)].tolist()
        return ids

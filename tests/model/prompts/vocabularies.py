"""Special-token look-ups of each family, without a tokenizer."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from tests import checkpoints


def finder(tokens: Sequence[str]) -> Callable[[str], int | None]:
    ids = {token: id_ for id_, token in enumerate(tokens)}
    return ids.get


STARCODER = finder(checkpoints.STARCODER_TOKENS)
STARCODER2 = finder(checkpoints.STARCODER2_TOKENS)
SANTACODER = finder(checkpoints.SANTACODER_TOKENS)
STARCHAT = finder((*checkpoints.STARCODER_TOKENS, *checkpoints.STARCHAT_ADDED_TOKENS))
STARCHAT2 = finder((*checkpoints.STARCODER2_TOKENS, *checkpoints.CHATML_ADDED_TOKENS))
EMBEDDED_CHAT = finder(checkpoints.SMOLLM2_TOKENS)
EMBEDDED_BASE = finder((*checkpoints.SMOLLM2_TOKENS, *checkpoints.INFILL_ADDED_TOKENS))
CHATML = finder(("<|endoftext|>", *checkpoints.CHATML_ADDED_TOKENS))
# Phi-3 marks its turns with StarChat's tokens, but otherwise.
PHI = finder(("<s>", "<|endoftext|>", *checkpoints.STARCHAT_ADDED_TOKENS))
PLAIN = finder(("<s>", "</s>"))

"""llama.cpp's sampling settings, which are Ollama's too.

Sources: ggml-org/llama.cpp, tools/server/README.md; ollama/ollama, docs/modelfile.md and
api/types.go.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from api.sampling_fields import NO_LIMIT, StopStrings, seed_or_none, with_given
from api.strict_body import StrictBody
from model.sampling import SamplingParams

# What is not served, with the values that ask for nothing.
NEUTRAL: Mapping[str, tuple[object, ...]] = {
    **dict.fromkeys(("presence_penalty", "frequency_penalty", "mirostat"), (0,)),
    "tfs_z": (1,),
    # All that stands there is looked at, which is more than the usual 64 tokens.
    "repeat_last_n": (-1, 64),
}


class LlamaSettings(StrictBody):
    """The settings under the names that both have for them."""

    temperature: float | None = None
    top_k: int | None = None
    top_p: float | None = None
    min_p: float | None = None
    typical_p: float | None = None
    repeat_penalty: float | None = None
    seed: int | None = None
    stop: StopStrings = ()

    neutral: ClassVar[Mapping[str, tuple[object, ...]]] = NEUTRAL

    def settings(
        self, defaults: SamplingParams, max_tokens: int | None, max_tokens_field: str
    ) -> SamplingParams:
        """
        Args:
            max_tokens: the most tokens to write; below 0 it is what the context has room for.

        Raises:
            SamplingParamsError: a value is outside its interval.
        """
        has_limit = max_tokens is None or max_tokens >= 0
        return with_given(
            defaults,
            {"max_new_tokens": max_tokens_field, "repetition_penalty": "repeat_penalty"},
            max_new_tokens=max_tokens if has_limit else NO_LIMIT,
            # Below 0 is greedy.
            temperature=None if self.temperature is None else max(0.0, self.temperature),
            top_k=None if self.top_k is None else max(0, self.top_k),
            top_p=self.top_p,
            min_p=self.min_p,
            typical_p=self.typical_p,
            repetition_penalty=self.repeat_penalty,
            seed=seed_or_none(self.seed),
            stop=self.stop or None,
        )

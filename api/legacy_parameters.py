"""The `parameters` that llm-ls, and the servers from before it, put beside a prompt: TGI's names.

Sources: huggingface/llm-ls, crates/llm-ls/src/backend.rs (`build_body`): its settings are the same
for every backend; LucienShui/huggingface-vscode-endpoint-server, generators.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from api.sampling_fields import StopStrings, seed_or_none, temperature_of, with_given
from api.strict_body import StrictBody
from model.sampling import SamplingParams


class LegacyParameters(StrictBody):
    """TGI's sampling settings.

    A temperature of its own means sampling, whether or not `do_sample` says so; without one,
    `do_sample` as false decodes greedily.
    """

    max_new_tokens: int | None = None
    temperature: float | None = None
    top_k: int | None = None
    top_p: float | None = None
    typical_p: float | None = None
    repetition_penalty: float | None = None
    do_sample: bool | None = None
    seed: int | None = None
    stop: StopStrings = ()
    return_full_text: bool = False

    neutral: ClassVar[Mapping[str, tuple[object, ...]]] = {
        **dict.fromkeys(("best_of", "num_return_sequences"), (1,)),
        **dict.fromkeys(("details", "decoder_input_details", "watermark"), (False,)),
    }
    # llm-ls puts them inside themselves where its user set none.
    tolerated: ClassVar[frozenset[str]] = frozenset({"parameters"})

    def sampling(self, defaults: SamplingParams) -> SamplingParams:
        """
        Raises:
            SamplingParamsError: a value is outside its interval.
        """
        return with_given(
            defaults,
            max_new_tokens=self.max_new_tokens,
            temperature=temperature_of(self.temperature, self.do_sample),
            top_k=self.top_k,
            top_p=self.top_p,
            typical_p=self.typical_p,
            repetition_penalty=self.repetition_penalty,
            seed=seed_or_none(self.seed),
            stop=self.stop or None,
        )

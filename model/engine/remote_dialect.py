"""What servers of OpenAI's protocol add to it, each in its own words.

OpenAI's own fields know no top-k, no repetition penalty and no stop tokens, and where a field is
left out servers put a default of theirs or of the checkpoint's (llama.cpp's min-p is 0.05, vLLM
reads generation_config.json). So whoever is known to understand a field is always sent it.

Sources: vllm-project/vllm:vllm/entrypoints/openai/completion/protocol.py and
docs/serving/openai_compatible_server.md; sgl-project/sglang:python/sglang/srt/entrypoints/openai/
protocol.py; ggml-org/llama.cpp:tools/server/README.md.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from model.sampling import SamplingParams

Kind = Literal["auto", "vllm", "sglang", "llamacpp", "playground", "openai"]


@dataclass(frozen=True, slots=True)
class Dialect:
    """
    Attributes:
        sampling: the settings that OpenAI has no field for.
        takes_stop_tokens: a text can be ended by token ids.
        tells_ids: each piece comes with its token ids.
        tells_scores: log-probabilities name their tokens by id.
        tells_usage_always: token counts can come with each piece.
        knows_typical_p: no other does.
        may_heal: it can make a text begin with white space, where its list of models says so.
        checks_names: it serves only the models of its list, under these names.
    """

    name: str
    sampling: Callable[[SamplingParams], dict[str, Any]]
    takes_stop_tokens: bool = False
    tells_ids: bool = False
    tells_scores: bool = False
    tells_usage_always: bool = False
    knows_typical_p: bool = False
    may_heal: bool = False
    checks_names: bool = False

    def more(self, params: SamplingParams, stop_token_ids: tuple[int, ...]) -> dict[str, Any]:
        """The fields of a request for completions beside OpenAI's own."""
        fields = self.sampling(params)
        if self.takes_stop_tokens:
            fields["stop_token_ids"] = list(stop_token_ids)
        if params.logprobs is not None:
            # llama.cpp takes 0 for none at all.
            fields["logprobs"] = max(1, params.logprobs)
            if self.tells_ids:
                fields["return_tokens_as_token_ids"] = True
        elif self.tells_ids:
            fields["return_token_ids"] = True
        return fields

    @property
    def stream_options(self) -> dict[str, bool]:
        options = {"include_usage": True}
        return options | {"continuous_usage_stats": True} if self.tells_usage_always else options


def _as_transformers_calls_them(params: SamplingParams) -> dict[str, Any]:
    return {
        "top_k": params.top_k or -1,
        "min_p": params.min_p,
        "repetition_penalty": params.repetition_penalty,
    }


def _as_llamacpp_calls_them(params: SamplingParams) -> dict[str, Any]:
    return {
        "top_k": params.top_k,
        "min_p": params.min_p,
        "typical_p": params.typical_p,
        "repeat_penalty": params.repetition_penalty,
        # Of the whole text, as transformers has it; its own default is the last 64 tokens.
        "repeat_last_n": -1,
        # In transformers' order, which sets what a temperature does to the cut-offs.
        "samplers": ["penalties", "temperature", "top_k", "top_p", "min_p", "typ_p"],
    }


def _where_they_are_on(params: SamplingParams) -> dict[str, Any]:
    """A server that does not know one says so, which is better than a text under others."""
    off = {"top_k": 0, "min_p": 0, "repetition_penalty": 1}
    return {
        name: getattr(params, name) for name, value in off.items() if getattr(params, name) != value
    }


VLLM = Dialect(
    "vllm",
    _as_transformers_calls_them,
    takes_stop_tokens=True,
    tells_ids=True,
    tells_scores=True,
    tells_usage_always=True,
    checks_names=True,
)
SGLANG = Dialect(
    "sglang", _as_transformers_calls_them, takes_stop_tokens=True, tells_usage_always=True
)
LLAMACPP = Dialect("llamacpp", _as_llamacpp_calls_them, tells_scores=True, knows_typical_p=True)
PLAYGROUND = Dialect(
    "playground",
    _as_transformers_calls_them,
    may_heal=True,
    takes_stop_tokens=True,
    tells_ids=True,
    tells_scores=True,
)
OPENAI = Dialect("openai", _where_they_are_on)

DIALECTS: Mapping[str, Dialect] = {
    dialect.name: dialect for dialect in (VLLM, SGLANG, LLAMACPP, PLAYGROUND, OPENAI)
}


def is_playground(model: Mapping[str, Any]) -> bool:
    capabilities = model.get("capabilities")
    return isinstance(capabilities, dict) and "infill" in capabilities


def detect_dialect(model: Mapping[str, Any]) -> Dialect:
    """By a row of `/v1/models`: servers sign it, and this app tells there what a model can do."""
    if is_playground(model):
        return PLAYGROUND
    return {"vllm": VLLM, "sglang": SGLANG, "llamacpp": LLAMACPP}.get(
        str(model.get("owned_by")), OPENAI
    )

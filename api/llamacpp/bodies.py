"""llama.cpp's bodies: what its clients send, and what they are answered.

Sources: ggml-org/llama.cpp, tools/server/README.md and tools/server/server-task.cpp
(`to_json_non_oaicompat`); ggml-org/llama.vim, autoload/llama.vim; ggml-org/llama.vscode,
src/llama-server.ts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Any, ClassVar

from pydantic import BeforeValidator, Field
from pydantic_core import PydanticCustomError

from api.legacy_parameters import LegacyParameters
from api.llamacpp.settings import NEUTRAL, LlamaSettings
from api.sampling_fields import COMPLETION_TOKENS
from api.strict_body import StrictBody
from api.turns import Turns
from model.engine.events import Finished, FinishReason, Timings, Usage
from model.fitting import FittedRequest
from model.prompts.segments import render
from model.sampling import SamplingParams

DEFAULTS = SamplingParams(max_new_tokens=COMPLETION_TOKENS)
# The infill sampler, which llama.vim and llama.vscode ask for in place of a temperature, drops all
# but the likeliest tokens; choosing the likeliest is the nearest to it here.
INFILL_DEFAULTS = replace(DEFAULTS, temperature=0)

# The tokenizers' own type is a 32-bit number.
TokenId = Annotated[int, Field(ge=0, lt=2**31)]

_STOP_TYPES = {FinishReason.EOS_TOKEN: "eos", FinishReason.STOP_SEQUENCE: "word"}


class CompletionOptions(LlamaSettings):
    """What `/completion` and `/infill` share.

    `n_indent` and `t_max_predict_ms` are those of `api.llamacpp.limits`.
    """

    model: str = ""
    n_predict: int | None = None
    n_indent: int = Field(0, ge=0, le=10_000)
    stream: bool = False
    return_tokens: bool = False
    t_max_predict_ms: float = 0
    response_fields: list[str] = Field([], max_length=100)
    # llm-ls sends its settings for TGI to this backend too.
    parameters: LegacyParameters = LegacyParameters()

    neutral: ClassVar[Mapping[str, tuple[object, ...]]] = {
        **NEUTRAL,
        **dict.fromkeys(("n_probs", "min_keep", "n_keep", "n_discard", "n_cache_reuse"), (0,)),
        **dict.fromkeys(("dry_multiplier", "xtc_probability", "dynatemp_range"), (0,)),
        "typ_p": (1,),
        **dict.fromkeys(("ignore_eos", "post_sampling_probs", "penalize_nl"), (False,)),
        **dict.fromkeys(("timings_per_token", "return_progress"), (False,)),
        **dict.fromkeys(("logit_bias", "lora", "image_data"), ([], {})),
        "grammar": ("",),
        "json_schema": ({},),
        "top_n_sigma": (-1,),
    }
    tolerated: ClassVar[frozenset[str]] = frozenset(
        {
            # llama.vim and llama.vscode: one slot, whose cache is always reused; the sampling
            # settings say it all; llama.cpp does nothing with a limit for the prompt either.
            *("id_slot", "cache_prompt", "samplers", "t_max_prompt_ms"),
            # llama.vscode asks for three and is content with one.
            "n_cmpl",
            # llama.cpp's own page: they change something only with what is refused above.
            *("dry_base", "dry_allowed_length", "dry_penalty_last_n", "dry_sequence_breakers"),
            *("xtc_threshold", "mirostat_tau", "mirostat_eta", "dynatemp_exponent"),
            "sse_ping_interval",
        }
    )

    @property
    def max_seconds(self) -> float | None:
        return self.t_max_predict_ms / 1e3 if self.t_max_predict_ms > 0 else None

    @property
    def is_warm_up(self) -> bool:
        """Nothing is to be written; the next request is to find its prompt's start computed."""
        return self.n_predict == 0

    def sampling(self, defaults: SamplingParams) -> SamplingParams:
        """
        Raises:
            SamplingParamsError: a value is outside its interval.
        """
        defaults = self.parameters.sampling(defaults)
        return self.settings(defaults, self.n_predict or None, "n_predict")


def _one_prompt(value: Any) -> Any:
    is_ids = isinstance(value, list) and all(type(item) is int for item in value)
    if isinstance(value, str) or is_ids:
        return value
    raise PydanticCustomError(
        "one_prompt", "only one prompt is served here, a text or a list of token ids"
    )


class CompletionBody(CompletionOptions):
    """`POST /completion`: carry on from text in which infill tokens may be spelt, or from ids."""

    prompt: Annotated[str | list[TokenId], BeforeValidator(_one_prompt)]


class ExtraFile(StrictBody):
    """A piece of another file. llama.vim and llama.vscode add when it was taken."""

    text: str
    filename: str = ""

    tolerated: ClassVar[frozenset[str]] = frozenset({"time"})


class InfillBody(CompletionOptions):
    """`POST /infill`: what stands between `input_prefix` + `prompt` and `input_suffix`.

    `prompt` is what stands left of the cursor in its line.
    """

    input_prefix: str = ""
    input_suffix: str = ""
    input_extra: list[ExtraFile] = Field([], max_length=1_000)
    prompt: str = ""


class TokenizeBody(StrictBody):
    """llama.cpp's `POST /tokenize`. None of these families opens a text with a token of its own,
    so `add_special` changes nothing."""

    content: str
    add_special: bool = False
    parse_special: bool = True
    with_pieces: bool = False


class DetokenizeBody(StrictBody):
    """llama.cpp's `POST /detokenize`."""

    tokens: list[TokenId]


class TemplateBody(StrictBody):
    """llama.cpp's `POST /apply-template`. llama.vscode sends its tools along."""

    messages: Turns
    model: str = ""

    tolerated: ClassVar[frozenset[str]] = frozenset({"tools", "tool_choice"})


@dataclass(frozen=True, slots=True)
class CompletionText:
    """What a completion came to.

    Attributes:
        text: after `api.llamacpp.limits` had their say.
        is_cut: they ended it.
        notes: what was left out of the request, in words.
    """

    text: str
    token_ids: Sequence[int]
    has_new_line: bool
    is_cut: bool
    finished: Finished
    notes: Sequence[str] = ()


def partial(
    fitted: FittedRequest, text: str, token_ids: Sequence[int], count: int
) -> dict[str, Any]:
    """A step of a streamed completion; `count` tokens were written by then."""
    return {
        "index": 0,
        "content": text,
        "tokens": list(token_ids),
        "stop": False,
        "id_slot": 0,
        "tokens_predicted": count,
        "tokens_evaluated": len(fitted.generation.prompt_ids),
    }


def final(
    model: str, fitted: FittedRequest, done: CompletionText, options: CompletionOptions
) -> dict[str, Any]:
    """A completion, whole, or the last step of a streamed one, whose text was sent before."""
    usage = done.finished.usage
    reason = done.finished.reason
    stop_type = "limit" if done.is_cut else _STOP_TYPES.get(reason, "limit")
    body = {
        "index": 0,
        "content": "" if options.stream else done.text,
        "tokens": list(done.token_ids) if options.return_tokens and not options.stream else [],
        "id_slot": 0,
        "stop": True,
        "model": model,
        "tokens_predicted": usage.completion_tokens,
        "tokens_evaluated": usage.prompt_tokens,
        "generation_settings": _settings(fitted, done.finished, options),
        "prompt": render(fitted.prompt),
        "has_new_line": done.has_new_line,
        "truncated": bool(fitted.dropped),
        "stop_type": stop_type,
        # Which of several it was is not known here.
        "stopping_word": options.stop[0] if stop_type == "word" and len(options.stop) == 1 else "",
        "tokens_cached": usage.prompt_tokens + usage.completion_tokens,
        "timings": timings_body(usage, done.finished.timings),
        **({"notes": list(done.notes)} if done.notes else {}),
    }
    return pick(body, options.response_fields)


def pick(body: dict[str, Any], fields: Sequence[str]) -> dict[str, Any]:
    """Only `fields`, one inside another by its path ("timings/prompt_n"), which is its name then.

    What there is not is left out. Without fields it is all of `body`.
    """
    if not fields:
        return body
    picked: dict[str, Any] = {}
    for path in fields:
        value: Any = body
        for name in path.split("/"):
            value = value.get(name, _MISSING) if isinstance(value, dict) else _MISSING
        if value is not _MISSING:
            picked[path] = value
    return picked


_MISSING = object()


def timings_body(usage: Usage, timings: Timings) -> dict[str, Any]:
    """Milliseconds; `prompt_n` counts what was computed, `cache_n` what was not."""
    num_new = usage.prompt_tokens - usage.reused_tokens
    return {
        "cache_n": usage.reused_tokens,
        **_pace("prompt", num_new, timings.prefill),
        **_pace("predicted", usage.completion_tokens, timings.decode),
    }


def _pace(name: str, count: int, seconds: float) -> dict[str, Any]:
    return {
        f"{name}_n": count,
        f"{name}_ms": seconds * 1e3,
        f"{name}_per_token_ms": seconds * 1e3 / count if count else 0.0,
        f"{name}_per_second": count / seconds if seconds > 0 else 0.0,
    }


def settings_body(params: SamplingParams, context_length: int) -> dict[str, Any]:
    """Sampling settings by llama.cpp's names."""
    return {
        "n_ctx": context_length,
        "n_predict": params.max_new_tokens,
        "max_tokens": params.max_new_tokens,
        "seed": params.seed,
        "temperature": params.temperature,
        "top_k": params.top_k,
        "top_p": params.top_p,
        "min_p": params.min_p,
        "typical_p": params.typical_p,
        "repeat_penalty": params.repetition_penalty,
        "stop": list(params.stop),
    }


def _settings(
    fitted: FittedRequest, finished: Finished, options: CompletionOptions
) -> dict[str, Any]:
    settings = settings_body(fitted.generation.params, fitted.context_length)
    seed = settings["seed"] if finished.seed is None else finished.seed
    return settings | {"seed": seed, "n_indent": options.n_indent, "stream": options.stream}

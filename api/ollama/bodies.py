"""Ollama's bodies: what its clients send, and what they are answered.

Sources: ollama/ollama, docs/api.md, api/types.go and server/routes.go; huggingface/llm-ls,
crates/llm-ls/src/backend.rs; continuedev/continue, core/llm/llms/Ollama.ts; open-webui/open-webui,
backend/open_webui/routers/ollama.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, ClassVar

from pydantic import Field

from api.legacy_parameters import LegacyParameters
from api.llamacpp.settings import LlamaSettings
from api.sampling_fields import COMPLETION_TOKENS
from api.strict_body import StrictBody
from api.turns import Turns
from model.engine.events import Finished, FinishReason
from model.requests import Overflow
from model.sampling import SamplingParams

COMPLETION_DEFAULTS = SamplingParams(max_new_tokens=COMPLETION_TOKENS)


class Options(LlamaSettings):
    """`options`: the parameters of a Modelfile, as far as they can be set for one request."""

    num_predict: int | None = Field(default=None, description="Below 0: to the context's end.")

    tolerated: ClassVar[frozenset[str]] = frozenset(
        {
            # Continue and Open WebUI, always: how a model is to be loaded. It is loaded already.
            *("num_ctx", "num_thread", "num_gpu", "num_batch", "num_keep", "num_gqa"),
            *("use_mmap", "use_mlock", "numa", "main_gpu", "low_vram", "vocab_only", "f16_kv"),
            # They change something only with what is refused above.
            *("mirostat_tau", "mirostat_eta", "penalize_newline"),
        }
    )

    def sampling(self, defaults: SamplingParams) -> SamplingParams:
        """
        Raises:
            SamplingParamsError: a value is outside its interval.
        """
        return self.settings(defaults, self.num_predict, "num_predict")


class ModelBody(StrictBody):
    """A body that names a model; older clients call it `name`, Continue among them."""

    model: str = ""
    name: str = ""

    @property
    def wanted(self) -> str:
        return self.model or self.name


class RequestBody(ModelBody):
    """What `/api/generate` and `/api/chat` share."""

    # Unlike everywhere else, a stream is what comes unasked.
    stream: bool = True
    options: Options = Options()
    truncate: bool = Field(default=False, description="Leave out what does not fit.")

    neutral: ClassVar[Mapping[str, tuple[object, ...]]] = {
        **dict.fromkeys(("format", "template"), ("",)),
        **dict.fromkeys(("images", "context", "tools"), ([],)),
        **dict.fromkeys(("think", "logprobs"), (False,)),
        "top_logprobs": (0,),
    }
    # Continue and Open WebUI: no model leaves because nobody asks it.
    tolerated: ClassVar[frozenset[str]] = frozenset({"keep_alive"})

    @property
    def overflow(self) -> Overflow:
        return "trim" if self.truncate else "refuse"


class GenerateBody(RequestBody):
    """`POST /api/generate`. With a suffix it fills the gap; else infill and file tokens may be
    spelt out in the prompt."""

    prompt: str = ""
    suffix: str | None = None
    system: str = ""
    raw: bool = False
    # llm-ls sends its settings for TGI to this backend too; `options` come first.
    parameters: LegacyParameters = LegacyParameters()

    def sampling(self) -> SamplingParams:
        """
        Raises:
            SamplingParamsError: a value is outside its interval.
        """
        return self.options.sampling(self.parameters.sampling(COMPLETION_DEFAULTS))


class ChatBody(RequestBody):
    """`POST /api/chat`."""

    messages: Turns = Field(default_factory=list)


class ShowBody(ModelBody):
    """`POST /api/show`."""

    tolerated: ClassVar[frozenset[str]] = frozenset({"verbose"})


def now() -> str:
    return datetime.now(UTC).isoformat().replace("+00:00", "Z")


def step(model: str, **text: Any) -> dict[str, Any]:
    """One line of a stream; `text` is `response` or `message`."""
    return {"model": model, "created_at": now(), **text, "done": False}


def final(model: str, finished: Finished, **text: Any) -> dict[str, Any]:
    """A whole answer, or the last line of a stream. Durations are nanoseconds."""
    usage, timings = finished.usage, finished.timings
    is_cut = finished.reason in (FinishReason.LENGTH, FinishReason.DEADLINE)
    return {
        "model": model,
        "created_at": now(),
        **text,
        "done": True,
        "done_reason": "length" if is_cut else "stop",
        "total_duration": _nanoseconds(timings.queued + timings.total),
        "load_duration": 0,
        "prompt_eval_count": usage.prompt_tokens,
        "prompt_eval_duration": _nanoseconds(timings.prefill),
        "eval_count": usage.completion_tokens,
        "eval_duration": _nanoseconds(timings.decode),
    }


def loaded(model: str, **text: Any) -> dict[str, Any]:
    """The answer to a request without a prompt, which Ollama takes as "load this model"."""
    return {
        "model": model,
        "created_at": now(),
        **text,
        "done": True,
        "done_reason": "load",
    }


def _nanoseconds(seconds: float) -> int:
    return round(seconds * 1e9)

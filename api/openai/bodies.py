"""What clients post to `/v1/completions` and `/v1/chat/completions`, checked and understood.

Fields, types and bounds: OpenAI's API reference. On top of them `top_k`, `min_p` and
`repetition_penalty` as vLLM and TGI take them, and TGI's `parameters`: llm-ls posts them inside of
the body whichever backend it is set to. Who sends token ids reads them, too, with vLLM's
`stop_token_ids`, `return_token_ids` and `return_tokens_as_token_ids`
(vllm-project/vllm:vllm/entrypoints/openai/completion/protocol.py), and `healed_space`, which is
this app's own.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    PlainValidator,
    WithJsonSchema,
    model_validator,
)
from pydantic_core import PydanticCustomError

from api.openai.fields import UNSERVED, UNSERVED_IN_CHAT, check_fields
from api.refusals import unserved
from api.sampling_fields import (
    CHAT_TOKENS,
    COMPLETION_TOKENS,
    StopStrings,
    seed_or_none,
    temperature_of,
    with_given,
)
from api.turns import MAX_TURNS, Turn
from model.engine.generation import Slot
from model.requests import CompletionRequest, InfillRequest, RawRequest, TokensRequest
from model.sampling import SamplingParams

MAX_CHOICES = 32
MAX_COMPLETION_LOGPROBS = 5
MAX_STOP_TOKENS = 64
MAX_HEALED_CHARS = 10_000

Prompts = tuple[str, ...] | tuple[tuple[int, ...], ...]

_STRINGS = {"type": "array", "items": {"type": "string"}}
_IDS = {"type": "array", "items": {"type": "integer", "minimum": 0}, "minItems": 1}
_PROMPTS_SCHEMA = {
    "anyOf": [
        {"type": "string"},
        {**_STRINGS, "minItems": 1},
        _IDS,
        {"type": "array", "items": _IDS, "minItems": 1},
    ]
}
_STOP_SCHEMA = {"anyOf": [{"type": "string"}, _STRINGS, {"type": "null"}]}


def _prompts(value: Any) -> Any:
    """One prompt or several, each a text or token ids, as several."""
    if isinstance(value, str):
        return (value,)
    if isinstance(value, list) and value:
        if all(isinstance(item, str) for item in value):
            return tuple(value)
        if _are_ids(value):
            return (tuple(value),)
        if all(isinstance(item, list) and _are_ids(item) for item in value):
            return tuple(map(tuple, value))
    raise PydanticCustomError(
        "prompt_type",
        "It must be a string, a list of strings, a list of token ids or a list of such lists",
    )


def _are_ids(items: list[Any]) -> bool:
    return all(isinstance(item, int) and not isinstance(item, bool) for item in items)


class StreamOptions(BaseModel):
    """`include_usage` adds a last event with the token counts."""

    model_config = ConfigDict(strict=True, extra="forbid")

    include_usage: bool | None = None
    # Padding that OpenAI adds to its events; there is none here, whatever is asked for.
    include_obfuscation: bool | None = None


class Body(BaseModel):
    """What both routes take. A field that is null is one that is left out."""

    model_config = ConfigDict(strict=True, extra="allow")

    model: str | None = Field(None, description="A name of the model; see GET /v1/models.")
    n: int | None = Field(None, ge=1, le=MAX_CHOICES)
    stop: Annotated[StopStrings | None, Field(strict=False), WithJsonSchema(_STOP_SCHEMA)] = None
    seed: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    min_p: float | None = None
    repetition_penalty: float | None = None
    do_sample: bool | None = Field(
        None, description="TGI's, which llm-ls sends; false is temperature 0 where none is named."
    )
    stream: bool | None = None
    stream_options: StreamOptions | None = None

    @property
    def num_choices(self) -> int:
        return self.n or 1

    @property
    def includes_usage(self) -> bool:
        return bool(self.stream_options and self.stream_options.include_usage)

    def _sampling(
        self, defaults: SamplingParams, max_tokens: int, max_tokens_field: str, **more: Any
    ) -> SamplingParams:
        """
        Raises:
            SamplingParamsError: a value is outside its interval; `field` is its name here.
        """
        # -1 is vLLM's for off.
        top_k = 0 if self.top_k == -1 else self.top_k
        return with_given(
            defaults,
            {"max_new_tokens": max_tokens_field},
            max_new_tokens=max_tokens,
            stop=self.stop or (),
            seed=seed_or_none(self.seed),
            temperature=temperature_of(self.temperature, self.do_sample),
            top_p=self.top_p,
            top_k=top_k,
            min_p=self.min_p,
            repetition_penalty=self.repetition_penalty,
            **more,
        )


class CompletionBody(Body):
    """The body of `/v1/completions`."""

    prompt: Annotated[Prompts, PlainValidator(_prompts), WithJsonSchema(_PROMPTS_SCHEMA)] = Field(
        description="A string, a list of strings, a list of token ids or a list of such lists. "
        "Infill tokens that are spelt out in it count as tokens, unless there is a suffix."
    )
    suffix: str | None = Field(
        None, description="What follows the gap that is to be filled; the prompt stands before it."
    )
    max_tokens: int | None = None
    best_of: int | None = None
    echo: bool | None = None
    logprobs: int | None = Field(None, ge=0, le=MAX_COMPLETION_LOGPROBS)
    stop_token_ids: list[Annotated[int, Field(ge=0, lt=2**31)]] | None = Field(
        None,
        max_length=MAX_STOP_TOKENS,
        description="Token ids that end the text; with a prompt of token ids.",
    )
    healed_space: str | None = Field(
        None,
        pattern=r"^[ \t\n\r]*$",
        max_length=MAX_HEALED_CHARS,
        description="White space that the text begins with and the answer leaves out; with a "
        "prompt of token ids. Only for models that GET /v1/models says heal.",
    )
    return_token_ids: bool | None = Field(
        None, description="Tell each piece's token ids in `token_ids`; not with logprobs."
    )
    return_tokens_as_token_ids: bool | None = Field(
        None, description='Name the tokens of logprobs by their ids, as in "token_id:42".'
    )

    @model_validator(mode="before")
    @classmethod
    def _lift_parameters(cls, data: Any) -> Any:
        return _with_parameters(data) if isinstance(data, dict) else data

    def check(self) -> None:
        """
        Raises:
            RefusedError: a field or a combination of fields is not served.
        """
        check_fields(self.model_extra or {}, UNSERVED)
        self._check_combinations()

    def params(self, defaults: SamplingParams) -> SamplingParams:
        """
        Raises:
            SamplingParamsError: a value is outside its interval.
        """
        max_tokens = COMPLETION_TOKENS if self.max_tokens is None else self.max_tokens
        return self._sampling(defaults, max_tokens, "max_tokens", logprobs=self.logprobs)

    @property
    def is_of_ids(self) -> bool:
        """Its prompts are token ids."""
        return not isinstance(self.prompt[0], str)

    def requests(
        self, params: SamplingParams, slot: Slot = "base"
    ) -> list[CompletionRequest | InfillRequest | RawRequest | TokensRequest]:
        """One for each prompt. A `slot` other than "base" is for prompts of token ids."""
        return [self._request(prompt, params, slot) for prompt in self.prompt]

    def _request(
        self, prompt: str | tuple[int, ...], params: SamplingParams, slot: Slot
    ) -> CompletionRequest | InfillRequest | RawRequest | TokensRequest:
        if not isinstance(prompt, str):
            stop_ids = tuple(self.stop_token_ids or ())
            return TokensRequest(prompt, params, slot, stop_ids, self.healed_space or "")
        if self.suffix:
            return InfillRequest(prompt, self.suffix, params)
        # A client that has a suffix to send, if an empty one, spells no tokens out.
        return (RawRequest if self.suffix is None else CompletionRequest)(prompt, params)

    def _check_combinations(self) -> None:
        if self.best_of not in (None, self.num_choices):
            raise unserved("best_of", "best_of is not served, unless it equals n.")
        if len(self.prompt) * self.num_choices > MAX_CHOICES:
            message = f"Prompts times n may be {MAX_CHOICES} at most."
            raise unserved("n" if self.num_choices > 1 else "prompt", message)
        if self.suffix is not None and not all(isinstance(prompt, str) for prompt in self.prompt):
            raise unserved("suffix", "suffix is served with a prompt that is text.")
        for field in ("stop_token_ids", "healed_space"):
            if getattr(self, field) and not self.is_of_ids:
                raise unserved(field, f"{field} is served with a prompt of token ids.")
        if self.return_token_ids and self.logprobs is not None:
            raise unserved(
                "return_token_ids",
                "return_token_ids is not served together with logprobs: "
                "return_tokens_as_token_ids names their tokens by id.",
            )
        if self.echo and self.logprobs is not None:
            raise unserved(
                "echo",
                "echo is not served together with logprobs: those of the prompt are not computed.",
            )
        if self.echo and self.suffix is not None:
            raise unserved("echo", "echo is not served together with suffix.")


class ChatMessage(Turn):
    name: str | None = Field(None, description="Of who speaks; not shown to the model.")

    neutral: ClassVar[Mapping[str, tuple[object, ...]]] = {
        "tool_calls": ([],),
        "refusal": (),
        "audio": (),
        "function_call": (),
        "annotations": ([],),
        "reasoning_content": ("",),
    }


class ChatBody(Body):
    """The body of `/v1/chat/completions`."""

    messages: Annotated[list[ChatMessage], Field(max_length=MAX_TURNS, strict=False)]
    max_tokens: int | None = None
    max_completion_tokens: int | None = None
    logprobs: bool | None = None
    top_logprobs: int | None = Field(None, ge=0, le=20)

    def check(self) -> None:
        """
        Raises:
            RefusedError: a field or a combination of fields is not served.
        """
        check_fields(self.model_extra or {}, UNSERVED_IN_CHAT)
        if self.top_logprobs and not self.logprobs:
            raise unserved("top_logprobs", "top_logprobs needs logprobs to be true.")

    def params(self, defaults: SamplingParams) -> SamplingParams:
        """
        Raises:
            SamplingParamsError: a value is outside its interval.
        """
        field = "max_tokens" if self.max_completion_tokens is None else "max_completion_tokens"
        given = (
            self.max_tokens if self.max_completion_tokens is None else self.max_completion_tokens
        )
        max_tokens = CHAT_TOKENS if given is None else given
        logprobs = (self.top_logprobs or 0) if self.logprobs else None
        return self._sampling(defaults, max_tokens, field, logprobs=logprobs)


def _with_parameters(data: Mapping[str, Any]) -> dict[str, Any]:
    """`data` with the settings that llm-ls puts into `parameters`, in TGI's words, at the top.

    Where it was given none, llm-ls nests an object of the same name inside.
    """
    body = dict(data)
    parameters = body.get("parameters")
    if not isinstance(parameters, dict):
        return body
    del body["parameters"]
    nested = dict(parameters)
    inner = nested.pop("parameters", None)
    if isinstance(inner, dict):
        nested = inner | nested
    renamed = {_TGI_NAMES.get(name, name): value for name, value in nested.items()}
    return renamed | {name: value for name, value in body.items() if value is not None}


_TGI_NAMES = {"max_new_tokens": "max_tokens", "return_full_text": "echo"}

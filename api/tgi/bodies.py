"""What clients of TGI's protocol send, and what it asks of the model.

Sources: text-generation-inference, router/src/lib.rs (`GenerateParameters`,
`CompatGenerateRequest`) and router/src/validation.rs; llm-ls, crates/llm-ls/src/backend.rs
(`build_body`); huggingface_hub, inference/_client.py (`text_generation`).

Where this is kinder than TGI: temperature 0 is greedy, top_p 1 and top_k 0 are off, and up to
`MAX_STOP_STRINGS` stop strings are matched, where TGI's limit is four.
"""

from __future__ import annotations

from typing import Annotated, Any, ClassVar

from pydantic import ConfigDict, Field

from api.sampling_fields import COMPLETION_TOKENS
from api.strict_body import StrictBody
from api.turns import Turns
from model.requests import RawRequest
from model.sampling import MAX_LOGPROBS, MAX_STOP_STRINGS, SamplingParams


class NestedParameters(StrictBody):
    """llm-ls puts its one parameter here where a user's `requestBody` has none."""

    return_full_text: bool | None = None


class Parameters(StrictBody):
    """`GenerateParameters`. What only changes the choice of tokens turns sampling on."""

    model_config = ConfigDict(strict=True)

    neutral: ClassVar = {
        "best_of": (1,),
        "frequency_penalty": (0.0,),
        "watermark": (False,),
        "decoder_input_details": (False,),
        "num_return_sequences": (1,),  # the hosted Inference API's
    }

    do_sample: bool = Field(default=False, description="Sample, at temperature 1 if none is given.")
    temperature: float | None = Field(default=None, description="0 is greedy; more samples.")
    top_k: int | None = Field(default=None, description="Samples; 0 keeps all tokens.")
    top_p: float | None = Field(default=None, description="Samples; 1 keeps all tokens.")
    typical_p: float | None = Field(
        default=None, description="Samples from typical tokens; 1 keeps all."
    )
    repetition_penalty: float | None = Field(default=None, description="1 is none.")
    max_new_tokens: int | None = Field(
        default=None,
        description=f"{COMPLETION_TOKENS} if missing; cut to what the prompt leaves of the "
        "model's context.",
    )
    stop: list[str] | None = Field(
        default=None,
        description=f"Strings that end the text, at most {MAX_STOP_STRINGS}. Unlike in TGI they "
        "are left out of it.",
    )
    stop_sequences: list[str] | None = Field(
        default=None, description="LangChain's name for `stop`."
    )
    seed: int | None = Field(default=None, description="Drawn if missing, and told in the details.")
    truncate: Annotated[int, Field(ge=1)] | None = Field(
        default=None,
        description="Keep that many of the prompt's tokens; without it, a long one is refused.",
    )
    return_full_text: bool | None = Field(
        default=None, description="Put the prompt before the text."
    )
    details: bool = Field(default=False, description="Tell the tokens and why the text ended.")
    top_n_tokens: Annotated[int, Field(ge=0, le=MAX_LOGPROBS)] | None = Field(
        default=None, description="Tell that many of the likeliest tokens in each place."
    )
    parameters: NestedParameters | None = Field(
        default=None, description="llm-ls's `return_full_text`, one level too deep."
    )


class GenerateBody(StrictBody):
    """`GenerateRequest` and `CompatGenerateRequest`.

    `options` is of the hosted Inference API, whose clients send {"wait_for_model": ...,
    "use_cache": ...}: it changes nothing here.
    """

    model_config = ConfigDict(
        strict=True,
        json_schema_extra={
            "examples": [
                {
                    "inputs": "def fibonacci(n):",
                    "parameters": {"max_new_tokens": 60, "temperature": 0.2, "top_p": 0.95},
                },
                {
                    "inputs": "<fim_prefix>def one():\n    <fim_suffix>\n<fim_middle>",
                    "parameters": {"max_new_tokens": 20, "details": True},
                },
            ]
        },
    )
    tolerated: ClassVar = frozenset({"options"})

    inputs: str = Field(description="The prompt. Infill and file tokens may be spelt out in it.")
    parameters: Parameters = Parameters()
    stream: bool = Field(default=False, description="Send the tokens as they come.")

    def wants_full_text(self, default: bool) -> bool:
        nested = self.parameters.parameters
        asked = (self.parameters.return_full_text, nested.return_full_text if nested else None)
        return next((each for each in asked if each is not None), default)

    @property
    def stop_strings(self) -> tuple[str, ...]:
        parameters = self.parameters
        both = (*(parameters.stop or ()), *(parameters.stop_sequences or ()))
        return tuple(dict.fromkeys(both))

    def request(self, *, wants_logprobs: bool) -> RawRequest:
        """
        Raises:
            SamplingParamsError: a value is outside its interval.
        """
        parameters = self.parameters
        top_n = parameters.top_n_tokens or 0
        return RawRequest(
            self.inputs,
            SamplingParams(
                **_choice(parameters),
                repetition_penalty=_or(parameters.repetition_penalty, 1.0),
                max_new_tokens=_or(parameters.max_new_tokens, COMPLETION_TOKENS),
                stop=self.stop_strings,
                seed=parameters.seed,
                logprobs=top_n if wants_logprobs else None,
            ),
            truncate=parameters.truncate,
        )


class ChatTokenizeBody(StrictBody):
    """The part of a chat request that makes its prompt; the rest of one may be sent with it."""

    tolerated: ClassVar = frozenset(
        {
            *("model", "max_tokens", "max_completion_tokens", "temperature", "top_p", "stop"),
            *("seed", "n", "stream", "stream_options", "logprobs", "top_logprobs", "logit_bias"),
            *("frequency_penalty", "presence_penalty", "user"),
        }
    )

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"messages": [{"role": "user", "content": "What is a closure?"}]}]
        }
    )

    messages: Turns


def _choice(parameters: Parameters) -> dict[str, Any]:
    """How a token is chosen: greedily, unless something asks for sampling (TGI's rule)."""
    asked = (parameters.temperature, parameters.top_k, parameters.top_p, parameters.typical_p)
    if not parameters.do_sample and all(value is None for value in asked):
        return {"temperature": 0.0}
    return {
        "temperature": _or(parameters.temperature, 1.0),
        "top_k": _or(parameters.top_k, 0),
        "top_p": _or(parameters.top_p, 1.0),
        "typical_p": _or(parameters.typical_p, 1.0),
    }


def _or(value: Any, default: Any) -> Any:
    return default if value is None else value

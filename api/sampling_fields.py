"""Sampling settings as they stand in bodies of several protocols."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated, Any

from pydantic import BeforeValidator

from model.errors import SamplingParamsError
from model.sampling import SamplingParams

# Where a client names no length. Editors wait for a few lines: OpenAI's own 16 tokens are too few
# for code, TGI's 1,024 and llama.cpp's and Ollama's "no limit" too many.
COMPLETION_TOKENS = 128
CHAT_TOKENS = 1024
# More than any context: what does not fit is cut off.
NO_LIMIT = 1_000_000

# What llama.cpp and Ollama send for "any seed" where their own default is written out.
ANY_SEED = 2**32 - 1


def _as_tuple(value: Any) -> Any:
    """One string where a list is meant; empty ones ask for nothing."""
    if isinstance(value, str):
        value = [value]
    return [item for item in value if item != ""] if isinstance(value, list) else value


StopStrings = Annotated[tuple[str, ...], BeforeValidator(_as_tuple)]


def with_given(
    defaults: SamplingParams, names: Mapping[str, str] | None = None, **given: Any
) -> SamplingParams:
    """`defaults` with what was given; None was not.

    Args:
        names: the protocol's own, of settings that it calls otherwise.

    Raises:
        SamplingParamsError: a value is outside its interval; `field` is its name in the protocol.
    """
    try:
        return replace(
            defaults, **{name: value for name, value in given.items() if value is not None}
        )
    except SamplingParamsError as error:
        name = (names or {}).get(error.field, error.field)
        message = error.message.replace(error.field, name)
        raise SamplingParamsError(name, message, error.advice) from None


def temperature_of(temperature: float | None, do_sample: bool | None) -> float | None:
    """TGI's `do_sample`, as false, is greedy where no temperature says otherwise."""
    return 0.0 if temperature is None and do_sample is False else temperature


def seed_or_none(seed: int | None) -> int | None:
    """None draws a seed, which a negative one asks for too."""
    return None if seed is None or seed < 0 or seed == ANY_SEED else seed

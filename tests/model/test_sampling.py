"""Every bound of every sampling parameter."""

from __future__ import annotations

import math
from typing import Any

import pytest

from model.errors import SamplingParamsError
from model.sampling import MAX_SEED, SamplingParams

NUMBERS = ("temperature", "top_p", "min_p", "typical_p", "repetition_penalty")
INTEGERS = ("top_k", "max_new_tokens", "seed", "logprobs")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        *(("temperature", 0), ("temperature", 5.0), ("top_p", 1e-9), ("top_p", 1)),
        *(("top_k", 0), ("top_k", 1_000_000), ("min_p", 0), ("min_p", 1.0)),
        *(("typical_p", 1e-9), ("typical_p", 1)),
        *(("repetition_penalty", 0.01), ("repetition_penalty", 10)),
        *(("max_new_tokens", 1), ("max_new_tokens", 1_000_000)),
        *(("seed", None), ("seed", 0), ("seed", MAX_SEED)),
        *(("logprobs", None), ("logprobs", 0), ("logprobs", 20)),
        *(("stop", ()), ("stop", ("\n\n", "def ")), ("stop", ("x" * 200,))),
    ],
)
def test_the_bounds_are_taken(field: str, value: Any) -> None:
    assert getattr(SamplingParams(**{field: value}), field) == value


@pytest.mark.parametrize(
    ("field", "value"),
    [
        *(("temperature", -1), ("temperature", 5.01), ("top_p", 0), ("top_p", 2), ("top_p", -1)),
        *(("top_k", -1), ("top_k", 1_000_001), ("min_p", -0.1), ("min_p", 1.1)),
        *(("typical_p", 0), ("typical_p", 1.01)),
        *(("repetition_penalty", 0), ("repetition_penalty", 1e-40), ("repetition_penalty", 10.1)),
        *(("max_new_tokens", 0), ("max_new_tokens", -1), ("max_new_tokens", 1_000_001)),
        *(("seed", -1), ("seed", MAX_SEED + 1), ("logprobs", -1), ("logprobs", 21)),
        *(("stop", ("",)), ("stop", ("x",) * 25), ("stop", ("x" * 201,))),
        ("stop", ("a\ud800",)),
        *(("stop", "abc"), ("stop", ["a"]), ("stop", (1,))),
        *((field, value) for field in NUMBERS for value in (math.nan, math.inf, -math.inf)),
        *((field, value) for field in (*NUMBERS, *INTEGERS) for value in (True, "1", [1])),
        *((field, None) for field in (*NUMBERS, "top_k", "max_new_tokens", "stop")),
        *((field, 1.5) for field in INTEGERS),
    ],
)
def test_what_lies_outside_is_refused_and_named(field: str, value: Any) -> None:
    with pytest.raises(SamplingParamsError, match=field) as caught:
        SamplingParams(**{field: value})
    assert caught.value.field == field


def test_temperature_zero_is_greedy() -> None:
    assert SamplingParams(temperature=0).is_greedy
    assert not SamplingParams(temperature=0.01).is_greedy


def test_a_temperature_too_small_to_divide_by_is_greedy() -> None:
    assert SamplingParams(temperature=1e-40).is_greedy


def test_a_message_says_what_is_allowed() -> None:
    with pytest.raises(SamplingParamsError, match="top_p must be above 0 and at most 1, not 2"):
        SamplingParams(top_p=2)
    with pytest.raises(SamplingParamsError, match="temperature must be a number, not nan"):
        SamplingParams(temperature=math.nan)

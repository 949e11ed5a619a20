from __future__ import annotations

import math
from typing import Any

import pytest

from model.errors import SamplingParamsError
from model.presets import EMBEDDED_CHAT, ModelPreset, find_hub_preset
from model.sampling import SamplingParams
from ui.controls import (
    CHAT_DEFAULTS,
    FIELDS,
    TITLES,
    chat_defaults,
    parse_stop,
    read_max_new_tokens,
    read_params,
    show_params,
)
from ui.notices import error_notice

GOOD: dict[str, Any] = {
    "temperature": 0.2,
    "max_new_tokens": 256,
    "top_p": 0.95,
    "top_k": 0,
    "min_p": 0,
    "repetition_penalty": 1,
    "seed": "",
    "stop": "",
}


def read(**changes: Any) -> SamplingParams:
    return read_params([(GOOD | changes)[field] for field in FIELDS])


def test_the_values_become_sampling_params() -> None:
    assert read() == SamplingParams(max_new_tokens=256)
    assert read(seed=" 42 ", stop="def \n\\n\\n").seed == 42
    assert read(stop="def \n\\n\\n").stop == ("def ", "\n\n")


def test_a_whole_number_may_arrive_as_a_float() -> None:
    assert read(top_k=50.0, max_new_tokens=10.0).top_k == 50


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("temperature", -1),
        ("temperature", math.nan),
        ("temperature", None),
        ("temperature", "warm"),
        ("top_p", 2),
        ("top_p", 0),
        ("top_k", 1.5),
        ("top_k", -1),
        ("min_p", 1.1),
        ("repetition_penalty", 0),
        ("max_new_tokens", 0),
        ("max_new_tokens", None),
        ("seed", "abc"),
        ("seed", "-1"),
        ("seed", 1.5),
        ("stop", "x" * 500),
    ],
)
def test_a_value_that_cannot_be_used_is_named_as_on_the_page(field: str, value: Any) -> None:
    with pytest.raises(SamplingParamsError) as caught:
        read(**{field: value})
    assert caught.value.field == field
    assert TITLES[field] in error_notice(caught.value)


@pytest.mark.parametrize(
    ("typed", "stop"),
    [
        ("", ()),
        (None, ()),
        ("a\n\nb", ("a", "b")),
        (r"\n", ("\n",)),
        (r"a\tb", ("a\tb",)),
        (r"\\n", ("\\n",)),
        (r"\\", ("\\",)),
        (r"\d+", (r"\d+",)),
        ("\\", ("\\",)),
        ("  x ", ("  x ",)),
    ],
)
def test_stop_strings_are_lines_with_escapes(typed: str | None, stop: tuple[str, ...]) -> None:
    assert parse_stop(typed) == stop


def test_a_chat_models_own_settings_are_the_defaults() -> None:
    starchat = find_hub_preset("starchat-beta")
    assert starchat is not None
    params = chat_defaults(starchat)
    assert (params.temperature, params.top_k, params.top_p) == (0.2, 50, 0.95)
    assert params.repetition_penalty == 1.2
    assert chat_defaults(EMBEDDED_CHAT).top_p == 0.9
    assert params.max_new_tokens == chat_defaults(EMBEDDED_CHAT).max_new_tokens == 512
    assert chat_defaults(ModelPreset("own", "Own")) == CHAT_DEFAULTS


def test_what_is_shown_is_read_back() -> None:
    for params in (CHAT_DEFAULTS, SamplingParams(seed=7, min_p=0.1)):
        assert read_params(show_params(params)) == params


def test_a_length_that_cannot_be_used_is_measured_as_the_default() -> None:
    assert read_max_new_tokens(100.0, CHAT_DEFAULTS).max_new_tokens == 100
    for value in (None, "", 0, -3, "many"):
        assert read_max_new_tokens(value, CHAT_DEFAULTS) == CHAT_DEFAULTS

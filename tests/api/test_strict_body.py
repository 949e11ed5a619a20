from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import pytest
from pydantic import ValidationError

from api.sampling_fields import ANY_SEED, StopStrings, seed_or_none, with_given
from api.strict_body import StrictBody
from model.errors import SamplingParamsError
from model.sampling import SamplingParams


class Body(StrictBody):
    count: int = 1
    stop: StopStrings = ()

    neutral: ClassVar[Mapping[str, tuple[object, ...]]] = {
        "penalty": (0, None),
        "echo": (False,),
        "format": ("",),
    }
    tolerated: ClassVar[frozenset[str]] = frozenset({"user"})


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"count": None},
        {"anything": None},
        {"user": {"name": "a"}},
        {"penalty": 0},
        {"penalty": 0.0},
        {"echo": False},
        {"format": ""},
    ],
)
def test_what_asks_for_nothing_is_let_through(given: dict[str, Any]) -> None:
    assert Body.model_validate(given).count == 1


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"anything": 0}, "'anything' is not served here"),
        ({"penalty": 1}, "'penalty' is served only as 0"),
        ({"echo": True}, "'echo' is served only as false"),
        ({"format": "json"}, "'format' is not served here"),
        ({"format": ["\ud800"]}, "'format' is not served here"),
        ({"x" * 1_000: 1}, f"'{'x' * 60}' is not served"),
        ({"\ud800é": 1}, r"'\ud800\xe9' is not served"),
    ],
)
def test_what_is_not_served_is_refused_by_its_name(given: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError) as caught:
        Body.model_validate(given)
    assert message in caught.value.errors()[0]["msg"]


@pytest.mark.parametrize("given", [[], "a", 1])
def test_what_is_no_object_is_refused(given: object) -> None:
    with pytest.raises(ValidationError):
        Body.model_validate(given)


@pytest.mark.parametrize(
    ("given", "stop"), [("a", ("a",)), (["a", "", "b"], ("a", "b")), ("", ()), ([], ())]
)
def test_stop_strings_come_alone_or_in_a_list(given: object, stop: tuple[str, ...]) -> None:
    assert Body.model_validate({"stop": given}).stop == stop


@pytest.mark.parametrize(
    ("given", "seed"), [(None, None), (-1, None), (ANY_SEED, None), (0, 0), (42, 42)]
)
def test_a_seed_may_be_left_to_chance(given: int | None, seed: int | None) -> None:
    assert seed_or_none(given) == seed


def test_settings_that_were_not_given_stay_as_they_are() -> None:
    defaults = SamplingParams(temperature=0.5, top_k=7)
    assert with_given(defaults, temperature=0, top_k=None) == SamplingParams(temperature=0, top_k=7)
    with pytest.raises(SamplingParamsError):
        with_given(defaults, top_p=2)

from __future__ import annotations

from typing import Any

import pytest

from model.errors import SamplingParamsError
from model.sampling import MAX_SEED, SamplingParams
from ui.samples import Sample, Samples, params_of_sample, read_samples


@pytest.mark.parametrize("value", [1, 4.0])
def test_one_to_four_samples_can_be_asked_for(value: float) -> None:
    assert read_samples(value) == value


@pytest.mark.parametrize("value", [0, 5, 1.5, None, "2"])
def test_other_numbers_are_refused(value: Any) -> None:
    with pytest.raises(SamplingParamsError, match="from 1 to 4"):
        read_samples(value)


def test_each_sample_has_the_seed_after_the_one_before_it() -> None:
    seeds = [params_of_sample(SamplingParams(seed=MAX_SEED - 1), n).seed for n in (1, 2, 3)]
    assert seeds == [MAX_SEED - 1, MAX_SEED, 0]


def test_without_a_seed_each_draws_its_own() -> None:
    assert params_of_sample(SamplingParams(), 2).seed is None


def test_samples_without_a_text_are_no_choice() -> None:
    assert not Samples("a", (Sample("Sample 1", "", "ended by itself"),))
    assert Samples("a", (Sample("Sample 1", ""), Sample("Sample 2", "b")))

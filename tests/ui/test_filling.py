from __future__ import annotations

from dataclasses import replace

import pytest

from model.requests import InfillRequest
from model.sampling import SamplingParams
from model.service import GenerationService
from tests.ui.runs import finished
from ui.filling import Step, fill_gaps, step_status
from ui.gap import Gap, Middle
from ui.progress import Progress
from ui.runs import Runs


def request_for(gap: Gap, sample: int) -> InfillRequest:
    return InfillRequest(gap.prefix, gap.seen_suffix, SamplingParams(max_new_tokens=2000))


async def test_each_gap_is_filled_with_what_the_former_ones_gave(
    service: GenerationService,
) -> None:
    first = Gap("a ", " b <FILL_HERE> # SAY: xy")
    steps = [step async for step in fill_gaps(Runs(service, None), first, request_for, "s", "p")]
    over = [step for step in steps if step.progress.is_over]
    assert [(step.gap.prefix, step.gap.middle.text) for step in over] == [
        ("a ", "xy"),
        ("a xy b ", "xy"),
    ]
    assert [step.title for step in over] == ["Gap 1 of 2", "Gap 2 of 2"]
    assert not over[-1].is_stopped_between


async def test_a_gap_that_fails_is_the_last(service: GenerationService) -> None:
    first = Gap("a ", " FAIL <FILL_HERE> b")
    steps = [step async for step in fill_gaps(Runs(service, None), first, request_for, "s", "p")]
    assert steps[-1].number == 1
    assert steps[-1].gap.middle
    assert "The script failed" in step_status(steps[-1])


async def test_samples_of_one_gap_are_collected_and_the_first_stands_in_it(
    service: GenerationService,
) -> None:
    def make(gap: Gap, sample: int) -> InfillRequest:
        return InfillRequest(gap.prefix, f"# SAY: {'xyx'[sample - 1]}", SamplingParams())

    first = Gap("a ", " b")
    filling = fill_gaps(Runs(service, None), first, make, "s", "p", 3)
    steps = [step async for step in filling]
    assert [step.title for step in steps if step.progress.is_over] == [
        "Sample 1 of 3",
        "Sample 2 of 3",
        "Sample 3 of 3",
    ]
    middle = steps[-1].gap.middle
    assert middle.alone == Middle("x")
    assert middle.samples == (Middle("x"), Middle("y"), Middle("x"))


async def test_of_several_gaps_each_gets_one_sample(service: GenerationService) -> None:
    first = Gap("a ", "<FILL_HERE> # SAY: x")
    filling = fill_gaps(Runs(service, None), first, request_for, "s", "p", 3)
    steps = [step async for step in filling]
    assert sum(step.progress.is_over for step in steps) == 2
    assert steps[-1].gap.middle == Middle("x")


async def test_a_begun_middle_is_part_of_the_first_gaps_text_and_of_no_other(
    service: GenerationService,
) -> None:
    first = Gap("a ", " b <FILL_HERE> # SAY: xy")
    filling = fill_gaps(Runs(service, None), first, request_for, "s", "p", begun="w")
    over = [step async for step in filling if step.progress.is_over]
    assert [(step.gap.prefix, step.gap.middle.text) for step in over] == [
        ("a ", "wxy"),
        ("a wxy b ", "xy"),
    ]


def test_a_single_gap_has_no_number() -> None:
    assert "Gap" not in step_status(Step(Gap(), Progress()))


@pytest.mark.parametrize(("suffix", "advice"), [("\n", "Split at caret"), ("x", "around the gap")])
def test_a_gap_into_which_nothing_was_written_says_what_to_do(suffix: str, advice: str) -> None:
    empty = Step(Gap("if ???:", suffix), Progress(outcome=finished(), is_over=True))
    assert "The model wrote nothing into the gap" in step_status(empty)
    assert advice in step_status(empty)
    written = replace(empty, begun="x")
    assert "wrote nothing" not in step_status(written)

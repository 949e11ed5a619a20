"""A completion whose model is told of the file: the header in its family's tokens, kept whole."""

from __future__ import annotations

import pytest

from model.engine.base import ResidentModel
from model.errors import CapabilityError, ContextLengthError, InvalidInputError, PromptError
from model.fitting import fit, measure
from model.prompts.metadata import EXERCISE_LINE, Header
from model.prompts.segments import Special, Text, render
from model.requests import CompletionRequest
from model.sampling import SamplingParams
from model.trimming import Dropped
from tests.model.residents import CONTEXT_LENGTH, build_families

PARAMS = SamplingParams(max_new_tokens=20)
HEADER = Header("src/app.py", "me/it", "250")


@pytest.fixture(scope="module")
def residents(tmp_path_factory: pytest.TempPathFactory) -> dict[str, ResidentModel]:
    return build_families(tmp_path_factory.mktemp("tiny"))


@pytest.mark.parametrize(
    ("family", "header", "prompt"),
    [
        ("StarCoder", HEADER, "<reponame>me/it<filename>src/app.py<gh_stars>100-1000\nx = "),
        ("StarCoder", Header(stars="0"), "<gh_stars>0\nx = "),
        ("SmolLM2", HEADER, "<reponame>me/it<filename>src/app.py<gh_stars>100-1000\nx = "),
        ("StarCoder 2", Header("a.py", "me/it"), "<repo_name>me/it<file_sep>a.py\nx = "),
        (
            "StarCoder",
            Header(is_exercise=True),
            f"<filename>solutions/solution_1.py\n{EXERCISE_LINE}x = ",
        ),
        ("SantaCoder", Header(), "x = "),
    ],
)
def test_the_header_stands_before_the_code_in_the_familys_tokens(
    residents: dict[str, ResidentModel], family: str, header: Header, prompt: str
) -> None:
    fitted = fit(CompletionRequest("x = ", PARAMS, header), residents[family], overflow="refuse")
    assert render(fitted.prompt) == prompt


def test_a_typed_token_in_a_field_or_in_the_code_stays_text(
    residents: dict[str, ResidentModel],
) -> None:
    request = CompletionRequest("<filename>", PARAMS, Header("<gh_stars>9"))
    assert fit(request, residents["StarCoder"], overflow="refuse").prompt == (
        *(Special("<filename>"), Text("<gh_stars>9", "context"), Text("\n", "markup")),
        Text("<filename>", "prompt"),
    )


def test_a_model_without_the_tokens_refuses_a_header_and_says_what_has_them(
    residents: dict[str, ResidentModel],
) -> None:
    request = CompletionRequest("x = ", PARAMS, Header("a.py"))
    with pytest.raises(CapabilityError, match="no tokens for a header") as caught:
        fit(request, residents["SantaCoder"], overflow="trim")
    assert "StarCoder" in caught.value.advice
    with pytest.raises(CapabilityError, match="StarCoder 2 was not told stars"):
        fit(CompletionRequest("x", PARAMS, HEADER), residents["StarCoder 2"], overflow="trim")


def test_stars_that_are_no_number_of_stars_are_refused(
    residents: dict[str, ResidentModel],
) -> None:
    request = CompletionRequest("x = ", PARAMS, Header(stars="-3"))
    with pytest.raises(InvalidInputError, match="-3 stars"):
        fit(request, residents["StarCoder"], overflow="trim")


def test_what_does_not_fit_is_cut_from_the_code_and_the_header_stays(
    residents: dict[str, ResidentModel],
) -> None:
    header = "<filename>src/a.py\n"
    num_header = 1 + len("src/a.py\n")
    request = CompletionRequest("o" * 90 + "n" * 30, PARAMS, Header("src/a.py"))
    fitted = fit(request, residents["StarCoder"], overflow="trim")
    num_kept = CONTEXT_LENGTH - 20 - num_header
    assert render(fitted.prompt) == header + ("o" * 90 + "n" * 30)[-num_kept:]
    assert fitted.dropped == (Dropped("prompt", "start", 120 - num_kept),)


def test_a_header_that_cannot_fit_is_refused_with_what_to_shorten(
    residents: dict[str, ResidentModel],
) -> None:
    request = CompletionRequest("x", PARAMS, Header("p" * 200))
    with pytest.raises(ContextLengthError) as caught:
        fit(request, residents["StarCoder"], overflow="trim")
    assert "path" in caught.value.advice


def test_a_file_can_be_written_from_its_header_alone(residents: dict[str, ResidentModel]) -> None:
    fitted = fit(
        CompletionRequest("", PARAMS, Header("a.py")), residents["StarCoder"], overflow="refuse"
    )
    assert render(fitted.prompt) == "<filename>a.py\n"
    with pytest.raises(PromptError, match="prompt is empty"):
        fit(CompletionRequest("", PARAMS), residents["StarCoder"], overflow="refuse")


def test_a_field_with_what_no_model_takes_is_named(residents: dict[str, ResidentModel]) -> None:
    with pytest.raises(PromptError, match="The path holds a NUL"):
        fit(CompletionRequest("x", PARAMS, Header("a\0")), residents["StarCoder"], overflow="trim")


@pytest.mark.parametrize("header", [HEADER, Header(stars="3"), Header(is_exercise=True)])
def test_the_meter_counts_the_header_with_and_without_code(
    residents: dict[str, ResidentModel], header: Header
) -> None:
    for prompt in ("x = 1\n", ""):
        request = CompletionRequest(prompt, PARAMS, header)
        fitted = fit(request, residents["StarCoder"], overflow="trim")
        num_tokens = measure(request, residents["StarCoder"]).prompt_tokens
        assert num_tokens == len(fitted.generation.prompt_ids) > 1

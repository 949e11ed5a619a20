"""Prompts that a client has put together itself: with tokens spelt out, or as token ids."""

from __future__ import annotations

from dataclasses import replace

import pytest

from model.engine.base import ResidentModel
from model.errors import CapabilityError, ContextLengthError, PromptError
from model.fitting import fit
from model.prompts.segments import render
from model.requests import RawRequest, TokensRequest
from model.sampling import SamplingParams
from tests import checkpoints
from tests.model.residents import build_resident

PARAMS = SamplingParams(max_new_tokens=20)
PSM = "<fim_prefix>{}<fim_suffix>{}<fim_middle>"


@pytest.fixture(scope="module")
def starcoder(tmp_path_factory: pytest.TempPathFactory) -> ResidentModel:
    folder = tmp_path_factory.mktemp("tiny")
    return build_resident(folder, checkpoints.STARCODER_TOKENS, (), context_length=100)


def test_spelt_tokens_are_tokens(starcoder: ResidentModel) -> None:
    fitted = fit(RawRequest(PSM.format("a", "b"), PARAMS), starcoder, overflow="refuse")
    a, b = starcoder.tokenizer.encode_text("ab")
    assert fitted.generation.prompt_ids == (1, a, 3, b, 2)


def test_a_raw_prompt_without_tokens_is_a_continuation(starcoder: ResidentModel) -> None:
    healing = replace(starcoder, can_heal=True)
    fitted = fit(RawRequest("def f():\n    ", PARAMS), healing, overflow="refuse")
    assert render(fitted.prompt) == "def f():"
    assert fitted.generation.healed == "\n    "


def test_an_infill_spelt_out_ends_where_an_infill_ends(starcoder: ResidentModel) -> None:
    fitted = fit(RawRequest(PSM.format("a", "b"), PARAMS), starcoder, overflow="refuse")
    filename = starcoder.tokenizer.special_id("<filename>")
    assert filename in fitted.generation.stop_token_ids


def test_a_stop_string_that_spells_a_token_stops_at_that_token(starcoder: ResidentModel) -> None:
    output = starcoder.tokenizer.special_id("<jupyter_output>")
    request = RawRequest("<jupyter_code>1 + 1", replace(PARAMS, stop=("<jupyter_output>", "\n\n")))
    assert output in fit(request, starcoder, overflow="refuse").generation.stop_token_ids
    without = replace(request, params=PARAMS)
    assert output not in fit(without, starcoder, overflow="refuse").generation.stop_token_ids


def test_too_long_is_refused_with_the_numbers(starcoder: ResidentModel) -> None:
    with pytest.raises(ContextLengthError) as caught:
        fit(RawRequest("x" * 100, PARAMS), starcoder, overflow="refuse")
    assert (caught.value.num_tokens, caught.value.limit) == (100, 99)


def test_truncate_keeps_the_end_of_a_prompt(starcoder: ResidentModel) -> None:
    request = RawRequest("x" * 500 + "end", PARAMS, truncate=10)
    fitted = fit(request, starcoder, overflow="refuse")
    assert render(fitted.prompt) == "x" * 7 + "end"


def test_truncate_keeps_what_is_next_to_a_gap(starcoder: ResidentModel) -> None:
    prompt = PSM.format("a" * 50 + "p", "s" + "b" * 50)
    fitted = fit(RawRequest(prompt, PARAMS, truncate=11), starcoder, overflow="refuse")
    assert render(fitted.prompt) == PSM.format("aaaaap", "sb")


def test_token_ids_are_taken_as_they_are(starcoder: ResidentModel) -> None:
    ids = (1, *starcoder.tokenizer.encode_text("a"), 3, 2)
    fitted = fit(TokensRequest(ids, PARAMS), starcoder, overflow="refuse")
    assert fitted.generation.prompt_ids == ids
    assert render(fitted.prompt) == "<fim_prefix>a<fim_suffix><fim_middle>"


@pytest.mark.parametrize("unknown", [-1, 70_000, 2**31, 2**70])
def test_a_token_that_the_vocabulary_lacks_is_refused(
    starcoder: ResidentModel, unknown: int
) -> None:
    with pytest.raises(PromptError, match=f"lacks the token {unknown}\\."):
        fit(TokensRequest((65, unknown), PARAMS), starcoder, overflow="refuse")


def test_too_many_token_ids_are_refused_even_where_others_are_trimmed(
    starcoder: ResidentModel,
) -> None:
    with pytest.raises(ContextLengthError):
        fit(TokensRequest((65,) * 100, PARAMS), starcoder, overflow="trim")


def test_too_many_token_ids_are_refused_before_each_is_looked_at(starcoder: ResidentModel) -> None:
    unknown = (10**9,) * 1000
    with pytest.raises(ContextLengthError, match=r"1,?000"):
        fit(TokensRequest(unknown, PARAMS), starcoder, overflow="refuse")


def test_a_gap_spelt_out_is_refused_where_the_model_cannot_infill(starcoder: ResidentModel) -> None:
    """Whether or not its vocabulary happens to have the tokens."""
    request = RawRequest(PSM.format("a", "b"), PARAMS)
    with pytest.raises(CapabilityError, match="cannot infill"):
        fit(request, replace(starcoder, infill=None), overflow="refuse")


def test_a_gap_in_another_familys_tokens_is_refused_with_the_right_ones(
    starcoder: ResidentModel,
) -> None:
    request = RawRequest(PSM.format("a", "b").replace("_", "-"), PARAMS)
    with pytest.raises(CapabilityError, match="<fim_prefix>, <fim_suffix> and <fim_middle>"):
        fit(request, starcoder, overflow="refuse")


def test_a_text_about_one_of_the_tokens_is_no_gap(starcoder: ResidentModel) -> None:
    request = RawRequest("# ends at <fim-middle>", PARAMS)
    prompt = fit(request, replace(starcoder, infill=None), overflow="refuse").prompt
    assert render(prompt) == "# ends at <fim-middle>"


@pytest.mark.parametrize("request_", [RawRequest("", PARAMS), TokensRequest((), PARAMS)])
def test_an_empty_prompt_is_refused(
    starcoder: ResidentModel, request_: RawRequest | TokensRequest
) -> None:
    with pytest.raises(PromptError, match="empty"):
        fit(request_, starcoder, overflow="refuse")

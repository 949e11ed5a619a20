"""Editing by instruction: StarCoder's commit form, of the whole code or not at all."""

from __future__ import annotations

import pytest

from model.engine.base import ResidentModel
from model.errors import CapabilityError, ContextLengthError, PromptError
from model.fitting import fit, measure
from model.prompts.segments import render
from model.requests import EditRequest
from model.sampling import SamplingParams
from tests import checkpoints
from tests.model.residents import build_resident

CONTEXT_LENGTH = 100
PARAMS = SamplingParams(max_new_tokens=20)


@pytest.fixture
def starcoder(tmp_path_factory: pytest.TempPathFactory) -> ResidentModel:
    folder = tmp_path_factory.mktemp("tiny")
    return build_resident(folder, checkpoints.STARCODER_TOKENS, context_length=CONTEXT_LENGTH)


def test_the_prompt_is_a_commit_and_ends_at_each_of_its_tokens(starcoder: ResidentModel) -> None:
    fitted = fit(EditRequest("x = 1\n", "Use two", PARAMS), starcoder, overflow="refuse")
    assert render(fitted.prompt) == "<commit_before>x = 1\n<commit_msg>Use two<commit_after>"
    ends = {starcoder.tokenizer.token_text(id_) for id_ in fitted.generation.stop_token_ids}
    assert ends == {"<|endoftext|>", "<commit_before>", "<commit_msg>", "<commit_after>"}


def test_there_is_room_to_repeat_the_code_beside_what_was_asked_for(
    starcoder: ResidentModel,
) -> None:
    request = EditRequest("x" * 30, "y", PARAMS)
    assert fit(request, starcoder, overflow="trim").generation.params.max_new_tokens == 50
    assert measure(request, starcoder).num_repeated == 30
    long = EditRequest("x" * 60, "y", PARAMS)
    assert fit(long, starcoder, overflow="trim").generation.params.max_new_tokens == 36


def test_code_that_does_not_fit_is_refused_and_never_cut(starcoder: ResidentModel) -> None:
    request = EditRequest("x" * 120, "y", PARAMS)
    with pytest.raises(ContextLengthError) as caught:
        fit(request, starcoder, overflow="trim")
    assert "Shorten the code" in caught.value.advice
    use = measure(request, starcoder)
    assert (use.prompt_tokens, use.completion_room, use.dropped) == (124, 0, ())


def test_without_an_instruction_there_is_nothing_to_do(starcoder: ResidentModel) -> None:
    with pytest.raises(PromptError, match="instruction is empty"):
        fit(EditRequest("x", " \n", PARAMS), starcoder, overflow="trim")


@pytest.mark.parametrize("tokens", [checkpoints.STARCODER2_TOKENS, checkpoints.SMOLLM2_TOKENS])
def test_a_model_without_commit_tokens_refuses_and_says_which_can(
    tmp_path_factory: pytest.TempPathFactory, tokens: tuple[str, ...]
) -> None:
    resident = build_resident(tmp_path_factory.mktemp("tiny"), tokens)
    with pytest.raises(CapabilityError, match="no commit tokens") as caught:
        fit(EditRequest("x", "y", PARAMS), resident, overflow="trim")
    assert "StarCoder's first family" in caught.value.advice

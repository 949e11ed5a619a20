"""The context meter counts what `fit` would send, and more of what it refuses."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model.engine.base import ResidentModel
from model.errors import CapabilityError, ContextLengthError, PromptError
from model.fitting import ContextUse, fit, measure
from model.prompts.assistant import AssistantPrompt
from model.prompts.dialogue import Message
from model.requests import (
    AssistantRequest,
    ChatRequest,
    CompletionRequest,
    InfillRequest,
    PlaygroundRequest,
)
from model.sampling import SamplingParams
from model.trimming import Dropped
from tests import checkpoints
from tests.model.residents import build_resident

CONTEXT_LENGTH = 100
PARAMS = SamplingParams(max_new_tokens=20)


@pytest.fixture(scope="module")
def starchat(tmp_path_factory: pytest.TempPathFactory) -> ResidentModel:
    return build_resident(
        tmp_path_factory.mktemp("tiny"),
        checkpoints.STARCODER_TOKENS,
        checkpoints.STARCHAT_ADDED_TOKENS,
        context_length=CONTEXT_LENGTH,
    )


EMPTY: list[PlaygroundRequest] = [
    CompletionRequest("", PARAMS),
    InfillRequest("", "", PARAMS),
    ChatRequest("", (), PARAMS),
    ChatRequest("", (Message("user", ""),), PARAMS),
    AssistantRequest((), PARAMS),
    AssistantRequest((Message("user", ""),), PARAMS),
]


@pytest.mark.parametrize("request_", EMPTY)
def test_nothing_typed_takes_nothing(starchat: ResidentModel, request_: PlaygroundRequest) -> None:
    assert measure(request_, starchat) == ContextUse(0, CONTEXT_LENGTH, CONTEXT_LENGTH)


def test_a_prompt_takes_its_tokens_and_leaves_the_rest(starchat: ResidentModel) -> None:
    assert measure(CompletionRequest("x" * 30, PARAMS), starchat) == ContextUse(30, 70, 100)
    assert measure(InfillRequest("x" * 30, "", PARAMS), starchat) == ContextUse(33, 67, 100)


def test_a_prompt_that_is_too_long_is_counted_whole_with_what_would_be_left_out(
    starchat: ResidentModel,
) -> None:
    assert measure(CompletionRequest("x" * 130, PARAMS), starchat) == ContextUse(
        130, 20, 100, (Dropped("prompt", "start", 50),)
    )


def test_a_conversation_is_measured_before_its_question_is_written(starchat: ResidentModel) -> None:
    turns = (Message("user", "Hi"), Message("assistant", "Hello"))
    # Two turns of four tokens and their texts, an empty system turn, and an empty question's.
    expected = ContextUse(4 + 6 + 9 + 4 + 1, 76, 100)
    assert measure(ChatRequest("", turns, PARAMS), starchat) == expected
    assert measure(ChatRequest("", (*turns, Message("user", "")), PARAMS), starchat) == expected


def test_a_conversation_that_can_be_made_to_fit_tells_the_turns(starchat: ResidentModel) -> None:
    texts = ("q" * 40, "a" * 40, "last")
    messages = tuple(
        Message("assistant" if number % 2 else "user", text) for number, text in enumerate(texts)
    )
    use = measure(ChatRequest("sys", messages, PARAMS), starchat)
    assert use.dropped == (Dropped("user", "start", 88, num_turns=1),)
    assert use.prompt_tokens == 7 + 88 + 8 + 1


def test_what_cannot_be_made_to_fit_leaves_no_room_and_raises_nothing(
    starchat: ResidentModel,
) -> None:
    for request in (
        ChatRequest("", (Message("user", "x" * 200),), PARAMS),
        AssistantRequest((Message("user", "x" * 200),), PARAMS),
    ):
        use = measure(request, starchat)
        assert use.prompt_tokens > 200
        assert (use.completion_room, use.dropped) == (0, ())


def test_what_no_model_or_not_this_one_can_take_is_refused(starchat: ResidentModel) -> None:
    with pytest.raises(PromptError, match="NUL"):
        measure(CompletionRequest("\x00", PARAMS), starchat)
    with pytest.raises(CapabilityError, match="cannot infill"):
        measure(InfillRequest("a", "", PARAMS), replace(starchat, infill=None))


@given(
    prefix=st.integers(0, 150),
    suffix=st.integers(1, 150),
    max_new_tokens=st.integers(1, 200),
)
def test_the_meter_and_the_fitted_request_agree(
    starchat: ResidentModel, prefix: int, suffix: int, max_new_tokens: int
) -> None:
    params = SamplingParams(max_new_tokens=max_new_tokens)
    request = InfillRequest("p" * prefix, "s" * suffix, params)
    use = measure(request, starchat)
    fitted = fit(request, starchat, overflow="trim")
    num_sent = len(fitted.generation.prompt_ids)
    assert use.completion_room == CONTEXT_LENGTH - num_sent
    assert use.dropped == fitted.dropped
    assert use.prompt_tokens == num_sent + sum(item.num_tokens for item in use.dropped)
    assert fitted.generation.params.max_new_tokens == min(max_new_tokens, use.completion_room)


def test_a_preamble_counts_as_much_as_it_is_sent(starchat: ResidentModel) -> None:
    roomy = replace(starchat, context_length=1000)
    request = AssistantRequest((Message("user", "Hi"),), PARAMS, AssistantPrompt("x" * 60, "test"))
    use = measure(request, roomy)
    assert use.prompt_tokens == len(fit(request, roomy, overflow="refuse").generation.prompt_ids)
    with pytest.raises(ContextLengthError):
        fit(request, replace(roomy, context_length=70), overflow="trim")

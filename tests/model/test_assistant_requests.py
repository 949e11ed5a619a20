"""The Tech Assistant's requests: fitted, pinned, and ended where its reply ends."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model.engine.base import ResidentModel
from model.errors import ContextLengthError, PromptError, SamplingParamsError
from model.fitting import fit
from model.prompts.assistant import SAMPLING, SHORT_PROMPT, AssistantPrompt
from model.prompts.dialogue import STARCODER2_INSTRUCT, Message
from model.prompts.segments import Text, render
from model.requests import AssistantRequest, ChatRequest, slot_of
from model.sampling import SamplingParams
from model.trimming import Dropped
from tests import checkpoints
from tests.model.residents import build_resident

# The tiny tokenizer makes a token of each byte: all lengths are in characters.
PREAMBLE = AssistantPrompt("Dialogues.\n\n-----", "a test")
PARAMS = SamplingParams(max_new_tokens=20)


@pytest.fixture(scope="module")
def starcoder(tmp_path_factory: pytest.TempPathFactory) -> ResidentModel:
    tokens = checkpoints.STARCODER_TOKENS
    resident = build_resident(tmp_path_factory.mktemp("tiny"), tokens, context_length=200)
    return replace(resident, can_heal=True)


def ask(*texts: str, params: SamplingParams = PARAMS) -> AssistantRequest:
    """A conversation whose turns are `texts`, the user's first."""
    roles = ("user", "assistant")
    messages = tuple(Message(roles[number % 2], text) for number, text in enumerate(texts))  # type: ignore[arg-type]
    return AssistantRequest(messages, params, PREAMBLE)


def test_it_runs_on_the_base_model(starcoder: ResidentModel) -> None:
    fitted = fit(ask("Hi"), starcoder, overflow="refuse")
    assert fitted.generation.slot == slot_of(ask("Hi")) == "base"
    assert render(fitted.prompt) == "Dialogues.\n\n-----\n\nHuman: Hi\n\nAssistant:"


def test_its_preamble_is_pinned_and_nothing_more(starcoder: ResidentModel) -> None:
    for request in (ask("Hi"), ask("Hi", "Hello!", "Sort")):
        generation = fit(request, starcoder, overflow="refuse").generation
        pinned = generation.prompt_ids[: generation.num_pinned]
        assert starcoder.tokenizer.decode(pinned) == PREAMBLE.text


def test_other_requests_pin_nothing(starcoder: ResidentModel) -> None:
    chatty = replace(starcoder, dialogue=STARCODER2_INSTRUCT, context_length=1000)
    request = ChatRequest("", (Message("user", "Hi"),), PARAMS)
    assert fit(request, chatty, overflow="refuse").generation.num_pinned == 0


def test_its_reply_ends_at_the_next_question_or_at_what_was_asked_for(
    starcoder: ResidentModel,
) -> None:
    request = ask("Hi", params=replace(PARAMS, stop=("END",)))
    generation = fit(request, starcoder, overflow="refuse").generation
    assert generation.params.stop == ("\nHuman:", "\n-----", "END")
    assert starcoder.tokenizer.special_id("<|endoftext|>") in generation.stop_token_ids


def test_a_format_with_a_stop_string_adds_it(starcoder: ResidentModel) -> None:
    chatty = replace(starcoder, dialogue=STARCODER2_INSTRUCT, context_length=1000)
    request = ChatRequest("", (Message("user", "Hi"),), replace(PARAMS, stop=("###", "END")))
    assert fit(request, chatty, overflow="refuse").generation.params.stop == ("###", "END")


def test_more_stop_strings_than_can_be_matched_are_refused(starcoder: ResidentModel) -> None:
    params = replace(PARAMS, stop=tuple("abcdefghijklmnopqrstuvwx"))
    with pytest.raises(SamplingParamsError, match="At most 22 stop strings"):
        fit(ask("Hi", params=params), starcoder, overflow="trim")


def test_the_space_before_its_reply_is_spelt_by_the_model_and_not_shown(
    starcoder: ResidentModel,
) -> None:
    assert fit(ask("Hi"), starcoder, overflow="refuse").generation.healed == " "
    unhealing = replace(starcoder, can_heal=False)
    assert fit(ask("Hi"), unhealing, overflow="refuse").generation.healed == ""


def test_old_turns_go_first_and_the_preamble_stays(starcoder: ResidentModel) -> None:
    fitted = fit(ask("q" * 80, "a" * 80, "last"), starcoder, overflow="trim")
    assert render(fitted.prompt) == "Dialogues.\n\n-----\n\nHuman: last\n\nAssistant:"
    assert fitted.dropped == (Dropped("user", "start", 80 + 80 + 9 + 13, num_turns=1),)
    assert fitted.generation.num_pinned == len(PREAMBLE.text)


def test_a_question_that_leaves_no_room_is_refused(starcoder: ResidentModel) -> None:
    with pytest.raises(ContextLengthError) as caught:
        fit(ask("x" * 300), starcoder, overflow="trim")
    assert "last message" in caught.value.advice


@pytest.mark.parametrize("messages", [(), (Message("user", " \n"),)])
def test_a_question_that_is_still_to_be_written_is_refused(
    starcoder: ResidentModel, messages: tuple[Message, ...]
) -> None:
    with pytest.raises(PromptError):
        fit(AssistantRequest(messages, PARAMS, PREAMBLE), starcoder, overflow="trim")


def test_a_preamble_over_half_of_the_context_gives_way_to_the_short_one(
    starcoder: ResidentModel,
) -> None:
    santacoder = replace(starcoder, context_length=2048)
    for length, expected in ((1024, "x" * 1024), (1025, SHORT_PROMPT.text)):
        preamble = AssistantPrompt("x" * length, "a test")
        fitted = fit(
            AssistantRequest((Message("user", "Hi"),), PARAMS, preamble),
            santacoder,
            overflow="refuse",
        )
        assert fitted.prompt[0] == Text(expected, "system")
        assert fitted.generation.num_pinned == len(expected.encode())


def test_its_settings_are_those_of_huggingchat() -> None:
    assert (SAMPLING.temperature, SAMPLING.top_p, SAMPLING.repetition_penalty) == (0.2, 0.9, 1.2)


@given(
    st.lists(st.sampled_from([*checkpoints.STARCODER_TOKENS, "\n\nHuman:", "x"]), min_size=1).map(
        "".join
    )
)
def test_no_typed_token_is_special(starcoder: ResidentModel, text: str) -> None:
    roomy = replace(starcoder, context_length=10_000)
    ids = fit(ask(text, text, f"{text}."), roomy, overflow="refuse").generation.prompt_ids
    specials = set(map(starcoder.tokenizer.special_id, checkpoints.STARCODER_TOKENS))
    assert specials.isdisjoint(ids)


@pytest.mark.parametrize("reply", ["Use `", " Use `"])
def test_a_begun_reply_follows_its_space(starcoder: ResidentModel, reply: str) -> None:
    fitted = fit(replace(ask("Hi"), reply=f"{reply}\n"), starcoder, overflow="refuse")
    assert render(fitted.prompt).endswith("\n\nAssistant: Use `")
    assert fitted.generation.healed == "\n"

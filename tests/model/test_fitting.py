"""Requests are checked, built in the resident model's format and fitted to its context.

The tiny tokenizers make a token of each byte, so lengths can be read off the texts.
"""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model.engine.base import ResidentModel
from model.errors import CapabilityError, ContextLengthError, PromptError
from model.fitting import fit
from model.prompts.dialogue import Message
from model.prompts.infill import InfillOrder, RepositoryFile
from model.prompts.segments import Text, render
from model.prompts.texts import MAX_PROMPT_CHARS
from model.requests import (
    ChatRequest,
    CompletionRequest,
    InfillRequest,
    Overflow,
    PlaygroundRequest,
)
from model.sampling import SamplingParams
from model.trimming import Dropped
from tests import checkpoints
from tests.model.residents import build_resident

CONTEXT_LENGTH = 100
PARAMS = SamplingParams(max_new_tokens=20)


def _resident(
    factory: pytest.TempPathFactory, tokens: tuple[str, ...], added: tuple[str, ...] = ()
) -> ResidentModel:
    return build_resident(factory.mktemp("tiny"), tokens, added, context_length=CONTEXT_LENGTH)


@pytest.fixture(scope="module")
def starcoder(tmp_path_factory: pytest.TempPathFactory) -> ResidentModel:
    return _resident(tmp_path_factory, checkpoints.STARCODER_TOKENS)


@pytest.fixture(scope="module")
def starcoder2(tmp_path_factory: pytest.TempPathFactory) -> ResidentModel:
    return _resident(tmp_path_factory, checkpoints.STARCODER2_TOKENS)


@pytest.fixture(scope="module")
def starchat(tmp_path_factory: pytest.TempPathFactory) -> ResidentModel:
    tokens = checkpoints.STARCODER_TOKENS
    return _resident(tmp_path_factory, tokens, checkpoints.STARCHAT_ADDED_TOKENS)


@pytest.fixture(scope="module")
def smollm2(tmp_path_factory: pytest.TempPathFactory) -> ResidentModel:
    return _resident(tmp_path_factory, checkpoints.SMOLLM2_TOKENS)


def decoded(resident: ResidentModel, ids: tuple[int, ...]) -> str:
    return resident.tokenizer.decode(ids)


def chat(*texts: str, system: str = "", params: SamplingParams = PARAMS) -> ChatRequest:
    """A conversation whose turns are `texts`, the user's first."""
    roles = ("user", "assistant")
    messages = tuple(Message(roles[number % 2], text) for number, text in enumerate(texts))  # type: ignore[arg-type]
    return ChatRequest(system, messages, params)


# Building


def test_a_completion_is_its_text_and_nothing_before_it(starcoder: ResidentModel) -> None:
    fitted = fit(CompletionRequest("x = ", PARAMS), starcoder, overflow="refuse", deadline=3.0)
    assert fitted.generation.slot == "base"
    assert fitted.generation.prompt_ids == tuple(starcoder.tokenizer.encode_text("x = "))
    assert fitted.generation.params == PARAMS
    assert fitted.generation.deadline == 3.0
    assert not fitted.generation.is_start_stripped
    assert fitted.prompt == (Text("x = ", "prompt"),)
    assert fitted.dropped == ()
    assert fitted.context_length == CONTEXT_LENGTH


def test_an_infill_has_its_special_tokens_by_id(starcoder: ResidentModel) -> None:
    fitted = fit(InfillRequest("a", "b", PARAMS), starcoder, overflow="refuse")
    a, b = starcoder.tokenizer.encode_text("ab")
    assert fitted.generation.prompt_ids == (1, a, 3, b, 2)
    assert render(fitted.prompt) == "<fim_prefix>a<fim_suffix>b<fim_middle>"


def test_an_infill_takes_order_path_and_repository(starcoder2: ResidentModel) -> None:
    request = InfillRequest(
        "p", "s", PARAMS, "spm", "c.py", "me/it", (RepositoryFile("a.py", "A"),)
    )
    assert render(fit(request, starcoder2, overflow="refuse").prompt) == (
        "<repo_name>me/it<file_sep>a.py\nA<file_sep><fim_prefix><fim_suffix>s<fim_middle>c.py\np"
    )


def healing(resident: ResidentModel) -> ResidentModel:
    """A model that learned to spell the prefix's white space again, the suffix first."""
    assert resident.infill is not None
    dialect = replace(resident.infill, orders=("spm", "psm"), is_prefix_healed=True)
    return replace(resident, infill=dialect, can_heal=True)


def test_with_the_suffix_first_the_prefixs_white_space_is_left_to_the_middle(
    starcoder: ResidentModel,
) -> None:
    request = InfillRequest("if x:\n    ", "\n", PARAMS)
    fitted = fit(request, healing(starcoder), overflow="refuse")
    assert render(fitted.prompt) == "<fim_prefix><fim_suffix>\n<fim_middle>if x:"
    assert fitted.generation.healed == "\n    "


@pytest.mark.parametrize("order", ["psm", "spm"])
def test_the_white_space_that_a_begun_middle_ends_in_is_healed(
    starcoder: ResidentModel, order: InfillOrder
) -> None:
    request = InfillRequest("a = ", "\nb", PARAMS, order, begun="f(\n    ")
    fitted = fit(request, replace(starcoder, can_heal=True), overflow="refuse")
    assert render(fitted.prompt).endswith("f(")
    assert fitted.generation.healed == "\n    "
    unhealed = fit(request, starcoder, overflow="refuse")
    assert render(unhealed.prompt).endswith("f(\n    ")


def test_a_healed_prefixs_white_space_is_spelt_by_the_begun_middle(
    starcoder: ResidentModel,
) -> None:
    request = InfillRequest("if x:\n    ", "\n", PARAMS, begun="return ")
    fitted = fit(request, healing(starcoder), overflow="refuse")
    assert fitted.prompt[-2:] == (Text("if x:", "prefix"), Text("\n    return", "middle"))
    assert fitted.generation.healed == " "


def test_a_begun_middle_of_white_space_alone_is_spelt_by_the_new_tokens(
    starcoder: ResidentModel,
) -> None:
    request = InfillRequest("a", "b", PARAMS, begun="\n")
    fitted = fit(request, replace(starcoder, can_heal=True), overflow="refuse")
    assert render(fitted.prompt) == "<fim_prefix>a<fim_suffix>b<fim_middle>"
    assert fitted.generation.healed == "\n"


@pytest.mark.parametrize("order", ["psm", "spm"])
def test_where_it_was_not_learned_the_prefix_stays_as_it_is(
    starcoder: ResidentModel, order: InfillOrder
) -> None:
    request = InfillRequest("if x:\n    ", "\n", PARAMS, order)
    resident = healing(starcoder) if order == "psm" else replace(starcoder, can_heal=True)
    fitted = fit(request, resident, overflow="refuse")
    assert "if x:\n    " in render(fitted.prompt)
    assert fitted.generation.healed == ""


def test_a_prefix_of_white_space_alone_is_not_taken_apart(starcoder: ResidentModel) -> None:
    fitted = fit(InfillRequest("  ", "b", PARAMS), healing(starcoder), overflow="refuse")
    assert render(fitted.prompt) == "<fim_prefix><fim_suffix>b<fim_middle>  "
    assert fitted.generation.healed == ""


@pytest.mark.parametrize(("prefix", "suffix"), [("a", ""), ("", "b")])
def test_one_side_of_a_gap_may_be_empty(starcoder: ResidentModel, prefix: str, suffix: str) -> None:
    fitted = fit(InfillRequest(prefix, suffix, PARAMS), starcoder, overflow="refuse")
    assert len(fitted.generation.prompt_ids) == 4


def test_a_starchat_reply_loses_its_leading_newline(starchat: ResidentModel) -> None:
    fitted = fit(chat("Hi"), starchat, overflow="refuse")
    assert fitted.generation.slot == "chat"
    assert fitted.generation.is_start_stripped
    assert render(fitted.prompt) == "<|system|>\n<|end|>\n<|user|>\nHi<|end|>\n<|assistant|>"
    assert fitted.generation.prompt_ids[-1] == starchat.tokenizer.special_id("<|assistant|>")


def test_a_chatml_reply_is_left_as_it_comes(smollm2: ResidentModel) -> None:
    assert not fit(chat("Hi"), smollm2, overflow="refuse").generation.is_start_stripped


@pytest.mark.parametrize(
    ("family", "request_", "tokens"),
    [
        ("starchat", chat("Hi"), {"<|endoftext|>", "<|end|>", "<|user|>", "<|system|>"}),
        ("smollm2", chat("Hi"), {"<|endoftext|>", "<|im_end|>", "<|im_start|>"}),
        ("starcoder", CompletionRequest("x", PARAMS), {"<|endoftext|>", "<filename>"}),
        ("starcoder2", CompletionRequest("x", PARAMS), {"<|endoftext|>", "<file_sep>"}),
        ("starcoder2", InfillRequest("a", "b", PARAMS), {"<|endoftext|>", "<file_sep>"}),
    ],
)
def test_what_ends_the_text_is_the_models_and_the_formats(
    request: pytest.FixtureRequest, family: str, request_: PlaygroundRequest, tokens: set[str]
) -> None:
    resident: ResidentModel = request.getfixturevalue(family)
    resident = replace(resident, stop_token_ids=(77, 0))
    stop_ids = fit(request_, resident, overflow="refuse").generation.stop_token_ids
    assert stop_ids[:2] == (77, 0)
    assert len(set(stop_ids)) == len(stop_ids)
    assert {resident.tokenizer.special_id(token) for token in tokens} <= set(stop_ids)


def test_an_unset_seed_stays_unset(starcoder: ResidentModel) -> None:
    fitted = fit(CompletionRequest("x", PARAMS), starcoder, overflow="refuse")
    assert fitted.generation.params.seed is None


SPELLINGS = st.sampled_from(
    sorted({*checkpoints.STARCODER_TOKENS, *checkpoints.STARCHAT_ADDED_TOKENS})
)
TYPED = st.lists(
    st.one_of(SPELLINGS, st.text(st.characters(codec="utf-8", min_codepoint=1), max_size=5)),
    min_size=1,
    max_size=4,
).map("".join)


@given(system=TYPED, question=TYPED, answer=TYPED, last=TYPED)
def test_only_the_markup_is_special_whatever_is_typed(
    starchat: ResidentModel, system: str, question: str, answer: str, last: str
) -> None:
    roomy = replace(starchat, context_length=10_000)
    plain = fit(chat("q", "a", "l", system="s"), roomy, overflow="refuse")
    typed = fit(chat(question, answer, f"{last}.", system=system), roomy, overflow="refuse")
    assert _specials(starchat, typed.generation.prompt_ids) == _specials(
        starchat, plain.generation.prompt_ids
    )


def _specials(resident: ResidentModel, ids: tuple[int, ...]) -> list[int]:
    return [id_ for id_ in ids if not resident.tokenizer.decode([id_])]


# Refusals


def test_a_model_without_infill_tokens_says_so(smollm2: ResidentModel) -> None:
    with pytest.raises(CapabilityError, match="Tiny model has no fill-in-the-middle") as caught:
        fit(InfillRequest("a", "b", PARAMS), smollm2, overflow="trim")
    assert "continue the prefix" in caught.value.advice


def test_a_model_without_a_dialogue_format_says_so(starcoder: ResidentModel) -> None:
    with pytest.raises(CapabilityError, match="Tiny model was not tuned on dialogues"):
        fit(chat("Hi"), starcoder, overflow="trim")


def test_an_empty_prompt_is_refused(starcoder: ResidentModel) -> None:
    with pytest.raises(PromptError, match="The prompt is empty"):
        fit(CompletionRequest("", PARAMS), starcoder, overflow="trim")


def test_two_empty_sides_are_refused(starcoder: ResidentModel) -> None:
    with pytest.raises(PromptError, match="both empty"):
        fit(InfillRequest("", "", PARAMS), starcoder, overflow="trim")


@pytest.mark.parametrize("text", ["", " \n"])
def test_an_empty_message_is_refused(starchat: ResidentModel, text: str) -> None:
    with pytest.raises(PromptError, match="The message is empty"):
        fit(chat("Hi", "Hello", text), starchat, overflow="trim")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("\x00", "a NUL character (U+0000) at line 1, column 1"),
        ("ab\nc\x00", "a NUL character (U+0000) at line 2, column 2"),
        ("ab\n\n\ud83d", "a lone surrogate (U+D83D), half of a character, at line 3, column 1"),
    ],
)
def test_unusable_characters_are_named_with_their_place(
    starcoder: ResidentModel, starchat: ResidentModel, text: str, problem: str
) -> None:
    cases: list[tuple[PlaygroundRequest, ResidentModel, str]] = [
        (CompletionRequest(text, PARAMS), starcoder, "prompt"),
        (InfillRequest(text, "s", PARAMS), starcoder, "prefix"),
        (InfillRequest("p", text, PARAMS), starcoder, "suffix"),
        (InfillRequest("p", "s", PARAMS, path=text), starcoder, "path"),
        (InfillRequest("p", "s", PARAMS, repo_name=text), starcoder, "repository name"),
        (
            InfillRequest("p", "s", PARAMS, context=(RepositoryFile("a.py", text),)),
            starcoder,
            "file 1",
        ),
        (chat("Hi", system=text), starchat, "system prompt"),
        (chat("Hi", text, "Well?"), starchat, "message 2"),
    ]
    for request, resident, box in cases:
        with pytest.raises(PromptError) as caught:
            fit(request, resident, overflow="trim")
        assert caught.value.message == f"The {box} holds {problem}."


def test_a_huge_paste_is_refused_before_it_is_encoded(starcoder: ResidentModel) -> None:
    # Without a tokenizer: it must not be reached.
    resident = replace(starcoder, tokenizer=None)  # type: ignore[arg-type]
    with pytest.raises(PromptError, match="10,000,000 characters long; at most 2,000,000"):
        fit(InfillRequest("x" * 9_999_999, "y", PARAMS), resident, overflow="trim")
    assert MAX_PROMPT_CHARS == 2_000_000


# Fitting


@pytest.mark.parametrize("overflow", ["trim", "refuse"])
def test_a_prompt_that_leaves_one_token_is_taken_whole(
    starcoder: ResidentModel, overflow: Overflow
) -> None:
    fitted = fit(CompletionRequest("x" * 99, PARAMS), starcoder, overflow=overflow)
    assert len(fitted.generation.prompt_ids) == 99
    assert fitted.generation.params == replace(PARAMS, max_new_tokens=1)
    assert fitted.dropped == ()


def test_a_prompt_over_the_window_is_refused_with_the_numbers(starcoder: ResidentModel) -> None:
    with pytest.raises(ContextLengthError) as caught:
        fit(CompletionRequest("x" * 100, PARAMS), starcoder, overflow="refuse")
    assert (caught.value.num_tokens, caught.value.limit) == (100, 99)
    assert "100 tokens long, 1 over the 99 that fit" in caught.value.message


@pytest.mark.parametrize(("num_chars", "room"), [(80, 20), (81, 19), (60, 20)])
def test_new_tokens_are_clamped_to_what_is_left(
    starcoder: ResidentModel, num_chars: int, room: int
) -> None:
    fitted = fit(CompletionRequest("x" * num_chars, PARAMS), starcoder, overflow="refuse")
    assert fitted.generation.params.max_new_tokens == room


def test_a_long_prompt_keeps_its_end(starcoder: ResidentModel) -> None:
    text = "a" * 50 + "b" * 80
    fitted = fit(CompletionRequest(text, PARAMS), starcoder, overflow="trim")
    assert decoded(starcoder, fitted.generation.prompt_ids) == "b" * 80
    assert fitted.prompt == (Text("b" * 80, "prompt"),)
    assert fitted.dropped == (Dropped("prompt", "start", 50),)
    assert fitted.generation.params.max_new_tokens == 20


def test_the_completion_takes_at_most_half_of_the_window_from_a_long_prompt(
    starcoder: ResidentModel,
) -> None:
    request = CompletionRequest("x" * 200, SamplingParams(max_new_tokens=90))
    generation = fit(request, starcoder, overflow="trim").generation
    assert len(generation.prompt_ids) == 50
    assert generation.params.max_new_tokens == 50


def test_trimming_tears_no_character(starcoder: ResidentModel) -> None:
    text = "🙂" * 40 + "xxx"
    fitted = fit(CompletionRequest(text, PARAMS), starcoder, overflow="trim")
    assert fitted.prompt == (Text("🙂" * 19 + "xxx", "prompt"),)
    assert fitted.dropped == (Dropped("prompt", "start", 163 - 79),)


@pytest.mark.parametrize(
    ("prefix_chars", "suffix_chars", "kept_prefix", "kept_suffix"),
    [
        # 80 are left for the prompt, 3 of them are the infill tokens.
        (100, 100, 58, 19),
        (100, 10, 67, 10),
        (10, 100, 10, 67),
        (200, 0, 77, 0),
        (0, 200, 0, 77),
    ],
)
def test_an_infill_keeps_what_is_next_to_the_gap(
    starcoder: ResidentModel,
    prefix_chars: int,
    suffix_chars: int,
    kept_prefix: int,
    kept_suffix: int,
) -> None:
    prefix = "a" * (prefix_chars - kept_prefix) + "p" * kept_prefix
    suffix = "s" * kept_suffix + "b" * (suffix_chars - kept_suffix)
    fitted = fit(InfillRequest(prefix, suffix, PARAMS), starcoder, overflow="trim")
    assert render(fitted.prompt) == (
        f"<fim_prefix>{'p' * kept_prefix}<fim_suffix>{'s' * kept_suffix}<fim_middle>"
    )
    assert len(fitted.generation.prompt_ids) == 80
    expected = (
        Dropped("prefix", "start", prefix_chars - kept_prefix),
        Dropped("suffix", "end", suffix_chars - kept_suffix),
    )
    assert fitted.dropped == tuple(item for item in expected if item.num_tokens)


def test_an_infill_drops_other_files_first_and_the_oldest_first(starcoder2: ResidentModel) -> None:
    files = tuple(RepositoryFile(f"{name}.py", "x" * 25) for name in "abc")
    request = InfillRequest("p", "s", PARAMS, path="d.py", context=files)
    fitted = fit(request, starcoder2, overflow="trim")
    kept = "".join(f"<file_sep>{name}.py\n{'x' * 25}" for name in "bc")
    assert render(fitted.prompt) == (
        f"{kept}<file_sep><fim_prefix>d.py\np<fim_suffix>s<fim_middle>"
    )
    assert fitted.dropped == (Dropped("context", "start", 31),)


def test_a_path_that_fills_the_window_is_refused(starcoder2: ResidentModel) -> None:
    request = InfillRequest("p", "s", PARAMS, path="d" * 100)
    with pytest.raises(ContextLengthError) as caught:
        fit(request, starcoder2, overflow="trim")
    assert "path" in caught.value.advice


# <|system|>\n…<|end|>\n is 4 tokens and its text, as is each turn; <|assistant|> is one more.


def test_a_long_chat_loses_its_oldest_turns_and_keeps_its_system_prompt(
    starchat: ResidentModel,
) -> None:
    texts = ("q1" * 10, "a1" * 10, "q2" * 5, "a2" * 5, "last" * 5)
    fitted = fit(chat(*texts, system="sys"), starchat, overflow="trim")
    assert render(fitted.prompt) == (
        "<|system|>\nsys<|end|>\n<|user|>\nq2q2q2q2q2<|end|>\n<|assistant|>\na2a2a2a2a2<|end|>\n"
        "<|user|>\nlastlastlastlastlast<|end|>\n<|assistant|>"
    )
    assert fitted.dropped == (Dropped("user", "start", 2 * 24, num_turns=1),)


def test_a_last_message_that_leaves_little_room_is_still_taken(starchat: ResidentModel) -> None:
    # 4 + 4 + 85 + 1 tokens: over the 80 aimed at, within the 99 that fit.
    fitted = fit(chat("q" * 30, "a" * 30, "x" * 85), starchat, overflow="trim")
    assert len(fitted.generation.prompt_ids) == 94
    assert fitted.generation.params.max_new_tokens == 6
    assert fitted.dropped == (Dropped("user", "start", 68, num_turns=1),)


def test_a_last_message_over_the_window_is_refused_with_its_numbers(
    starchat: ResidentModel,
) -> None:
    with pytest.raises(ContextLengthError) as caught:
        fit(chat("q" * 30, "a" * 30, "x" * 95), starchat, overflow="trim")
    assert (caught.value.num_tokens, caught.value.limit) == (104, 99)
    assert "last message" in caught.value.advice


def test_a_long_chat_is_refused_whole_where_trimming_is_not_asked_for(
    starchat: ResidentModel,
) -> None:
    with pytest.raises(ContextLengthError) as caught:
        fit(chat("q" * 50, "a" * 50, "x"), starchat, overflow="refuse")
    assert caught.value.num_tokens == 4 + 54 + 54 + 5 + 1


@given(
    sizes=st.lists(st.integers(1, 60), min_size=1, max_size=9).filter(lambda s: len(s) % 2),
    max_new_tokens=st.integers(1, 200),
)
def test_whatever_is_trimmed_fits_and_adds_up(
    starchat: ResidentModel, sizes: list[int], max_new_tokens: int
) -> None:
    params = SamplingParams(max_new_tokens=max_new_tokens)
    request = chat(*("x" * size for size in sizes), params=params)
    fitted = fit(request, starchat, overflow="trim")
    generation = fitted.generation
    assert len(generation.prompt_ids) + generation.params.max_new_tokens <= CONTEXT_LENGTH
    num_whole = 4 + sum(size + 4 for size in sizes) + 1
    num_dropped = sum(item.num_tokens for item in fitted.dropped)
    assert len(generation.prompt_ids) + num_dropped == num_whole
    assert decoded(starchat, generation.prompt_ids).endswith("x" * sizes[-1] + "\n")


def test_a_begun_reply_ends_the_prompt_without_closing_markup(starchat: ResidentModel) -> None:
    request = replace(chat("Hi"), reply="\n  Hello")
    generation = fit(request, starchat, overflow="refuse").generation
    assistant = starchat.tokenizer.special_id("<|assistant|>")
    after = generation.prompt_ids[generation.prompt_ids.index(assistant) + 1 :]
    assert starchat.tokenizer.decode(after) == "\n\n  Hello"
    assert not generation.is_start_stripped


def test_the_white_space_at_the_end_of_a_begun_reply_is_healed(smollm2: ResidentModel) -> None:
    request = replace(chat("Hi"), reply="def f():\n    ")
    healed = fit(request, replace(smollm2, can_heal=True), overflow="refuse")
    assert render(healed.prompt).endswith("assistant\ndef f():")
    assert healed.generation.healed == "\n    "
    kept = fit(request, smollm2, overflow="refuse")
    assert render(kept.prompt).endswith("assistant\ndef f():\n    ")
    assert kept.generation.healed == ""


def test_the_start_of_a_reply_is_text_whatever_it_spells(starchat: ResidentModel) -> None:
    end = starchat.tokenizer.special_id("<|end|>")
    plain = fit(chat("Hi"), starchat, overflow="refuse").generation.prompt_ids
    begun = fit(replace(chat("Hi"), reply="<|end|>"), starchat, overflow="refuse")
    assert begun.generation.prompt_ids.count(end) == plain.count(end)
    with pytest.raises(PromptError, match="start of the reply"):
        fit(replace(chat("Hi"), reply="a\0"), starchat, overflow="refuse")

"""Gaps and their form in tokens, as StarCoder was trained."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model.tokenization import ModelTokenizer, load_tokenizer
from tests.checkpoints import write_embedded_base
from training.fim import (
    IGNORED,
    SHAPES,
    Gap,
    InfillIds,
    Limits,
    cut_gap,
    infill_example,
)

CODE = "def add(a, b):\n    total = a + b\n    if total < 0:\n        return 0\n    return total\n"


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory: pytest.TempPathFactory) -> ModelTokenizer:
    return load_tokenizer(write_embedded_base(tmp_path_factory.mktemp("base")))


def test_psm_shows_prefix_then_suffix_and_learns_the_middle_and_its_end(
    tokenizer: ModelTokenizer,
) -> None:
    ids, encode = InfillIds.of(tokenizer), tokenizer.encode_text
    example = infill_example(Gap("a", "b", "c"), tokenizer, "psm")
    assert example is not None
    prompt = [ids.prefix, *encode("a"), ids.suffix, *encode("c"), ids.middle]
    target = [*encode("b"), ids.end]
    assert example.ids == prompt + target
    assert example.labels == [IGNORED] * len(prompt) + target


def test_spm_shows_the_suffix_first_and_the_prefix_beside_the_middle(
    tokenizer: ModelTokenizer,
) -> None:
    ids, encode = InfillIds.of(tokenizer), tokenizer.encode_text
    example = infill_example(Gap("a", "b", "c"), tokenizer, "spm")
    assert example is not None
    prompt = [ids.prefix, ids.suffix, *encode("c"), ids.middle, *encode("a")]
    assert example.ids == [*prompt, *encode("b"), ids.end]
    assert example.labels[: len(prompt)] == [IGNORED] * len(prompt)


def test_with_the_suffix_first_the_prefixs_white_space_is_spelt_with_the_middle(
    tokenizer: ModelTokenizer,
) -> None:
    ids, encode = InfillIds.of(tokenizer), tokenizer.encode_text
    example = infill_example(Gap("a:\n  ", "b", "c"), tokenizer, "spm")
    assert example is not None
    prompt = [ids.prefix, ids.suffix, *encode("c"), ids.middle, *encode("a:")]
    assert example.ids == [*prompt, *encode("\n  b"), ids.end]
    # What only spells the prefix's white space is given, not asked for.
    assert tokenizer.decode([label for label in example.labels if label >= 0]) == "b"


def test_the_spelling_of_a_special_token_in_code_stays_text(tokenizer: ModelTokenizer) -> None:
    example = infill_example(Gap("<fim_middle>", "<|endoftext|>", ""), tokenizer, "psm")
    assert example is not None
    ids = InfillIds.of(tokenizer)
    assert example.ids.count(ids.middle) == 1
    assert example.ids.count(ids.end) == 1


def test_what_is_nearest_to_the_gap_is_kept(tokenizer: ModelTokenizer) -> None:
    gap = Gap("0123", "x", "4567")
    example = infill_example(gap, tokenizer, "psm", Limits(prefix=2, suffix=1, middle=8))
    assert example is not None
    assert tokenizer.decode(example.ids) == "234x"


def test_a_middle_that_is_too_long_is_no_example(tokenizer: ModelTokenizer) -> None:
    assert infill_example(Gap("", "xyz", ""), tokenizer, "psm", Limits(middle=2)) is None


@given(seed=st.integers(0, 10_000), shape=st.sampled_from(SHAPES))
def test_the_parts_of_a_gap_are_the_text(seed: int, shape: str) -> None:
    gap = cut_gap(CODE, shape, random.Random(seed))
    assert gap.text == CODE
    assert gap.middle


def test_spans_of_characters_begin_within_words_too() -> None:
    starts = {cut_gap(CODE, "characters", random.Random(seed)).prefix[-1:] for seed in range(200)}
    assert any(character.isalpha() for character in starts)


@given(seed=st.integers(0, 10_000))
def test_an_end_reaches_to_the_functions_end(seed: int) -> None:
    assert not cut_gap(CODE, "end", random.Random(seed)).suffix.strip()


@given(seed=st.integers(0, 10_000))
def test_whole_lines_are_cut_before_or_after_the_indentation(seed: int) -> None:
    gap = cut_gap(CODE, "lines", random.Random(seed))
    assert gap.prefix.rpartition("\n")[2].strip() == ""
    assert gap.middle.endswith("\n") or gap.suffix.startswith("\n")

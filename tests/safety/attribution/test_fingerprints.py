"""Fingerprints: the same for the same text wherever it stands, and few."""

from __future__ import annotations

import random

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from safety.attribution.fingerprints import (
    DENSITY,
    GRAM,
    GUARANTEED,
    WINDOW,
    find_fingerprints,
    hash_grams,
)
from safety.attribution.normal_text import normalize


def test_the_guarantee_is_fifty_characters() -> None:
    assert GUARANTEED == 50


@given(st.text(min_size=GRAM, max_size=120), st.text(max_size=60))
def test_a_gram_has_the_same_hash_wherever_it_stands(text: str, before: str) -> None:
    codes = np.frombuffer(text.encode("utf-32-le"), np.uint32)
    others = np.frombuffer((before + text).encode("utf-32-le"), np.uint32)
    assert hash_grams(codes).tolist() == hash_grams(others)[len(before) :].tolist()


ANY = st.text("ab c\n", max_size=80)


@given(st.text("ab c\n", min_size=GUARANTEED, max_size=80), st.tuples(ANY, ANY, ANY, ANY))
@settings(max_examples=300)
def test_texts_that_share_fifty_characters_share_a_fingerprint(
    shared: str, around: tuple[str, str, str, str]
) -> None:
    assume(len(normalize(f"|{shared}|")) >= GUARANTEED)
    before, after, other_before, other_after = around
    one = normalize(f"{before}|{shared}|{after}")
    other = normalize(f"{other_before}|{shared}|{other_after}")
    assert {*find_fingerprints(one)[0].tolist()} & {*find_fingerprints(other)[0].tolist()}


@pytest.mark.parametrize("length", [0, 1, GRAM - 1, GRAM, GUARANTEED - 1])
def test_a_text_shorter_than_the_guarantee_has_none(length: int) -> None:
    hashes, positions = find_fingerprints(normalize("x" * length))
    assert len(hashes) == len(positions) == 0


def test_one_in_six_is_kept_and_no_gap_is_wider_than_a_row() -> None:
    rng = random.Random(1)
    text = normalize("".join(rng.choices("abcdefgh", k=200_000)))
    _, positions = find_fingerprints(text)
    assert len(positions) / len(text) == pytest.approx(DENSITY, rel=0.02)
    assert np.diff(positions).max() <= WINDOW
    assert (np.diff(positions) > 0).all()

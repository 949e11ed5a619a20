"""The labelled set of personal data is what it says, and its frozen half stays as it was."""

from __future__ import annotations

import hashlib
from random import Random

import pytest

from benchmarks.pii_set.snippets import Label, fill, read_half

# Of the half that was written before there was a detector. It changes with no one's tuning.
FROZEN = "816f98415be66642f3d80a94b1cd3a0ebcf50c95b81953b88f5e611951da1d3c"


def test_the_frozen_half_is_the_one_that_was_frozen() -> None:
    told = "\0".join(f"{one.name}\0{one.text}\0{one.labels}" for one in read_half("frozen"))
    assert hashlib.sha256(told.encode()).hexdigest() == FROZEN


def test_labels_are_the_slots_in_capitals_and_nothing_else() -> None:
    text, labels = fill("to «EMAIL», «sha1» or «one|one»\n", Random(1))
    (label,) = labels
    assert label == Label("EMAIL", 3, text.index(","))
    assert "@" in text[label.start : label.end]
    assert text.endswith(" or one\n")


def test_a_slot_without_a_value_is_refused() -> None:
    with pytest.raises(KeyError):
        fill("«EMIAL»", Random(1))

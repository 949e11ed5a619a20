"""Labels of tokens become spans of the text."""

from __future__ import annotations

import re

import pytest

from safety.entities import TokenLabel, kind_of, merge
from safety.spans import Span


def label(text: str, *labels: str, probability: float = 0.9) -> list[TokenLabel]:
    """A token is a word with the space before it."""
    places = [match.span() for match in re.finditer(r"\s*\S+", text)]
    return [
        TokenLabel(*place, name, probability) for place, name in zip(places, labels, strict=True)
    ]


def values(spans: list[Span]) -> list[tuple[str, str]]:
    return [(span.kind, span.value) for span in spans]


def test_a_name_of_two_tokens_is_one_span_without_the_space_before_it() -> None:
    text = "by Eva Berg today"
    spans = merge(text, label(text, "O", "B-NAME", "I-NAME", "O"))
    assert spans == [Span(3, 11, "NAME", "Eva Berg", 0.9)]


def test_entities_may_begin_and_end_with_the_text() -> None:
    text = "Eva Berg"
    assert values(merge(text, label(text, "B-NAME", "I-NAME"))) == [("NAME", "Eva Berg")]
    assert merge("", []) == []


def test_a_second_begin_after_a_space_is_a_second_entity() -> None:
    text = "Eva Max"
    assert values(merge(text, label(text, "B-NAME", "B-NAME"))) == [
        ("NAME", "Eva"),
        ("NAME", "Max"),
    ]


def test_a_second_begin_with_nothing_before_it_goes_on() -> None:
    tokens = [TokenLabel(0, 3, "B-KEY", 1.0), TokenLabel(3, 6, "B-KEY", 0.5)]
    assert merge("k3yk3y", tokens) == [Span(0, 6, "KEY", "k3yk3y", 0.75)]


def test_an_inside_without_a_begin_begins_and_another_kind_ends() -> None:
    text = "Eva Berg hunter2"
    spans = merge(text, label(text, "I-NAME", "I-NAME", "I-PASSWORD"))
    assert values(spans) == [("NAME", "Eva Berg"), ("PASSWORD", "hunter2")]


def test_a_token_outside_parts_two_entities() -> None:
    text = "Eva and Max"
    spans = merge(text, label(text, "B-NAME", "O", "I-NAME"))
    assert values(spans) == [("NAME", "Eva"), ("NAME", "Max")]


def test_tokens_that_are_parts_of_one_character_are_one_entity() -> None:
    tokens = [TokenLabel(0, 1, "B-NAME", 0.8), TokenLabel(0, 1, "B-NAME", 0.6)]
    assert merge("é", tokens) == [Span(0, 1, "NAME", "é", 0.7)]


@pytest.mark.parametrize(
    ("text", "kind", "value"),
    [
        ("(@eva-berg),", "USERNAME", "eva-berg"),
        ('"eva@velomat.io";', "EMAIL", "eva@velomat.io"),
        ('"hunter2!"', "PASSWORD", "hunter2!"),
        ("'-k3y=='", "KEY", "-k3y=="),
        (":93.184.216.34:", "IP_ADDRESS", "93.184.216.34"),
        ("[2a01:4f8::]", "IP_ADDRESS", "2a01:4f8::"),
    ],
)
def test_what_stands_around_a_value_is_left_out(text: str, kind: str, value: str) -> None:
    spans = merge(text, label(text, f"B-{kind}"))
    assert values(spans) == [(kind, value)]
    assert text[spans[0].start : spans[0].end] == value


def test_an_entity_of_nothing_but_space_and_marks_is_none() -> None:
    assert merge(" -- ", [TokenLabel(0, 4, "B-NAME", 1.0)]) == []


@pytest.mark.parametrize("name", ["O", "B-AMBIGUOUS", "I-EMAIL_EXAMPLE", "B-ID", "LABEL_3"])
def test_other_labels_are_no_kind(name: str) -> None:
    assert kind_of(name) is None


def test_labels_without_a_scheme_are_read() -> None:
    assert kind_of("NAME") == kind_of("B-NAME") == kind_of("I-NAME") == "NAME"

"""Redaction puts BigCode's replacements where the spans are, the same for the same value."""

from __future__ import annotations

import ipaddress

import pytest

from safety.detector import PatternDetector
from safety.redaction import PRIVATE_IPV4, PRIVATE_IPV6, redact, replacement
from safety.spans import Kind, Span


def span(text: str, value: str, kind: Kind, start: int = 0) -> Span:
    place = text.index(value, start)
    return Span(place, place + len(value), kind, value, 0.9)


def test_each_kind_has_its_replacement() -> None:
    text = "Eva Berg, eva@velomat.io, pw hunter2, key k3y, login evab"
    kinds: dict[str, Kind] = {
        "Eva Berg": "NAME",
        "eva@velomat.io": "EMAIL",
        "hunter2": "PASSWORD",
        "k3y": "KEY",
        "evab": "USERNAME",
    }
    spans = [span(text, value, kind) for value, kind in kinds.items()]
    assert redact(text, spans) == ("<NAME>, <EMAIL>, pw <PASSWORD>, key <KEY>, login <USERNAME>")


def test_addresses_become_private_ones_of_their_family_and_the_same_the_same() -> None:
    text = "93.184.216.34 2a01:4f8::7:1 93.184.216.34"
    first, six, second = redact(text, PatternDetector().find(text)).split(" ")
    assert first == second
    assert first in PRIVATE_IPV4
    assert six in PRIVATE_IPV6
    assert all(ipaddress.ip_address(one).is_private for one in PRIVATE_IPV4 + PRIVATE_IPV6)


def test_all_five_replacements_are_used() -> None:
    values = [f"93.184.216.{number}" for number in range(100)]
    spans = [span(value, value, "IP_ADDRESS") for value in values]
    assert {replacement(one) for one in spans} == set(PRIVATE_IPV4)


def test_what_was_redacted_has_nothing_more_to_find() -> None:
    text = 'mail = "eva@velomat.io"; host = "93.184.216.34"; six = "2a01:4f8::7:1"'
    detector = PatternDetector()
    assert len(detector.find(text)) == 3
    assert detector.find(redact(text, detector.find(text))) == []


def test_a_value_that_is_taken_for_two_kinds_keeps_its_first_replacement() -> None:
    text = "hunter2 and hunter2"
    spans = [span(text, "hunter2", "PASSWORD"), span(text, "hunter2", "KEY", start=3)]
    given: dict[str, str] = {}
    assert redact(text, spans, given) == "<PASSWORD> and <PASSWORD>"
    assert redact("hunter2", [span("hunter2", "hunter2", "KEY")], given) == "<PASSWORD>"


def test_a_text_without_spans_stays() -> None:
    assert redact("nothing\r\n", []) == "nothing\r\n"


def test_spans_of_another_text_or_over_each_other_are_refused() -> None:
    with pytest.raises(ValueError, match="not of this text"):
        redact("abc", [Span(0, 2, "KEY", "xy", 0.9)])
    with pytest.raises(ValueError, match="overlap"):
        redact("abc", [Span(0, 2, "KEY", "ab", 0.9), Span(1, 3, "KEY", "bc", 0.9)])

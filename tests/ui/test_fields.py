from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from ui.fields import Fields

FIELDS = Fields.parse('{"a": "x", "n": 1.5, "none": null, "l": [1], "o": {"b": 2}}', "The file")


def test_what_is_there_is_read_as_what_it_is() -> None:
    assert FIELDS.text("a") == "x"
    assert (FIELDS.number("n"), FIELDS.number("none"), FIELDS.number("absent")) == (1.5, None, None)
    assert FIELDS.list("l") == [1]
    assert FIELDS.object("o").number("b") == 2
    assert FIELDS.choice("a", None, "x") == "x"
    assert FIELDS.choice("none", None, "x") is None


@pytest.mark.parametrize(
    ("read", "words"),
    [
        (lambda: FIELDS.text("n"), "The file has no text 'n'"),
        (lambda: FIELDS.number("a"), "no number 'a'"),
        (lambda: Fields({"n": True}, "It").number("n"), "It has no number"),
        (lambda: FIELDS.list("o"), "no list 'o'"),
        (lambda: FIELDS.object("l"), "The file's l is not an object"),
        (lambda: FIELDS.object("o").text("c"), "The file's o has no text"),
        (lambda: FIELDS.choice("a", None, "y"), "no 'a' among null, 'y'"),
        (lambda: FIELDS.choice("absent", None), "no 'absent'"),
    ],
)
def test_something_else_is_refused_by_its_name(read: Callable[[], Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        read()


@pytest.mark.parametrize("text", ["", "{", '{"n": NaN}', "[" * 100_000, '{"n": 1' + "0" * 5000])
def test_what_is_not_json_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="The file is not JSON"):
        Fields.parse(text, "The file")

from __future__ import annotations

import ast
import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from ui.literals import json_object, python_call, python_source

TEXTS = st.text(st.characters(exclude_categories=["Cs"]))
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False, width=32)
    | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
)


@given(VALUES)
def test_python_reads_the_value_back(value: Any) -> None:
    assert ast.literal_eval(python_source(value)) == value


@given(st.dictionaries(TEXTS, VALUES, max_size=4))
def test_json_reads_the_fields_back(fields: dict[str, Any]) -> None:
    assert json.loads(json_object(fields)) == fields


@given(st.lists(TEXTS, min_size=1, max_size=3))
def test_nothing_unseen_is_written_out(texts: list[str]) -> None:
    for source in (json_object({"texts": texts}), python_source(texts)):
        assert all(character.isprintable() or character == "\n" for character in source)


@given(st.lists(TEXTS, min_size=1, max_size=3))
def test_no_line_of_json_ends_a_here_document(texts: list[str]) -> None:
    lines = json_object({"EOF": texts, "text": "\nEOF\n"}).split("\n")
    assert "EOF" not in lines


def test_a_text_of_several_lines_has_as_many() -> None:
    assert python_call("f", {"text": "a\n  b\n", "n": 1, "stop": ["x\ny"]}) == (
        'f(\n    text=(\n        "a\\n"\n        "  b\\n"\n    ),\n    n=1,\n    stop=["x\\ny"],\n)'
    )


def test_what_can_be_read_is_left_readable() -> None:
    assert json_object({"text": "é😀 'x' $y"}) == '{\n  "text": "é😀 \'x\' $y"\n}'
    assert python_source("\U000e0001😀\x7f") == '"\\U000e0001😀\\u007f"'

"""Where a block of Python ends, while it is being written."""

from __future__ import annotations

import textwrap

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ui.python_blocks import find_python_end


def cut(prompt: str, generated: str, *, is_function: bool = True) -> str | None:
    """What of `generated` belongs to the block; None where its end is not seen."""
    end = find_python_end(prompt + generated, len(prompt), is_function=is_function)
    return None if end is None else (prompt + generated)[len(prompt) : end]


def test_a_function_ends_before_the_next_line_that_is_indented_as_its_header() -> None:
    body = "    if n < 2:\n        return n\n    return fib(n - 1) + fib(n - 2)\n"
    assert cut("def fib(n):\n", body + "\n\ndef main():\n") == body


def test_a_function_has_not_ended_while_nothing_follows_it() -> None:
    assert cut("def fib(n):\n", "    return n\n") is None
    assert cut("def fib(n):\n", "    return n\n\n\n") is None


def test_a_header_that_is_still_being_typed_is_the_function() -> None:
    assert cut("class A:\n    def get(self", "):\n        return 1\n\n    def set(self):") == (
        "):\n        return 1\n"
    )


def test_a_decorator_of_the_next_function_is_not_of_this_one() -> None:
    assert cut("def a():\n", "    pass\n\n@cache\ndef b():\n") == "    pass\n"


def test_a_nested_function_does_not_end_its_outer_one() -> None:
    body = "    def inner():\n        return 1\n    return inner\n"
    assert cut("def outer():\n", body + "x = 1\n") == body


def test_the_innermost_function_at_the_caret_ends() -> None:
    prompt = "def outer():\n    def inner():\n"
    assert cut(prompt, "        return 1\n    return inner\n") == "        return 1\n"


def test_of_a_prompt_outside_of_functions_the_next_one_ends() -> None:
    body = "import os\n\ndef name():\n    return os.name\n"
    assert cut("# the system's name\n", body + "\nprint(name())\n") == body


def test_a_method_of_a_class_that_is_written_ends_at_the_next() -> None:
    first = "    def one(self):\n        return 1\n"
    assert cut("class A:\n", first + "\n    def two(self):\n") == first


def test_a_function_on_one_line_ends_with_it() -> None:
    assert cut("def one(): ", "return 1\nx = 2\n") == "return 1\n"


@pytest.mark.parametrize(
    "text",
    [
        '    """Text\nat the margin: def x():\n    """\n    return 1\n',
        "    return '''\nnot code\n'''\n",
        "    return [\n1,\n2,\n]\n",
        "    return 1 + \\\n2\n",
        "    x = 'a # b'  # (\n    return x\n",
        "    x = '\\''\n    return x\n",
        "    # a comment\n\n    return 1\n",
    ],
)
def test_what_stands_at_the_margin_inside_of_strings_and_brackets_ends_nothing(text: str) -> None:
    assert cut("def f():\n", text) is None
    assert cut("def f():\n", text + "print(1)\n") == text


def test_a_comment_goes_with_what_it_is_indented_as() -> None:
    assert cut("def f():\n", "    return 1\n    # the end\n# next\nx = 1\n") == (
        "    return 1\n    # the end\n"
    )


@pytest.mark.parametrize("word", ["else:", "elif b:"])
def test_else_goes_on_with_the_block_of_its_if(word: str) -> None:
    body = f"    x = 1\n{word}\n    x = 2\n"
    assert cut("if a:\n", body + "print(x)\n", is_function=False) == body


def test_except_and_finally_go_on_with_the_block_of_their_try() -> None:
    body = "    x = 1\nexcept ValueError:\n    x = 2\nfinally:\n    x = 3\n"
    assert cut("try:\n", body + "print(x)\n", is_function=False) == body


def test_a_word_that_only_begins_like_else_is_waited_for() -> None:
    assert cut("if a:\n", "    x = 1\nel", is_function=False) is None
    assert cut("if a:\n", "    x = 1\nelements = 1", is_function=False) == "    x = 1\n"


def test_a_block_ends_where_its_function_goes_on() -> None:
    prompt = "def f(items):\n    for item in items:\n"
    assert cut(prompt, "        print(item)\n    return 1\n", is_function=False) == (
        "        print(item)\n"
    )


def test_white_space_at_the_prompts_end_is_part_of_the_indentation() -> None:
    assert cut("def f():\n    ", "return 1\nprint(f())\n") == "return 1\n"


def test_tabs_and_carriage_returns_are_read_as_python_does() -> None:
    assert cut("def f():\r\n", "\treturn 1\r\n\r\nx = 1\r\n") == "\treturn 1\r\n"


def test_the_end_is_found_in_real_code_as_the_compiler_sees_it() -> None:
    source = textwrap.dedent(find_python_end.__doc__ or "")
    text = f'def f():\n    """{source}"""\n    return 1\n'
    assert cut(text, "    return 2\n\n\nasync def g():\n    pass\n") == "    return 2\n"


@given(st.text(alphabet="def f():\n\t #'\"[]\\x=1elsi", max_size=60), st.booleans())
def test_once_it_is_found_the_end_stays_where_it_is(text: str, is_function: bool) -> None:
    prompt = "def f():\n"
    found = None
    for size in range(len(text) + 1):
        end = find_python_end(prompt + text[:size], len(prompt), is_function=is_function)
        if found is not None:
            assert end == found
        found = end if found is None else found

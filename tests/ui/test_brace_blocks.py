"""Where a block in braces ends, while it is being written."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ui.brace_blocks import find_brace_end


def cut(prompt: str, generated: str, lexer: str = "c", *, is_function: bool = True) -> str | None:
    """What of `generated` belongs to the block; None where its end is not seen."""
    end = find_brace_end(prompt + generated, len(prompt), lexer, is_function=is_function)
    return None if end is None else (prompt + generated)[len(prompt) : end]


@pytest.mark.parametrize(
    ("lexer", "prompt", "body"),
    [
        ("c", "int add(int a, int b) {\n", "    return a + b;\n}\n"),
        ("c", "int add(int a, int b)\n", "{\n    return a + b;\n}\n"),
        ("cpp", "int A::size() const {\n", "    return size_;\n}\n"),
        ("java", "class A {\n  int one() throws IOException {\n", "    return 1;\n  }\n"),
        ("javascript", "function add(a, b) {\n", "  if (a) { return b; }\n  return a + b;\n}\n"),
        ("javascript", "const add = (a, b) => {\n", "  return a + b;\n};\n"),
        ("typescript", "function add(a: number): number {\n", "  return a;\n}\n"),
        ("go", "func (r *R) Get(key string) (int, error) {\n", "\treturn 0, nil\n}\n"),
        ("rust", "fn first<'a>(x: &'a str) -> &'a str {\n", "    x\n}\n"),
        ("kotlin", "fun add(a: Int, b: Int): Int {\n", "    return a + b\n}\n"),
        ("swift", "func add(_ a: Int) -> Int {\n", "    return a\n}\n"),
        ("php", "function add($a) {\n", "    return $a;\n}\n"),
    ],
)
def test_a_function_ends_behind_its_brace(lexer: str, prompt: str, body: str) -> None:
    assert cut(prompt, body + "\nnext();\n", lexer) == body


def test_a_loop_inside_of_a_function_does_not_end_it() -> None:
    body = "  for (int i = 0; i < n; i++) {\n    f(i);\n  }\n  return n;\n}\n"
    assert cut("int f(int n) {\n", body + "int g;\n") == body


def test_the_block_at_the_caret_ends_before_its_function() -> None:
    prompt = "int f(int n) {\n  while (n) {\n"
    assert cut(prompt, "    n--;\n  }\n  return n;\n}\n", is_function=False) == "    n--;\n  }\n"
    assert cut(prompt, "    n--;\n  }\n  return n;\n}\nx", is_function=True) == (
        "    n--;\n  }\n  return n;\n}\n"
    )


@pytest.mark.parametrize("word", ["else", "catch (e)", "finally"])
def test_what_goes_on_with_a_block_belongs_to_it(word: str) -> None:
    body = f"  a();\n}} {word} {{\n  b();\n}}\n"
    assert cut("if (x) {\n", body + "c();\n", "javascript", is_function=False) == body


def test_a_word_that_only_begins_like_else_is_waited_for() -> None:
    assert cut("if (x) {\n", "  a();\n}\nel", is_function=False) is None
    assert cut("if (x) {\n", "  a();\n}\nelements();", is_function=False) == "  a();\n}\n"


@pytest.mark.parametrize(
    ("lexer", "line"),
    [
        ("c", 'printf("}");'),
        ("c", "char c = '}';"),
        ("c", "// }"),
        ("c", "/* }\n } */"),
        ("javascript", "x = `}${1}`;"),
        ("javascript", "x = y.match(/[}/]}/);"),
        ("javascript", "x = '}';"),
        ("rust", 'let x = r#"}"}"#;'),
        ("kotlin", 'val x = """}"}"""'),
        ("go", "x := `}`"),
    ],
)
def test_braces_in_strings_and_comments_end_nothing(lexer: str, line: str) -> None:
    body = f"  {line}\n}}\n"
    assert cut("f() {\n", f"  {line}\n", lexer) is None
    assert cut("f() {\n", body + "g();\n", lexer) == body


def test_what_closes_with_the_function_goes_with_it() -> None:
    assert cut("app.get('/', (req, res) => {\n", "  res.end();\n});\napp", "javascript") == (
        "  res.end();\n});\n"
    )


def test_an_end_is_not_told_before_it_is_sure() -> None:
    assert cut("f() {\n", "  g();\n}") is None
    assert cut("f() {\n", "  g();\n};") is None


def test_of_a_prompt_outside_of_functions_the_next_one_ends() -> None:
    body = "#include <x.h>\n\nint f(void) {\n  return 1;\n}\n"
    assert cut("// one\n", body + "int g;\n") == body


def test_a_class_is_entered_on_the_way_to_its_first_method() -> None:
    body = "  int one() {\n    return 1;\n  }\n"
    assert cut("class A {\n", body + "\n  int two() {\n", "java") == body


def test_a_brace_too_many_ends_nothing_that_was_not_begun() -> None:
    assert cut("x = 1;\n", "}\n}\n") is None


@example("}//", False)
@example("}'i'", False)
@example("}\n//", True)
@given(st.text(alphabet="if(){}\n ;,'\"/*elsx", max_size=60), st.booleans())
def test_once_it_is_found_the_end_stays_where_it_is(text: str, is_function: bool) -> None:
    prompt = "f() {\n"
    found = None
    for size in range(len(text) + 1):
        end = find_brace_end(prompt + text[:size], len(prompt), "c", is_function=is_function)
        if found is not None:
            assert end == found
        found = end if found is None else found

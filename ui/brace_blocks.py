"""Where a block in braces ends, in a text in a C-like language that is still being written."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

# Where a character stands in single quotes, and a lone one is something else: a lifetime, a digit
# separator.
_CHARACTERS = frozenset({"c", "cpp", "csharp", "go", "java", "kotlin", "rust", "scala", "swift"})
_REGEXES = frozenset({"javascript", "typescript"})
BRACE_LEXERS = _CHARACTERS | _REGEXES | {"dart", "objective-c", "php"}

_COMMENT = r"//[^\n]*|/\*.*?(?:\*/|\Z)"
_LONG = r'"""(?:\\.|(?!""").)*(?:"""|\Z)|`(?:\\.|[^`\\])*(?:`|\Z)|r(#+)".*?(?:"\1|\Z)'
# At the end of what is still being written, what may be a comment's or a character's beginning.
_BEGUN = re.compile(r"(?:/|'(?:\\[^\n]{0,8}|[^'\\\n]?))\Z")
_DOUBLE = r'"(?:\\.|[^"\\\n])*(?:"|(?=\n)|\Z)'
_SINGLE = r"'(?:\\.|[^'\\\n])*(?:'|(?=\n)|\Z)"
_CHARACTER = r"'(?:\\[^\n]{1,8}?|[^'\\\n])'"
_REGEX = r"(?<=[=(,:\[!&|?{};\n])[ \t]*/(?![/*])(?:\\.|\[[^\]\n]*\]|[^/\\\n\[])+/"

_CONTROL = re.compile(
    r"(?:else|if|for|foreach|while|switch|catch|with|match|do|try|loop|guard|when|unless|using"
    r"|synchronized|lock|select|unsafe)\b"
)
# What may stand between a function's parameters and its body.
_FUNCTION = re.compile(
    r"=>\s*\Z|\)\s*(?:(?:const|noexcept|override|final|async|throws|rethrows)\b[\w\s.,]*"
    r"|(?:->|:)[^;{}]*|where\b[^;{}]*|\(?[\w\s.,*\[\]]*\)?)?\s*\Z"
)
_STATEMENT_END = re.compile(r"[{};]")
_CONTINUES = re.compile(r"\s*(else|catch|finally)\b")
_CLOSERS = re.compile(r"[ \t]*[)\]]*[;,]?")


@dataclass(frozen=True, slots=True)
class _Brace:
    """`is_function` is of what an opening one opens."""

    place: int
    is_open: bool
    is_function: bool = False


def find_brace_end(text: str, at: int, lexer: str, *, is_function: bool) -> int | None:
    """Where the block that is being written at `at` ends; None while that is not seen.

    It has ended behind its closing brace, with what closes there too, and not where `else` or its
    like goes on with it.

    Args:
        lexer: one of `BRACE_LEXERS`.
        is_function: the innermost function rather than the innermost block. Where there is none,
            the next that begins.
    """
    code = _without_text(text, lexer)
    opened: list[_Brace] = []
    goal: int | None = None  # how many are open once the block is closed
    for brace in _braces(code):
        if goal is None and brace.place >= at:
            goal = _goal_before(opened, code, at, brace, is_function=is_function)
        if brace.is_open:
            opened.append(brace)
            if goal is None and (brace.is_function or not is_function) and brace.place >= at:
                goal = len(opened) - 1
        elif opened:
            opened.pop()
            if goal == len(opened) and brace.place >= at:
                end = _end_behind(code, brace.place + 1, is_function=is_function)
                if end is not None:
                    return end if end >= 0 else None
    return None


def _goal_before(
    opened: list[_Brace], code: str, at: int, brace: _Brace, *, is_function: bool
) -> int | None:
    """The same at the first brace after `at`; None where the block is still to begin."""
    if brace.is_open and _is_header_typed(code, at, brace.place):
        return None
    wanted = [n for n, one in enumerate(opened) if one.is_function or not is_function]
    return wanted[-1] if wanted else None


def _is_header_typed(code: str, at: int, place: int) -> bool:
    """Whether the line that `at` stands in begins the block which opens at `place`."""
    row = code[code.rfind("\n", 0, at) + 1 : at].strip()
    if not row or row[-1] in ";{},":
        return False
    is_on_one_line = "\n" not in code[at:place].rstrip()
    return is_on_one_line or row.count("(") > row.count(")")


def _end_behind(code: str, place: int, *, is_function: bool) -> int | None:
    """The block's end, where its last brace stands before `place`.

    None where it goes on, -1 where that cannot be told yet.
    """
    rest = code[place:]
    ahead = rest.lstrip()
    if not is_function:
        if any(word.startswith(ahead) for word in ("else", "catch", "finally")):
            return -1
        if _CONTINUES.match(rest):
            return None
    closers = _CLOSERS.match(rest)
    assert closers is not None  # it can be empty
    if closers.end() == len(rest):
        return -1
    end = place + (closers.end() if closers[0].strip() else 0)
    return end + 1 if code[end] == "\n" else end


def _braces(code: str) -> Iterator[_Brace]:
    last = 0
    for found in re.finditer(r"[{}]|;(?=\s*\n)", code):
        if found[0] == "{":
            head = code[last : found.start()].strip()
            is_function = bool(_FUNCTION.search(head)) and not _CONTROL.match(head)
            yield _Brace(found.start(), True, is_function)
        elif found[0] == "}":
            yield _Brace(found.start(), False)
        last = found.end()


def _without_text(text: str, lexer: str) -> str:
    """`text` with blanks for what stands in strings and comments, at the same places."""

    def blank(found: re.Match[str]) -> str:
        return re.sub(r"[^\n]", " ", found[0])

    code = _strings(lexer).sub(blank, text)
    return _BEGUN.sub(blank, code)


@cache
def _strings(lexer: str) -> re.Pattern[str]:
    single = _CHARACTER if lexer in _CHARACTERS else _SINGLE
    parts = [_COMMENT, _LONG, _DOUBLE, single, *([_REGEX] if lexer in _REGEXES else [])]
    return re.compile("|".join(parts), re.DOTALL)

"""Where a middle goes on into what its suffix already holds.

Models that fill in are known to write past the gap's end: the suffix's first lines once more, or
the bracket that closes the line although it stands after the gap.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice

# Letters and digits. With fewer, a repeated line is no sign by itself: `return result` stands in
# many places by right. Measured on gaps in Python's library, see the tests.
MIN_TELLING = 13
# The same, where the middle ends as the suffix begins: enough for a word, too many for `i += 1`.
MIN_ENDING = 3
# Compared at most: what tells nothing for so long is a table or a row of brackets.
MAX_LINES = 100

_BLANK_LINES = re.compile(r"(?:[^\S\n]*\n)*")
_PAIRS = (("(", ")"), ("[", "]"), ("{", "}"))
_LINE_ENDS = frozenset({":", ";", ","})


def split_overlap(prefix: str, middle: str, suffix: str) -> tuple[str, str]:
    """`middle` as what stays and what repeats the suffix's head; together they are `middle`.

    The head is the suffix's first line that is not blank or, where the gap is inside a line, what
    is left of that line. The repetition begins at the first generated line that equals the head,
    indentation and all, or that ends as the head does where the gap is inside a line. All that
    comes after is cut with it, and the white space before it as far as the suffix has it, too.

    Code may say the same twice by right, and in doubt nothing is cut. So such a line counts only

    - where the lines from there on are the suffix's for `MIN_TELLING` letters and digits;
    - or where they are the suffix's to the middle's end, for `MIN_ENDING` letters and digits, or
      prefix, middle and suffix balance in brackets and quotes without them and not with them;
    - or where the middle ends with the colon, semicolon or comma that would end the line twice.

    It never counts where they balance only with it.
    """
    lead = _BLANK_LINES.match(suffix).group()  # type: ignore[union-attr]  # It matches nothing, too.
    body = suffix[len(lead) :]
    head = _first_line(body)
    if not head:
        return middle, ""
    is_whole_line = bool(lead) or prefix[-1:] in ("", "\n")
    starts = _whole_lines(prefix, middle, head) if is_whole_line else _line_tails(middle, head)
    for start in starts:
        if _is_repetition(prefix + middle[:start], middle[start:], suffix, body):
            kept = _without_shared_end(middle[:start], lead)
            return kept, middle[len(kept) :]
    return middle, ""


def _whole_lines(prefix: str, middle: str, head: str) -> Iterator[int]:
    """Where a line of `middle` begins that equals `head`; the first goes on from `prefix`."""
    indent = prefix.rpartition("\n")[2]
    start = 0
    for number, line in enumerate(middle.split("\n")):
        if number:
            is_same = line.rstrip() == head
        else:
            is_same = not indent.strip() and (indent + line).rstrip() == head
        if is_same:
            yield start
        start += len(line) + 1


def _line_tails(middle: str, head: str) -> Iterator[int]:
    """Where the end of a line of `middle` begins that equals `head`."""
    line_start = 0
    for line in middle.split("\n"):
        start = line_start + len(line.rstrip()) - len(head)
        is_telling = _num_telling(head) >= MIN_TELLING
        if line.rstrip().endswith(head) and (is_telling or not _is_inside_word(middle, start)):
            yield start
        line_start += len(line) + 1


def _is_inside_word(text: str, index: int) -> bool:
    return index > 0 and _is_word(text[index - 1]) and _is_word(text[index])


def _is_word(character: str) -> bool:
    return character.isalnum() or character == "_"


def _is_repetition(before: str, rest: str, suffix: str, body: str) -> bool:
    num_telling, is_to_end = _compare(rest, body)
    # Apostrophes stand in comments, too: quotes count where there is nothing else to go by.
    quotes = "" if _num_telling(_first_line(body)) else "\"'`"
    is_balanced_with = _is_balanced(before + rest + suffix, quotes)
    is_balanced_without = _is_balanced(before + suffix, quotes)
    if is_balanced_with and not is_balanced_without:
        return False
    if num_telling >= MIN_TELLING:
        return True
    if not is_to_end:
        return False
    is_doubled_end = rest.strip() in _LINE_ENDS and rest.strip() == _first_line(body).strip()
    is_mended = is_balanced_without and not is_balanced_with
    return num_telling >= MIN_ENDING or is_mended or is_doubled_end


def _compare(rest: str, body: str) -> tuple[int, bool]:
    """What the lines hold that both texts begin with, and whether `rest` ends with them.

    Blank lines and space at line ends make no difference; the last line of `rest` may be cut off.
    """
    num_telling = 0
    their_lines = _lines(body)
    for number, ours in enumerate(islice(_lines(rest), MAX_LINES)):
        theirs = next(their_lines, "")
        if ours != theirs:
            is_cut_off = number > 0 and theirs.startswith(ours) and rest.rstrip().endswith(ours)
            return num_telling + is_cut_off * _num_telling(ours), is_cut_off
        num_telling += _num_telling(ours)
        if num_telling >= MIN_TELLING:
            return num_telling, False
    return num_telling, True


def _lines(text: str) -> Iterator[str]:
    return (line.rstrip() for line in text.split("\n") if line.strip())


def _first_line(text: str) -> str:
    return text.partition("\n")[0].rstrip()


def _num_telling(text: str) -> int:
    return sum(map(str.isalnum, text))


def _is_balanced(text: str, quotes: str) -> bool:
    pairs = all(text.count(opening) == text.count(closing) for opening, closing in _PAIRS)
    return pairs and all(text.count(quote) % 2 == 0 for quote in quotes)


def _without_shared_end(text: str, lead: str) -> str:
    """`text` without the longest end that is an end of `lead`, too."""
    for start in range(len(lead)):
        if text.endswith(lead[start:]):
            return text[: len(text) - len(lead) + start]
    return text

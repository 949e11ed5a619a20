"""A gap and a text for it as a diff: the lines around it, what goes and what comes."""

from __future__ import annotations

from html import escape

from ui.highlight import plain
from ui.result import GIVEN, NEW

NUM_CONTEXT_LINES = 2


def render_diff(prefix: str, middle: str, suffix: str) -> str:
    """Its lines as HTML, each with a sign before it: "+", "-" or, for context, a space."""
    *before, tail = prefix.split("\n")
    head, *after = suffix.split("\n")
    added = [plain(line, NEW) for line in middle.split("\n")]
    removed = [escape(tail + head)] if (tail + head).strip() else []
    if removed and not tail and middle.endswith("\n"):
        # The gap is between two lines: neither of them changes.
        added, removed, after = added[:-1], [], [head, *after]
    elif removed and not head and middle.startswith("\n"):
        added, removed, before = added[1:], [], [*before, tail]
    else:
        added[0] = escape(tail) + added[0]
        added[-1] += escape(head)
    lines = [_line(" ", escape(line), GIVEN) for line in before[-NUM_CONTEXT_LINES:]]
    lines += [_line("-", line, "pg-removed") for line in removed]
    lines += [_line("+", line, "pg-added") for line in added]
    lines += [_line(" ", escape(line), GIVEN) for line in after[:NUM_CONTEXT_LINES]]
    return "\n".join(lines)


def _line(sign: str, html: str, css: str) -> str:
    return f'<span class="{css}">{sign} {html}</span>'

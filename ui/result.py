"""The pane that shows what was generated: plain while it streams, coloured once at its end."""

from __future__ import annotations

from html import escape

from ui.highlight import Section, highlight, plain

GIVEN = "pg-given"
NEW = "pg-new"
CUT = "pg-cut"
# The style sheet sets a sign at its end, which is no part of the text that is copied.
FAULT = "pg-fault"
CUT_NAME = "repeats what follows"


def streaming_pane(given: str, text: str, title: str = "Result") -> str:
    """The pane while tokens come: escaped text, nothing more."""
    return _pane(plain(given, GIVEN) + plain(text, f"{NEW} pg-live"), title)


def sample_pane(given: str, text: str, title: str, *, is_live: bool) -> str:
    """One of several texts, after what stands before it in its first line."""
    new = f"{NEW} pg-live" if is_live else NEW
    return _pane(plain(given, GIVEN) + plain(text, new), escape(title))


def middle_pane(text: str, cut: str) -> str:
    """A middle between its boxes, and after it what was trimmed, struck out."""
    if not (text or cut):
        return ""
    trimmed = f'<del title="{CUT_NAME}">{plain(cut, CUT)}</del>' if cut else ""
    return _pane(plain(text, NEW) + trimmed, "Middle")


async def infill_pane(
    prefix: str, middle: str, suffix: str, lexer: str, fault_line: int | None = None
) -> str:
    """The whole file, with the middle marked and, counted from 1, the line that is at fault."""
    start, end = len(prefix), len(prefix) + len(middle)
    whole = prefix + middle + suffix
    sections = (
        Section(0, start, GIVEN),
        Section(start, end, NEW),
        Section(end, len(whole), GIVEN),
    )
    mark = Section(*_line_span(whole, fault_line), FAULT) if fault_line else None
    code = await highlight(whole, lexer, sections, mark)
    return _pane(code, "Whole file", is_whole=True, has_new=bool(middle))


def _line_span(text: str, line: int) -> tuple[int, int]:
    start = 0
    for _ in range(line - 1):
        start = text.find("\n", start) + 1 or start
    end = text.find("\n", start)
    return start, len(text) if end < 0 else end


def _pane(code: str, title: str, *, is_whole: bool = False, has_new: bool = True) -> str:
    copy_all = '<button type="button" data-copy="code">Copy file</button>' if is_whole else ""
    copy_new = f'<button type="button" data-copy=".{NEW}">Copy generated</button>'
    return (
        f'<section class="pg-result" aria-label="{title}"><header><span>{title}</span>'
        f"{copy_all}{copy_new if has_new else ''}</header>"
        f'<pre tabindex="0" aria-label="{title}"><code>{code}</code></pre></section>'
    )

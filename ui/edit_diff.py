"""Code and what a model makes of it, as a diff by lines: what stays, what goes and what comes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from html import escape
from typing import Literal

from ui.highlight import plain
from ui.marked_text import MarkedText
from ui.result import GIVEN, NEW

NUM_CONTEXT_LINES = 3

Kind = Literal["same", "removed", "added", "ahead"]
_LOOKS: dict[Kind, tuple[str, str]] = {
    "same": (" ", GIVEN),
    "removed": ("-", "pg-removed"),
    "added": ("+", "pg-added"),
    "ahead": (" ", "pg-ahead"),
}


@dataclass(frozen=True, slots=True)
class Line:
    """`text` with its line break. What lies "ahead" the model has not come to: it stays."""

    kind: Kind
    text: str


@dataclass(frozen=True, slots=True)
class Proposal:
    """
    Attributes:
        before: the code.
        after: what the model wrote for it.
        is_whole: it wrote to its own end; else the rest of the code stands as it was.
    """

    before: str
    after: str
    is_whole: bool

    @property
    def lines(self) -> list[Line]:
        old, new = self.before.splitlines(keepends=True), self.after.splitlines(keepends=True)
        if self.is_whole:
            return _compare(old, new)
        partial = "" if not new or new[-1].endswith("\n") else new.pop()
        lines = _compare(old, new)
        # Behind the last line that stays nothing is known to go yet.
        last = max((at for at, line in enumerate(lines) if line.kind == "same"), default=-1)
        done, tail = lines[: last + 1], lines[last + 1 :]
        come = [line for line in tail if line.kind == "added"]
        rest = [Line("ahead", line.text) for line in tail if line.kind == "removed"]
        if partial and not (rest and rest[0].text.startswith(partial)):
            come.append(Line("added", f"{partial}\n" if rest else partial))
        return [*done, *come, *rest]

    @property
    def text(self) -> MarkedText:
        """What is put in; the lines that came are marked."""
        text, marks = "", []
        for line in self.lines:
            if line.kind == "removed":
                continue
            if line.kind == "added":
                marks.append((len(text), len(text) + len(line.text)))
            text += line.text
        return MarkedText(text, _joined(marks))


def render_edit(proposal: Proposal) -> str:
    """The lines that change with some around them, as HTML; what is left out is counted."""
    lines = proposal.lines
    changed = [at for at, line in enumerate(lines) if line.kind in ("removed", "added")]
    near = {
        place
        for at in changed
        for place in range(at - NUM_CONTEXT_LINES, at + NUM_CONTEXT_LINES + 1)
    }
    html, num_hidden = [], 0
    for at, line in enumerate(lines):
        if at not in near:
            num_hidden += 1
            continue
        html += _fold(num_hidden)
        num_hidden = 0
        html.append(_render(line))
    return "\n".join([*html, *_fold(num_hidden)])


def _compare(old: Sequence[str], new: Sequence[str]) -> list[Line]:
    return list(_steps(old, new))


def _steps(old: Sequence[str], new: Sequence[str]) -> Iterator[Line]:
    matcher = SequenceMatcher(None, old, new, autojunk=False)
    for step, old_start, old_end, new_start, new_end in matcher.get_opcodes():
        if step == "equal":
            yield from (Line("same", text) for text in old[old_start:old_end])
            continue
        yield from (Line("removed", text) for text in old[old_start:old_end])
        yield from (Line("added", text) for text in new[new_start:new_end])


def _joined(marks: list[tuple[int, int]]) -> list[tuple[int, int]]:
    joined: list[tuple[int, int]] = []
    for start, end in marks:
        if joined and joined[-1][1] == start:
            start = joined.pop()[0]
        joined.append((start, end))
    return joined


def _render(line: Line) -> str:
    sign, css = _LOOKS[line.kind]
    text = line.text.rstrip("\r\n")
    html = plain(text, NEW) if line.kind == "added" else escape(text)
    ending = (
        "" if line.text.endswith("\n") else '<i class="pg-no-end"> no line break at the end</i>'
    )
    return f'<span class="{css}">{sign} {html}{ending}</span>'


def _fold(num_lines: int) -> list[str]:
    if not num_lines:
        return []
    lines = "1 line" if num_lines == 1 else f"{num_lines:,} lines"
    return [f'<span class="pg-folded">  ⋯ {lines}</span>']

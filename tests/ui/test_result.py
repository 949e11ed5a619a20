from __future__ import annotations

import re
from html import unescape

from ui.result import infill_pane, middle_pane, streaming_pane


def code_of(pane: str) -> str:
    return unescape(re.sub(r"<[^>]*>", "", pane.partition("<code>")[2]))


def test_streamed_text_is_escaped_and_whole() -> None:
    pane = streaming_pane("  a\n", "</pre><script>\n\n  b \n")
    assert "<script" not in pane
    assert code_of(pane) == "  a\n</pre><script>\n\n  b \n"


async def test_a_middle_stands_marked_in_the_whole_file() -> None:
    pane = await infill_pane("a = (", "1, 2", ")\n", "python")
    assert code_of(pane) == "a = (1, 2)\n"
    assert "Copy file" in pane


async def test_without_a_middle_there_is_a_file_but_nothing_generated_to_copy() -> None:
    pane = await infill_pane("x", "", "y", "text")
    assert code_of(pane) == "xy"
    assert "Copy file" in pane
    assert "Copy generated" not in pane


async def test_the_line_at_fault_is_marked_across_what_was_given_and_generated() -> None:
    pane = await infill_pane("a = 1\nb = (", "2", "\n", "text", fault_line=2)
    assert code_of(pane) == "a = 1\nb = (2\n"
    assert '<span class="pg-fault">b = (</span></span>' in pane
    marked = '<span class="pg-fault">2</span><span class="pg-fault-end"></span>'
    assert f'<span class="pg-new">{marked}</span>' in pane
    assert pane.count("pg-fault-end") == 1


async def test_an_empty_line_at_fault_is_marked_too() -> None:
    pane = await infill_pane("if a:\n", "\n", "", "text", fault_line=3)
    assert code_of(pane) == "if a:\n\n"
    assert pane.count("pg-fault-end") == 1


def test_what_was_trimmed_is_struck_out_after_the_middle_and_not_copied_with_it() -> None:
    pane = middle_pane("a\n", "<b>")
    assert code_of(pane) == "a\n<b>"
    assert '<span class="pg-new">a\n</span><del title="repeats what follows">' in pane
    assert middle_pane("", "") == ""

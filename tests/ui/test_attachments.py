from __future__ import annotations

import pytest

from ui.attachments import fenced, render_chips, with_files
from ui.markdown import escape_prose, unescape_prose
from ui.picked_files import PickedFile


def test_a_file_is_a_fenced_block_of_its_language_below_its_name() -> None:
    assert fenced(PickedFile("__init__.py", "x = 1\n")) == "`__init__.py`\n\n```python\nx = 1\n```"


def test_a_text_without_a_last_line_break_ends_before_the_fence() -> None:
    assert fenced(PickedFile("notes", "  a")) == "`notes`\n\n```\n  a\n```"


@pytest.mark.parametrize("text", ["```\nx\n```\n", "a ````` b\n", "~~~\n"])
def test_nothing_in_a_file_closes_its_fence(text: str) -> None:
    block = fenced(PickedFile("a.md", text))
    fence = block.rpartition("\n")[2]
    assert fence not in text
    assert block == f"`a.md`\n\n{fence}markdown\n{text}{fence}"
    assert unescape_prose(escape_prose(block)) == block


def test_a_name_with_backticks_stays_a_name() -> None:
    assert fenced(PickedFile("a`b``c", "")).startswith("``` a`b``c ```\n\n```\n")


def test_files_stand_above_the_message_and_need_none() -> None:
    file = PickedFile("a.txt", "x\n")
    block = fenced(file)
    assert with_files("What is it?", [file, file]) == f"{block}\n\n{block}\n\nWhat is it?"
    assert with_files("", [file]) == block
    assert with_files("  only text ", []) == "  only text "


def test_a_chip_has_name_and_tokens_and_no_markup_of_the_names() -> None:
    html = render_chips([PickedFile("<b>.py", "secret")], [1234])
    assert "&lt;b&gt;.py" in html
    assert "<b>" not in html
    assert "1,234 tokens" in html
    assert "secret" not in html
    assert render_chips([], []) == ""

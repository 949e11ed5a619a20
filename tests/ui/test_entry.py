from __future__ import annotations

import json

from ui.entry import MAX_CHARS, build_entry
from ui.work import ContinueContent, Work, default_settings, read_work

WORK = Work(ContinueContent("a = 1"), default_settings("continue"), "Rust", 7)


def test_an_entry_has_the_work_and_what_the_list_shows_of_it() -> None:
    entry = json.loads(build_entry(WORK, "\n    = 1\n", 3, "ended by itself", "Model"))
    assert read_work(entry.pop("work")) == WORK
    assert len(entry.pop("id")) == 32
    assert entry == {
        "tab": "continue",
        "text": "= 1",
        "tokens": 3,
        "why": "ended by itself",
        "model": "Model",
    }


def test_two_entries_are_never_the_same() -> None:
    first, second = (build_entry(WORK, "x", 1, "", "") for _ in range(2))
    assert first != second


def test_of_a_long_text_the_list_gets_the_head() -> None:
    assert len(json.loads(build_entry(WORK, "x" * 9000, 1, "", ""))["text"]) == MAX_CHARS

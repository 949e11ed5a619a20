from __future__ import annotations

import json

import pytest

from model.errors import InvalidInputError
from ui.controls import FIELDS
from ui.work import ContinueContent, Work, default_settings
from ui.work_files import read_opened

WORK = Work(ContinueContent("a = 1"), default_settings("continue"), "Python", 7)


def opened(text: str = "", source: str = "file", problem: str = "") -> dict[str, str]:
    return {"source": source, "name": "x.json", "text": text, "problem": problem}


def test_a_file_is_read_as_it_was_saved() -> None:
    assert read_opened(opened(WORK.to_json()), "continue") == WORK


@pytest.mark.parametrize(("typed", "shown"), [("", "7"), ("12", "12")])
def test_a_link_shows_the_seed_that_was_drawn_where_none_was_set(typed: str, shown: str) -> None:
    settings = dict(zip(FIELDS, WORK.settings, strict=True)) | {"seed": typed}
    work = Work(WORK.content, tuple(settings.values()), WORK.language, WORK.seed)
    read = read_opened(opened(work.to_json(), "link"), "continue")
    assert dict(zip(FIELDS, read.settings, strict=True)) == settings | {"seed": shown}


def test_a_link_without_a_seed_sets_none() -> None:
    work = Work(WORK.content, WORK.settings, WORK.language)
    assert read_opened(opened(work.to_json(), "link"), "continue") == work


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (opened("{"), "The file is not JSON"),
        (opened("{", "link"), "The link is not JSON"),
        (opened(json.dumps({"format": "x"}), "link"), "The link holds no work"),
        (opened(problem="long"), "The file is over 500,000 bytes"),
        (opened(source="link", problem="broken"), "The link is damaged"),
        (opened(problem="busy"), "being generated"),
    ],
)
def test_what_cannot_be_opened_says_why_and_that_nothing_changed(
    data: dict[str, str], words: str
) -> None:
    with pytest.raises(InvalidInputError, match=words) as caught:
        read_opened(data, "continue")
    assert "Nothing was changed" in caught.value.advice


def test_work_of_another_tab_is_not_shown_in_this_one() -> None:
    with pytest.raises(InvalidInputError, match="another tab"):
        read_opened(opened(WORK.to_json()), "chat")

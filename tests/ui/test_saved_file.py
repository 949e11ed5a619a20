from __future__ import annotations

import json

import pytest

from ui.branches import Branches
from ui.gap import Gap, Middle
from ui.marked_text import MarkedText
from ui.saved_file import Kind, make_file
from ui.work import (
    ChatContent,
    Content,
    ContinueContent,
    InfillContent,
    Work,
    default_settings,
    read_work,
)

CODE = "\tif 😀:\r\n    `x`  \n\n"
TALK = Branches().add("user", "q").add("assistant", CODE, author="Model")


def work_with(content: Content, language: str = "Python") -> Work:
    return Work(content, default_settings(content.tab), language)


def test_code_is_saved_as_it_is_and_named_by_its_language() -> None:
    file = make_file(work_with(ContinueContent(MarkedText(CODE, [(1, 2)])), "Go"), "code")
    assert file is not None
    assert (file.name, file.text) == ("continue.go", CODE)


def test_an_infill_is_saved_as_the_whole_file_without_what_was_trimmed() -> None:
    content = InfillContent(Gap("a(\r\n", ")\n", Middle(CODE, ")", (Middle("other"),))))
    file = make_file(work_with(content), "code")
    assert file is not None
    assert (file.name, file.text) == ("infill.py", f"a(\r\n{CODE})\n")


def test_a_conversation_is_saved_for_people() -> None:
    file = make_file(work_with(ChatContent(TALK), ""), "markdown")
    assert file is not None
    assert file.name == "conversation.md"
    assert "## Model\n\n\tif 😀:\r\n    `x`  \n" in file.text


@pytest.mark.parametrize("content", [ContinueContent(CODE), ChatContent(TALK, draft="d")])
def test_json_holds_everything(content: Content) -> None:
    work = work_with(content, "" if content.tab == "chat" else "C")
    file = make_file(work, "json")
    assert file is not None
    assert read_work(file.text) == work
    assert json.loads(file.to_json())["text"] == file.text


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (ContinueContent(), "code"),
        (InfillContent(), "json"),
        (ChatContent(draft="not sent"), "markdown"),
    ],
)
def test_of_nothing_there_is_no_file(content: Content, kind: Kind) -> None:
    assert make_file(work_with(content), kind) is None

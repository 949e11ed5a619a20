from __future__ import annotations

import json
from typing import Any

import pytest

from model.errors import PromptError
from ui.branches import Branches
from ui.controls import CHAT_DEFAULTS, show_params
from ui.conversation_file import ConversationFile, ConversationFileError, read_conversation_file

CODE = "    def f():\n        return `<b>` $$\n"
FILE = ConversationFile(
    Branches().add("user", CODE).add("assistant", "a", author="Model").branch(0, "b"),
    "Be brief.",
    "Use",
    show_params(CHAT_DEFAULTS),
)


def changed(**fields: Any) -> str:
    return json.dumps(json.loads(FILE.to_json()) | fields)


def test_what_is_exported_is_read_back_exactly() -> None:
    assert read_conversation_file(FILE.to_json()) == (FILE, "")


def test_markdown_has_what_is_shown_each_text_as_it_is() -> None:
    talk = FILE.branches.select(0, 0)
    text = ConversationFile(talk, "Be brief.", "", FILE.settings).to_markdown()
    assert "## System prompt\n\nBe brief." in text
    assert f"## User (1 of 2)\n\n{CODE}\n## Model\n\na\n" in text
    assert "Temperature: 0.2" in text


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "not JSON"),
        ("[" * 100_000, "not JSON"),
        ("[]", "not an object"),
        ('{"format": "x"}', "no conversation"),
        (changed(version=2), "another version"),
        (changed(system=1), "no text"),
        (changed(conversation={}), "version"),
    ],
)
def test_another_file_is_refused_and_says_why(text: str, words: str) -> None:
    with pytest.raises(ConversationFileError, match=words) as caught:
        read_conversation_file(text)
    assert "Nothing was changed" in caught.value.advice


def test_a_character_that_cannot_be_shown_is_refused() -> None:
    turns = Branches().add("user", "x").to_json()
    turns["turns"][0]["text"] = "\ud800"
    with pytest.raises(PromptError, match="turn 1"):
        read_conversation_file(changed(conversation=turns))


@pytest.mark.parametrize("settings", [None, {}, {"temperature": 1}])
def test_a_conversation_is_read_without_settings_that_are_not_ours(settings: Any) -> None:
    file, problem = read_conversation_file(changed(settings=settings))
    assert file.branches == FILE.branches
    assert file.settings == ()
    assert "settings" in problem


@pytest.mark.parametrize("value", [-1, "x", [], None, True])
def test_a_setting_that_cannot_be_used_is_left_out_with_the_others(value: Any) -> None:
    settings = json.loads(FILE.to_json())["settings"] | {"temperature": value}
    file, problem = read_conversation_file(changed(settings=settings))
    assert file.settings == ()
    assert "settings" in problem

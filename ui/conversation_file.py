"""A conversation as a file: JSON that can be read back, Markdown for people.

The JSON is {"format": FORMAT, "version": 1, "system", "begin", "settings": {field: value},
"conversation": as `ui.branches` has it}. `settings` are the controls' values as they stood.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from model.errors import InvalidInputError
from model.prompts.texts import check_texts
from ui.branches import Branches, Turn, read_branches
from ui.controls import FIELDS, TITLES, read_params
from ui.fields import Fields

FORMAT = "starcoder-playground/conversation"
VERSION = 1


class ConversationFileError(InvalidInputError):
    """A file that holds no conversation of this page's."""

    def __init__(self, message: str) -> None:
        super().__init__(
            message, "Choose a JSON file that this page exported. Nothing was changed."
        )


@dataclass(frozen=True)
class ConversationFile:
    """
    Attributes:
        system: the system prompt.
        begin: what each new reply begins with.
        settings: the controls' values, in the order of `FIELDS`.
    """

    branches: Branches
    system: str
    begin: str
    settings: tuple[Any, ...]

    def to_json(self) -> str:
        data = {
            "format": FORMAT,
            "version": VERSION,
            "system": self.system,
            "begin": self.begin,
            "settings": dict(zip(FIELDS, self.settings, strict=True)),
            "conversation": self.branches.to_json(),
        }
        return json.dumps(data, ensure_ascii=False, indent=2) + "\n"

    def to_markdown(self) -> str:
        """What is shown, each turn's text as it is. Other versions are counted, not told."""
        settings = dict(zip(FIELDS, self.settings, strict=True))
        lines = [f"- {TITLES[name]}: {value!r}" for name, value in settings.items() if value != ""]
        parts = ["# Conversation", "\n".join(lines)]
        if self.system:
            parts += ["## System prompt", self.system]
        for index, turn in enumerate(self.branches.path):
            parts += [f"## {self._heading(index, turn)}", turn.text.strip("\n")]
        return "\n\n".join(parts) + "\n"

    def _heading(self, index: int, turn: Turn) -> str:
        name = "User" if turn.role == "user" else turn.author or "Assistant"
        version, count = self.branches.versions(index)
        return f"{name} ({version + 1} of {count})" if count > 1 else name


def read_conversation_file(text: str) -> tuple[ConversationFile, str]:
    """The inverse of `to_json`, and what is wrong with the file's settings, if anything is:
    they are then left empty, since a conversation is worth having without them.

    Raises:
        ConversationFileError: it is no such file; the message says why.
        PromptError: a text in it holds a character that cannot be shown or sent to a model.
    """
    try:
        data = Fields.parse(text, "The file")
    except ValueError as error:
        raise ConversationFileError(str(error)) from None
    if data.get("format") != FORMAT:
        raise ConversationFileError("The file holds no conversation.")
    if data.get("version") != VERSION:
        raise ConversationFileError("The file is of another version of this page.")
    system, begin = (data.get(name) if name in data.keys else "" for name in ("system", "begin"))
    if not (isinstance(system, str) and isinstance(begin, str)):
        raise ConversationFileError("The file's system prompt or start of a reply is no text.")
    try:
        branches = read_branches(data.get("conversation"))
    except ValueError as error:
        raise ConversationFileError(str(error)) from None
    turns = [(f"turn {turn.id}", turn.text) for turn in branches.turns]
    authors = [(f"author of turn {turn.id}", turn.author) for turn in branches.turns]
    check_texts([("system prompt", system), ("start of the reply", begin), *turns, *authors])
    settings, problem = _read_settings(data.get("settings"))
    return ConversationFile(branches, system, begin, settings), problem


def _read_settings(data: object) -> tuple[tuple[Any, ...], str]:
    if not isinstance(data, dict) or set(data) != set(FIELDS):
        return (), "its settings are not those of this page"
    values: Sequence[Any] = [data[name] for name in FIELDS]
    if not all(isinstance(value, str | int | float | None) for value in values):
        return (), "its settings are not those of this page"
    try:
        read_params(values)
    except (InvalidInputError, TypeError, AttributeError) as error:
        return (), f"its settings cannot be used: {error}"
    return tuple(values), ""

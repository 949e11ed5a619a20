"""A tab's work as a file to keep: everything as JSON, the code alone, a conversation for people."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Literal

from ui.conversation_file import ConversationFile
from ui.file_language import extension_of
from ui.work import ChatContent, ContinueContent, InfillContent, Tab, Work

Kind = Literal["json", "code", "markdown"]

NAMES: dict[Tab, str] = {"continue": "continue", "infill": "infill", "chat": "conversation"}


@dataclass(frozen=True, slots=True)
class SavedFile:
    """
    Attributes:
        text: exactly what the file is to hold, in UTF-8.
    """

    name: str
    media_type: str
    text: str

    def to_json(self) -> str:
        """What `ui/share.js` makes the file of."""
        return json.dumps({"name": self.name, "type": self.media_type, "text": self.text})


def make_file(work: Work, kind: Kind) -> SavedFile | None:
    """None where `work` has nothing of that kind to keep."""
    name, content = NAMES[work.tab], work.content
    if not work:
        return None
    if kind == "json":
        return SavedFile(f"{name}.json", "application/json", work.to_json())
    if isinstance(content, ChatContent):
        if not content.conversation.turns:
            return None
        file = ConversationFile(content.conversation, content.system, content.begin, work.settings)
        return SavedFile(f"{name}.md", "text/markdown", file.to_markdown())
    extension = extension_of(work.language)
    # A media type of its own would have some browsers add an extension to the name.
    return SavedFile(name + extension, "application/octet-stream", code_of(content))


def code_of(content: ContinueContent | InfillContent) -> str:
    """The editor's text; of Infill the whole file, with the middle that stands in its gap."""
    if isinstance(content, ContinueContent):
        return str(content.text)
    gap = content.gap
    return f"{gap.prefix}{gap.middle.text}{gap.suffix}"

"""What a tab holds, as one plain value that can be written down and read back.

As JSON, version 1:

    {"format": "starcoder-playground/work", "version": 1, "tab": "continue", "infill" or "chat",
     "language": its title, "settings": {field: value}, "seed": digits or null, "content": {…}}

`settings` are the controls' values as they stood, usable or not, by the names in
`ui.controls.FIELDS`; one that is missing has the tab's default, so that a setting can be added.
`seed` is the one that the last generation really used, where that is known: a string, since numbers
of JavaScript's do not hold 64 bits. `content`, by tab:

    continue   {"text": MARKED, "samples": number, "candidates": {"prompt": MARKED, "texts":
               [{"title", "text", "note", "seed": digits or null}, …]}, "header": {"path",
               "repository", "stars": as typed, "exercise": bool}, "edit": {"form": "text" or
               "edit" or "notebook", "instruction", "proposal": null or {"before", "after",
               "is_whole": bool}}, "next_cell": "code", "text", "output" or "same"}; all but the
               text may be missing
    infill     {"prefix": MARKED, "suffix": MARKED, "middle": {"text", "cut", "samples":
               [{"text", "cut"}, …]}, "order": null, "psm" or "spm", "samples": number,
               "repository": {"path", "name", "files": [{"path", "text"}, …]}, may be missing}
    chat       {"system", "begin", "answered_by": "chat", "assistant" or "both", "draft",
               "conversation": as `ui.branches` has it}

MARKED is {"text", "marks": [[start, end], …]}, in UTF-16 units, as `ui.marked_text` has it.
Chat has no language: its title is "". A file of `ui.conversation_file` is read as well.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

from model.errors import InvalidInputError
from model.prompts.infill import InfillOrder, RepositoryFile
from model.prompts.metadata import NO_HEADER, Header
from model.prompts.texts import check_texts
from model.sampling import MAX_SEED, SamplingParams
from ui import conversation_file
from ui.answerers import Choice
from ui.branches import Branches, read_branches
from ui.code_header import parse_header, write_header
from ui.context_files import MAX_FILES, Repository
from ui.controls import CHAT_DEFAULTS, CONTINUE_DEFAULTS, FIELDS, INFILL_DEFAULTS, show_params
from ui.edit_form import NO_EDIT, Edit, parse_edit
from ui.fields import Fields
from ui.gap import Gap, Middle
from ui.languages import language_of
from ui.marked_text import MarkedText, from_browser, num_units, to_browser
from ui.percent_cells import NextCell
from ui.samples import MAX_SAMPLES, Sample, Samples

FORMAT = "starcoder-playground/work"
VERSION = 1

Tab = Literal["continue", "infill", "chat"]
TABS: tuple[Tab, ...] = ("continue", "infill", "chat")
DEFAULTS: dict[Tab, SamplingParams] = {
    "continue": CONTINUE_DEFAULTS,
    "infill": INFILL_DEFAULTS,
    "chat": CHAT_DEFAULTS,
}

# Controls that hold text; the others hold numbers.
_TEXT_FIELDS = ("seed", "stop")
_NAME = "The file"


class WorkError(InvalidInputError):
    """A text that holds no work of this page's."""

    def __init__(self, message: str) -> None:
        super().__init__(message, "Choose what this page saved. Nothing was changed.")


@dataclass(frozen=True)
class ContinueContent:
    """
    Attributes:
        text: a `MarkedText` where a model wrote some of it.
        samples: the value of its control, usable or not.
        candidates: what can be chosen from.
        header: what the model is told of the file.
        edit: the form that is chosen, what is to change, and what a model proposed.
        next_cell: what is asked for in a notebook.
    """

    tab: ClassVar[Tab] = "continue"
    text: str = ""
    samples: int | float | None = 1
    candidates: Samples = field(default_factory=Samples)
    header: Header = NO_HEADER
    edit: Edit = NO_EDIT
    next_cell: NextCell = "code"

    def __bool__(self) -> bool:
        return bool(self.text or self.candidates or self.header or self.edit)

    @property
    def texts(self) -> list[tuple[str, str]]:
        header = self.header
        names = [("path", header.path), ("repository", header.repo_name), ("stars", header.stars)]
        return [("text", self.text), *self.candidates.boxes, *names, *self.edit.texts]

    def to_json(self) -> dict[str, Any]:
        candidates = {"candidates": self.candidates.to_json()} if self.candidates else {}
        beside: dict[str, Any] = {"header": write_header(self.header)}
        beside |= {"edit": self.edit.to_json(), "next_cell": self.next_cell}
        return {"text": to_browser(self.text), "samples": self.samples, **candidates, **beside}

    @classmethod
    def read(cls, fields: Fields) -> ContinueContent:
        text = _read_marked(fields.object("text"))
        samples = fields.number("samples") if "samples" in fields.keys else 1
        candidates, header, edit = Samples(), NO_HEADER, NO_EDIT
        if fields.get("candidates") is not None:
            candidates = _read_candidates(fields.object("candidates"))
        if "header" in fields.keys:
            header = parse_header(fields.object("header"))
        if "edit" in fields.keys:
            edit = parse_edit(fields.object("edit"))
        next_cell: NextCell = "code"
        if "next_cell" in fields.keys:
            next_cell = fields.choice("next_cell", "code", "text", "output", "same")
        return cls(text, samples, candidates, header, edit, next_cell)


@dataclass(frozen=True)
class InfillContent:
    """
    Attributes:
        order: of the prompt's parts; None is the model's own.
        samples: the value of its control, usable or not.
        repository: what the model is told besides.
    """

    tab: ClassVar[Tab] = "infill"
    gap: Gap = field(default_factory=Gap)
    order: InfillOrder | None = None
    samples: int | float | None = 1
    repository: Repository = field(default_factory=Repository)

    def __bool__(self) -> bool:
        return bool(self.gap or self.repository)

    @property
    def texts(self) -> list[tuple[str, str]]:
        middle = self.gap.middle
        parts = [middle, *middle.samples]
        middles = [("middle", text) for part in parts for text in (part.text, part.cut)]
        boxes = [("prefix", self.gap.prefix), ("suffix", self.gap.suffix), *middles]
        return [*boxes, *self.repository.texts]

    def to_json(self) -> dict[str, Any]:
        return {
            "prefix": to_browser(self.gap.prefix),
            "suffix": to_browser(self.gap.suffix),
            "middle": write_middle(self.gap.middle),
            "order": self.order,
            "samples": self.samples,
            "repository": self.repository.to_json(),
        }

    @classmethod
    def read(cls, fields: Fields) -> InfillContent:
        prefix, suffix = (_read_marked(fields.object(name)) for name in ("prefix", "suffix"))
        middle = fields.object("middle")
        parts = [Fields(item, f"{_NAME}'s sample") for item in middle.list("samples")]
        samples = tuple(Middle(part.text("text"), part.text("cut")) for part in parts)
        whole = Middle(middle.text("text"), middle.text("cut"), samples)
        order = fields.choice("order", None, "psm", "spm")
        repository = Repository()
        if "repository" in fields.keys:
            repository = _read_repository(fields.object("repository"))
        return cls(Gap(prefix, suffix, whole), order, fields.number("samples"), repository)


@dataclass(frozen=True)
class ChatContent:
    """
    Attributes:
        system: the system prompt.
        begin: what each new reply begins with.
        answered_by: who is chosen to answer.
        draft: the message that is typed and not yet sent.
    """

    tab: ClassVar[Tab] = "chat"
    conversation: Branches = field(default_factory=Branches)
    system: str = ""
    begin: str = ""
    answered_by: Choice = "chat"
    draft: str = ""

    def __bool__(self) -> bool:
        return bool(self.conversation.turns or self.draft)

    @property
    def texts(self) -> list[tuple[str, str]]:
        turns = self.conversation.turns
        return [
            *(("system prompt", self.system), ("start of the reply", self.begin)),
            ("message", self.draft),
            *((f"turn {turn.id}", turn.text) for turn in turns),
            *((f"author of turn {turn.id}", turn.author) for turn in turns),
        ]

    def to_json(self) -> dict[str, Any]:
        return {
            "system": self.system,
            "begin": self.begin,
            "answered_by": self.answered_by,
            "draft": self.draft,
            "conversation": self.conversation.to_json(),
        }

    @classmethod
    def read(cls, fields: Fields) -> ChatContent:
        return cls(
            read_branches(fields.get("conversation")),
            fields.text("system"),
            fields.text("begin"),
            fields.choice("answered_by", "chat", "assistant", "both"),
            fields.text("draft"),
        )


Content = ContinueContent | InfillContent | ChatContent
_CONTENTS: dict[Tab, type[Content]] = {
    "continue": ContinueContent,
    "infill": InfillContent,
    "chat": ChatContent,
}


@dataclass(frozen=True)
class Work:
    """One tab's work. It is true where there is any, whatever the settings are.

    Attributes:
        settings: the controls' values, in the order of `FIELDS`.
        language: the title of one of `ui.languages`; "" in Chat.
        seed: what the last generation drew or was given; None where that is not known.
    """

    content: Content
    settings: tuple[Any, ...]
    language: str = ""
    seed: int | None = None

    def __bool__(self) -> bool:
        return bool(self.content)

    @property
    def tab(self) -> Tab:
        return self.content.tab

    def to_json(self) -> str:
        return json.dumps(
            {
                "format": FORMAT,
                "version": VERSION,
                "tab": self.tab,
                "language": self.language,
                "settings": dict(zip(FIELDS, self.settings, strict=True)),
                "seed": None if self.seed is None else str(self.seed),
                "content": self.content.to_json(),
            },
            ensure_ascii=False,
        )


def write_middle(middle: Middle) -> dict[str, Any]:
    """As JSON has it."""
    samples = [{"text": sample.text, "cut": sample.cut} for sample in middle.samples]
    return {"text": middle.text, "cut": middle.cut, "samples": samples}


def default_settings(tab: Tab) -> tuple[Any, ...]:
    """The values of the tab's controls before anybody touches them."""
    return show_params(DEFAULTS[tab])


def read_work(text: str) -> Work:
    """The inverse of `Work.to_json`, for a text that anybody may have written.

    Raises:
        WorkError: it is no such text; the message says why.
        PromptError: a text in it holds a character that cannot be shown or sent to a model, or
            all together are too long.
    """
    try:
        fields = Fields.parse(text, _NAME)
        if fields.get("format") == conversation_file.FORMAT:
            return _read_conversation(text)
        if fields.get("format") != FORMAT:
            raise ValueError("The file holds no work of this page's.")
        if fields.get("version") != VERSION:
            raise ValueError("The file is of another version of this page.")
        tab: Tab = fields.choice("tab", *TABS)
        content = _CONTENTS[tab].read(fields.object("content"))
        settings = _read_settings(fields.object("settings"), tab)
        language, seed = _read_language(fields, tab), _read_seed(fields)
    except ValueError as error:
        raise WorkError(str(error)) from None
    typed = [("settings", value) for value in settings if isinstance(value, str)]
    check_texts([*content.texts, *typed])
    return Work(content, settings, language, seed)


def _read_conversation(text: str) -> Work:
    file, _ = conversation_file.read_conversation_file(text)
    content = ChatContent(file.branches, file.system, file.begin)
    return Work(content, file.settings or default_settings("chat"))


def _read_settings(fields: Fields, tab: Tab) -> tuple[Any, ...]:
    unknown = fields.keys - set(FIELDS)
    if unknown:
        raise ValueError(f"The file has an unknown setting {min(unknown)!r}.")
    values: list[Any] = []
    for name, default in zip(FIELDS, default_settings(tab), strict=True):
        if name not in fields.keys:
            values.append(default)
        elif name in _TEXT_FIELDS:
            values.append("" if fields.get(name) is None else fields.text(name))
        else:
            values.append(fields.number(name))
    return tuple(values)


def _read_language(fields: Fields, tab: Tab) -> str:
    """One that is not offered becomes plain text: the code is worth having all the same."""
    title = fields.text("language")
    return "" if tab == "chat" else language_of(title).title


def _read_candidates(fields: Fields) -> Samples:
    items = fields.list("texts")
    if len(items) > MAX_SAMPLES:
        raise ValueError(f"The file holds {len(items)} candidates of {MAX_SAMPLES} at most.")
    texts = []
    for item in (Fields(item, f"{_NAME}'s candidate") for item in items):
        seed = _read_seed(item)
        texts.append(Sample(item.text("title"), item.text("text"), item.text("note"), seed))
    return Samples(_read_marked(fields.object("prompt")), tuple(texts))


def _read_seed(fields: Fields) -> int | None:
    if fields.get("seed") is None:
        return None
    text = fields.text("seed")
    if not (text.isascii() and text.isdecimal() and len(text) <= 20 and int(text) <= MAX_SEED):
        raise ValueError("The file's seed is not one.")
    return int(text)


def _read_repository(fields: Fields) -> Repository:
    files = [Fields(item, f"{_NAME}'s repository file") for item in fields.list("files")]
    if len(files) > MAX_FILES:
        raise ValueError(f"The file's repository holds {len(files)} files of {MAX_FILES} at most.")
    told = tuple(RepositoryFile(file.text("path"), file.text("text")) for file in files)
    return Repository(fields.text("path"), fields.text("name"), told)


def _read_marked(fields: Fields) -> MarkedText:
    text, marks = fields.text("text"), fields.list("marks")
    if not _are_ranges(marks, num_units(text)):
        raise ValueError("The file's marks are not ranges of its text.")
    try:
        return from_browser({"text": text, "marks": marks})
    except KeyError:  # between the two halves of a character
        raise ValueError("A mark of the file divides a character.") from None


def _are_ranges(marks: Sequence[object], size: int) -> bool:
    """Whether they are pairs of places: sorted, disjoint, not empty and inside of `size` units."""
    last = 0
    for mark in marks:
        if not (isinstance(mark, list) and len(mark) == 2 and all(type(at) is int for at in mark)):
            return False
        if not last <= mark[0] < mark[1] <= size:
            return False
        last = mark[1]
    return True

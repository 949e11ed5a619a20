from __future__ import annotations

import json
from typing import Any

import pytest

from model.errors import InvalidInputError
from model.prompts.infill import RepositoryFile
from model.prompts.metadata import Header
from ui.branches import Branches
from ui.context_files import Repository
from ui.controls import FIELDS
from ui.conversation import show_chatbot
from ui.drafts import read_draft
from ui.edit_diff import Proposal
from ui.edit_form import Edit, write_proposal
from ui.gap import Gap, Middle
from ui.marked_text import MarkedText, to_browser
from ui.samples import Sample, Samples
from ui.work import ChatContent, ContinueContent, InfillContent, Tab, Work, write_middle

SETTINGS = (0.7, None, 0.9, 40, 0.1, 1.1, "11", "\\n\\n")
HEADER = Header("a.rs", stars="12")
EDIT = Edit("edit", "Use two", Proposal("a", "b", is_whole=False))
AUTHORS = {"chat": "Model", "assistant": "Tech Assistant"}
NAMED = dict(zip(FIELDS, SETTINGS, strict=True))
TALK = Branches().add("user", "q <b>").add("assistant", "a", author="Model")
CONTINUE = {
    "text": json.dumps(to_browser(MarkedText("é🙂x", [(1, 2)]))),
    "language": "Rust",
    "file_name": "a.rs",
    "repository": None,
    "stars": "12",
    "exercise": False,
    "form": "Edit",
    "instruction": "Use two",
    "proposal": json.dumps(write_proposal(Proposal("a", "b", is_whole=False))),
    "next_cell": "Output",
} | NAMED
INFILL = {
    "prefix": json.dumps(to_browser("a")),
    "suffix": json.dumps(to_browser("c")),
    "middle": json.dumps(write_middle(Middle("b", "c"))),
    "file_name": "a.go",
    "repository": "me/it",
    "files": json.dumps([{"path": "b.go", "text": "package b\n"}]),
    "language": "Go",
    "order": "Suffix, prefix, middle",
    "samples": 3,
} | NAMED
CHAT = {
    "draft": "not sent",
    "system": "Be brief.",
    "begin": None,
    "answered_by": "chat",
    "branches": json.dumps(TALK.to_json()),
    "conversation": show_chatbot(TALK.messages),
    "answer_chat": [],
    "answer_assistant": [],
} | NAMED


def read(tab: Tab, **fields: Any) -> Work:
    drafts: dict[Tab, dict[str, Any]] = {"continue": CONTINUE, "infill": INFILL, "chat": CHAT}
    return read_draft(tab, drafts[tab] | fields, AUTHORS)


def conversation(**fields: Any) -> Branches:
    content = read("chat", **fields).content
    assert isinstance(content, ChatContent)
    return content.conversation


def test_what_the_components_held_is_the_tabs_work() -> None:
    work = read("continue")
    assert work == Work(
        ContinueContent("é🙂x", header=HEADER, edit=EDIT, next_cell="output"), SETTINGS, "Rust"
    )
    assert isinstance(work.content, ContinueContent)
    assert isinstance(work.content.text, MarkedText)
    assert work.content.text.marks == ((1, 2),)
    gap = Gap("a", "c", Middle("b", "c"))
    told = Repository("a.go", "me/it", (RepositoryFile("b.go", "package b\n"),))
    assert read("infill") == Work(InfillContent(gap, "spm", 3, told), SETTINGS, "Go")
    assert read("chat") == Work(ChatContent(TALK, "Be brief.", draft="not sent"), SETTINGS)


def test_texts_to_choose_from_are_there_again() -> None:
    candidates = Samples("a", (Sample("Sample 1", "b", "ended", 7),))
    kept = {"samples": 2, "candidates": json.dumps(candidates.to_json())}
    content = read("continue", **kept).content
    assert content == ContinueContent("é🙂x", 2, candidates, HEADER, EDIT, "output")
    assert read("continue", samples=None).content == ContinueContent(
        "é🙂x", None, header=HEADER, edit=EDIT, next_cell="output"
    )


def test_a_text_to_choose_from_that_was_coming_is_there_as_far_as_it_came() -> None:
    kept = {"candidates": json.dumps(Samples("a", (Sample("Sample 1", "b"),)).to_json())}
    content = read("continue", **kept, live=[{"title": "Sample 2", "text": "ha"}]).content
    assert isinstance(content, ContinueContent)
    assert content.candidates.prompt == "a"
    assert [each.text for each in content.candidates.texts] == ["b", "ha"]
    assert "Cut off" in content.candidates.texts[1].note


def test_a_middle_that_was_coming_is_there_as_far_as_it_came() -> None:
    content = read("infill", live="half a").content
    assert isinstance(content, InfillContent)
    assert content.gap.middle == Middle("half a")


def test_a_reply_that_was_coming_is_there_and_can_be_gone_on_with() -> None:
    asked = TALK.add("user", "more")
    shown = show_chatbot(asked.add("assistant", "half <a").messages)
    talk = conversation(branches=json.dumps(asked.to_json()), conversation=shown)
    assert talk.path[:-1] == asked.path
    reply = talk.path[-1]
    assert (reply.text, reply.author, reply.is_cut) == ("half <a", "Model", True)


def test_a_conversation_that_rests_is_read_from_its_branches_alone() -> None:
    fields = {name: value for name, value in CHAT.items() if name != "conversation"}
    assert read_draft("chat", fields, AUTHORS) == read("chat")


def test_the_seed_that_was_drawn_is_known_again() -> None:
    assert read("chat", drawn="18446744073709551615").seed == 2**64 - 1
    assert read("chat", drawn="").seed is None


def test_a_reply_that_was_getting_longer_is_the_longer_one() -> None:
    shown = show_chatbot(TALK.edit(1, "a and more").messages)
    assert conversation(conversation=shown).path[-1].text == "a and more"


def test_of_two_answers_on_show_each_is_a_version() -> None:
    asked = Branches().add("user", "q")
    answers = {
        "answer_chat": [{"role": "assistant", "content": "one"}],
        "answer_assistant": [{"role": "assistant", "content": "two"}],
    }
    talk = conversation(
        branches=json.dumps(asked.to_json()),
        conversation=show_chatbot(asked.messages),
        answered_by="both",
        **answers,
    )
    assert [turn.text for turn in talk.path] == ["q", "one"]
    assert talk.versions(1) == (0, 2)
    assert talk.path[1].author == "Model"


@pytest.mark.parametrize("bad", ["\0", "\ud800"])
def test_a_character_that_no_model_takes_costs_only_itself(bad: str) -> None:
    text = json.dumps({"text": f"a{bad}b", "marks": [[2, 3]]})
    content = read("continue", text=text).content
    assert content == ContinueContent("a\ufffdb", header=HEADER, edit=EDIT, next_cell="output")
    content = read("chat", draft=bad).content
    assert isinstance(content, ChatContent)
    assert content.draft == "\ufffd"


@pytest.mark.parametrize(
    ("tab", "fields"),
    [
        ("continue", {"text": None}),
        ("continue", {"text": "{"}),
        ("continue", {"text": "[]"}),
        ("continue", {"language": 1}),
        ("continue", {"temperature": "hot"}),
        ("infill", {"middle": ""}),
        ("infill", {"live": 1}),
        ("infill", {"samples": "x"}),
        ("chat", {"branches": "[" * 100_000}),
        ("chat", {"answered_by": None}),
        ("chat", {"conversation": ["x"]}),
        ("chat", {"conversation": [{"role": "user"}]}),
        ("chat", {"answer_chat": 1}),
        ("chat", {"system": 1}),
    ],
)
def test_what_no_component_holds_is_refused(tab: Tab, fields: dict[str, Any]) -> None:
    with pytest.raises(InvalidInputError):
        read(tab, **fields)


@pytest.mark.parametrize("data", [None, [], "x", {}])
def test_what_is_no_draft_is_refused(data: object) -> None:
    with pytest.raises(InvalidInputError):
        read_draft("continue", data, AUTHORS)

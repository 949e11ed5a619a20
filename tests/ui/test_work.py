from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model.errors import InvalidInputError, PromptError
from model.prompts.infill import RepositoryFile
from model.prompts.metadata import Header
from model.sampling import MAX_SEED
from ui.branches import Branches
from ui.context_files import Repository
from ui.controls import CHAT_DEFAULTS, show_params
from ui.conversation_file import ConversationFile
from ui.edit_diff import Proposal
from ui.edit_form import Edit
from ui.gap import Gap, Middle
from ui.languages import LANGUAGES
from ui.marked_text import MarkedText
from ui.samples import Sample, Samples
from ui.work import (
    TABS,
    ChatContent,
    ContinueContent,
    InfillContent,
    Tab,
    Work,
    WorkError,
    default_settings,
    read_work,
)

MARKED = MarkedText("a🙂b = 1\n", [(1, 3)])
CANDIDATES = Samples(MARKED, (Sample("Sample 1", "x", "ended", 7), Sample("<b>", "", "stopped")))
HEADER = Header("src/a.py", "me/it", "250", is_exercise=True)
HEADER_JSON = {"path": "a.py", "repository": "", "stars": "", "exercise": False}
EDIT = Edit("edit", "Use two", Proposal("x = 1\n", "x = 2\n", is_whole=True))
EDIT_JSON = EDIT.to_json()
CONTINUE = Work(
    ContinueContent(MARKED, 3, CANDIDATES, HEADER, EDIT, "same"),
    default_settings("continue"),
    "Python",
    7,
)
INFILL = Work(
    InfillContent(
        Gap(
            MarkedText("def f(", [(0, 3)]),
            "):\n",
            Middle("x", "):", samples=(Middle("x", "):"), Middle("y"))),
        ),
        "spm",
        2,
        Repository("src/a.rs", "me/it", (RepositoryFile("src/b.rs", "fn b() {}\n"),)),
    ),
    default_settings("infill"),
    "Rust",
)
TALK = Branches().add("user", "q").add("assistant", "    a\n", author="Model").branch(0, "q2")
CHAT = Work(ChatContent(TALK, "Be brief.", "Use", "both", "not sent yet"), default_settings("chat"))
WORKS = [CONTINUE, INFILL, CHAT]

plain = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))
settings = st.tuples(*[st.none() | st.floats(0, 5) | st.integers(0, 99)] * 6, plain, plain)


@st.composite
def marked(draw: st.DrawFn) -> MarkedText:
    text = draw(plain)
    places = sorted(draw(st.sets(st.integers(0, len(text)), max_size=6)))
    return MarkedText(text, zip(places[::2], places[1::2], strict=False))


@st.composite
def talks(draw: st.DrawFn) -> Branches:
    talk = Branches()
    for text in draw(st.lists(plain, max_size=4)):
        roles = ("user", "assistant")
        talk = talk.add(roles[len(talk.path) % 2], text, author=draw(plain))
    if talk.path and draw(st.booleans()):
        talk = talk.branch(draw(st.integers(0, len(talk.path) - 1)), draw(plain))
    return talk


middles = st.builds(Middle, plain, plain)
contents = st.one_of(
    st.builds(
        ContinueContent,
        marked(),
        header=st.builds(Header, plain, plain, plain, st.booleans()),
        edit=st.builds(
            Edit,
            st.sampled_from(["text", "edit", "notebook"]),
            plain,
            st.none() | st.builds(Proposal, plain, plain, st.booleans()),
        ),
        next_cell=st.sampled_from(["code", "text", "output", "same"]),
    ),
    st.builds(
        InfillContent,
        st.builds(
            Gap,
            marked(),
            marked(),
            st.builds(Middle, plain, plain, st.lists(middles, max_size=4).map(tuple)),
        ),
        st.sampled_from([None, "psm", "spm"]),
        st.none() | st.integers(1, 4),
    ),
    st.builds(
        ChatContent, talks(), plain, plain, st.sampled_from(["chat", "assistant", "both"]), plain
    ),
)


def marks_of(work: Work) -> list[Any]:
    content = work.content
    texts = {
        ContinueContent: lambda: [content.text],
        InfillContent: lambda: [content.gap.prefix, content.gap.suffix],
        ChatContent: list,
    }[type(content)]()
    return [getattr(text, "marks", ()) for text in texts]


def changed(work: Work, **fields: Any) -> str:
    return json.dumps(json.loads(work.to_json()) | fields)


def changed_content(work: Work, **fields: Any) -> str:
    return changed(work, content=json.loads(work.to_json())["content"] | fields)


@given(
    content=contents,
    settings=settings,
    language=st.sampled_from([language.title for language in LANGUAGES]),
    seed=st.none() | st.integers(0, MAX_SEED),
)
def test_any_work_comes_back_as_it_was_written(
    content: Any, settings: tuple[Any, ...], language: str, seed: int | None
) -> None:
    work = Work(content, settings, "" if content.tab == "chat" else language, seed)
    back = read_work(work.to_json())
    assert back == work
    assert marks_of(back) == marks_of(work)


def test_a_tab_in_which_nothing_stands_has_no_work() -> None:
    settings = default_settings("chat")
    empty = [ContinueContent(), InfillContent(), ChatContent(system="Be brief.")]
    assert not any(Work(content, settings) for content in empty)
    assert all(WORKS)
    assert [work.tab for work in WORKS] == list(TABS)


def test_what_it_looks_like_is_what_its_description_says() -> None:
    data = json.loads(CONTINUE.to_json())
    assert data["format"] == "starcoder-playground/work"
    assert data["settings"]["temperature"] == 0.2
    assert data["seed"] == "7"  # a number of this size would not survive JavaScript
    # A browser counts UTF-16 units.
    marked = {"text": "a🙂b = 1\n", "marks": [[1, 4]]}
    assert data["content"] == {
        "text": marked,
        "samples": 3,
        "candidates": {
            "prompt": marked,
            "texts": [
                {"title": "Sample 1", "text": "x", "note": "ended", "seed": "7"},
                {"title": "<b>", "text": "", "note": "stopped", "seed": None},
            ],
        },
        "header": {"path": "src/a.py", "repository": "me/it", "stars": "250", "exercise": True},
        "edit": {
            "form": "edit",
            "instruction": "Use two",
            "proposal": {"before": "x = 1\n", "after": "x = 2\n", "is_whole": True},
        },
        "next_cell": "same",
    }


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "not JSON"),
        ("[]", "not an object"),
        ('{"format": "x"}', "no work"),
        (changed(CONTINUE, version=2), "another version"),
        (changed(CONTINUE, tab="other"), "'tab'"),
        (changed(CONTINUE, tab="chat"), "conversation"),
        (changed(CONTINUE, language=None), "'language'"),
        (changed(CONTINUE, seed=7), "'seed'"),
        (changed(CONTINUE, seed="-7"), "seed"),
        (changed(CONTINUE, seed=str(MAX_SEED + 1)), "seed"),
        (changed(CONTINUE, settings=[]), "settings is not an object"),
        (changed(CONTINUE, settings={"volume": 11}), "unknown setting 'volume'"),
        (changed(CONTINUE, settings={"temperature": "hot"}), "'temperature'"),
        (changed(CONTINUE, settings={"stop": ["x"]}), "'stop'"),
        (changed(CONTINUE, content="x"), "content is not an object"),
        (changed_content(CONTINUE, text="x"), "text is not an object"),
        (changed_content(CONTINUE, header={"path": 1}), "'path'"),
        (changed_content(CONTINUE, header=HEADER_JSON | {"stars": 9}), "'stars'"),
        (changed_content(CONTINUE, header=HEADER_JSON | {"exercise": 1}), "'exercise'"),
        (changed_content(CONTINUE, edit=EDIT_JSON | {"form": "other"}), "'form'"),
        (changed_content(CONTINUE, edit=EDIT_JSON | {"proposal": 1}), "not an object"),
        (changed_content(CONTINUE, next_cell="poem"), "'next_cell'"),
        (changed_content(INFILL, order="other"), "'order'"),
        (changed_content(INFILL, samples="2"), "'samples'"),
        (changed_content(INFILL, middle={"text": "x", "cut": "", "samples": ["x"]}), "sample"),
        (changed_content(CHAT, draft=1), "'draft'"),
        (changed_content(CHAT, answered_by="nobody"), "'answered_by'"),
        (changed_content(CHAT, conversation={}), "version"),
    ],
)
def test_another_text_is_refused_and_says_why(text: str, words: str) -> None:
    with pytest.raises(WorkError, match=words) as caught:
        read_work(text)
    assert "Nothing was changed" in caught.value.advice


@pytest.mark.parametrize(
    "marks", [[[0, 99]], [[-1, 1]], [[2, 1]], [[1, 1]], [[4, 5], [0, 1]], [[0, 2]], [[0.0, 1]], [1]]
)
def test_marks_that_are_no_ranges_of_the_text_are_refused(marks: Any) -> None:
    with pytest.raises(WorkError, match=r"(?i)mark"):
        read_work(changed_content(CONTINUE, text={"text": MARKED, "marks": marks}))


@pytest.mark.parametrize("bad", ["\0", "\ud800"])
def test_a_character_that_no_model_takes_is_refused_wherever_it_stands(bad: str) -> None:
    talk = TALK.to_json()
    talk["turns"][0]["author"] = bad
    texts = [
        changed_content(CONTINUE, text={"text": bad, "marks": []}),
        changed_content(INFILL, suffix={"text": bad, "marks": []}),
        changed_content(
            INFILL, middle={"text": "", "cut": "", "samples": [{"text": "", "cut": bad}]}
        ),
        *(changed_content(CHAT, **{name: bad}) for name in ("system", "begin", "draft")),
        changed_content(CHAT, conversation=talk),
        changed(CONTINUE, settings={"stop": bad}),
    ]
    for text in texts:
        with pytest.raises(PromptError):
            read_work(text)


@pytest.mark.parametrize("tab", TABS)
def test_a_setting_that_is_missing_has_the_tabs_default(tab: Tab) -> None:
    work = next(work for work in WORKS if work.tab == tab)
    read = read_work(changed(work, settings={"temperature": None, "seed": "1 2"}))
    assert read.settings == (None, *default_settings(tab)[1:6], "1 2", default_settings(tab)[7])


def test_a_language_that_is_not_offered_is_plain_text() -> None:
    assert read_work(changed(CONTINUE, language="Klingon")).language == "Plain text"


def test_a_conversation_that_was_exported_before_is_a_chats_work() -> None:
    file = ConversationFile(TALK, "Be brief.", "Use", (*show_params(CHAT_DEFAULTS)[:-1], "\n"))
    content = ChatContent(TALK, "Be brief.", "Use")
    assert read_work(file.to_json()) == Work(content, file.settings)
    data = json.loads(file.to_json())
    assert read_work(json.dumps(data | {"settings": {}})).settings == default_settings("chat")
    with pytest.raises(InvalidInputError, match="Turn"):
        read_work(json.dumps(data | {"conversation": {"version": 1, "turns": [1], "shown": []}}))


def test_an_infill_that_was_written_before_there_were_files_has_none() -> None:
    data = json.loads(INFILL.to_json())
    del data["content"]["repository"]
    content = read_work(json.dumps(data)).content
    assert isinstance(content, InfillContent)
    assert content.repository == Repository()


def test_a_continue_that_was_written_before_there_were_forms_is_text() -> None:
    data = json.loads(CONTINUE.to_json())
    del data["content"]["header"]
    del data["content"]["edit"]
    del data["content"]["next_cell"]
    assert read_work(json.dumps(data)).content == ContinueContent(MARKED, 3, CANDIDATES)


def test_a_header_alone_is_work_worth_keeping() -> None:
    assert ContinueContent(header=Header(stars="0"))


def test_files_of_a_repository_alone_are_work_worth_keeping() -> None:
    assert InfillContent(repository=Repository(path="src/a.py"))

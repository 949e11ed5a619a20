from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path

import pytest
from pygments.lexers import get_lexer_by_name

import ui
from ui.editor import STATIC, CodeEditor, build_editor, growing, reading_selection, script_address
from ui.languages import LANGUAGES
from ui.marked_text import MarkedText

SOURCES = Path(ui.__path__[0], "editor_component")


@pytest.fixture
def editor() -> CodeEditor:
    return build_editor("Prompt", "the-prompt", hint="Type here", lines=3, max_lines=9)


def test_an_editor_keeps_what_it_is_given(editor: CodeEditor) -> None:
    given = MarkedText("    x\r\n\t\n\n", [(4, 5)])
    back = editor.preprocess(editor.postprocess(given))
    assert (back, back.marks) == (given, given.marks)
    assert editor.preprocess(editor.postprocess(None)) == ""


def test_a_value_is_no_object_that_a_streams_next_update_could_change(editor: CodeEditor) -> None:
    assert isinstance(editor.postprocess("x"), str)


def test_no_value_is_part_of_a_template(editor: CodeEditor) -> None:
    # What a template holds is run as a script.
    config = editor.get_config()
    assert config["html_template"] == config["css_template"] == ""
    assert json.loads(config["value"]) == {"text": "", "marks": []}


def test_the_script_is_told_what_kind_of_editor_it_is(editor: CodeEditor) -> None:
    told = {
        "name": "the-prompt",
        "hint": "Type here",
        "lines": 3,
        "max_lines": 9,
        "interactive": True,
    }
    assert editor.get_config()["props"] == told | {"language": "python"}


def test_a_changed_script_has_another_address(editor: CodeEditor) -> None:
    digest = hashlib.sha256((STATIC / "editor.js").read_bytes()).hexdigest()
    assert script_address().endswith(f"/editor.js?v={digest[:12]}")
    assert script_address() in editor.get_config()["head"]


def test_the_selection_is_read_of_the_editor_that_is_named(editor: CodeEditor) -> None:
    assert "playgroundEditors.get('the-prompt').selection" in reading_selection(editor)


def test_the_committed_bundle_is_made_from_these_sources() -> None:
    digest = hashlib.sha256()
    scripts = sorted(f"src/{path.name}" for path in (SOURCES / "src").iterdir())
    for path in ("build.mjs", "package-lock.json", *scripts):
        digest.update(f"{path}\0".encode() + (SOURCES / path).read_bytes())
    with (STATIC / "editor.js").open(encoding="utf-8") as bundle:
        assert digest.hexdigest() in bundle.readline(), "out of date: run `make editor`"


def test_versions_are_pinned_and_their_licences_are_there() -> None:
    package = json.loads((SOURCES / "package.json").read_text())
    notice = (STATIC / "editor.LICENSES.txt").read_text(encoding="utf-8")
    for name, version in package["dependencies"].items():
        assert re.fullmatch(r"\d+\.\d+\.\d+", version), name
        assert f"\n{name} {version} (MIT)\n" in notice


def test_every_language_has_a_lexer_and_only_plain_text_no_mode() -> None:
    for language in LANGUAGES:
        assert get_lexer_by_name(language.lexer)
    assert [each.title for each in LANGUAGES if each.editor is None] == ["Plain text"]


def test_growth_begins_where_the_browser_has_the_prompts_end() -> None:
    update = growing("7", "a🙂", "new", is_over=False)
    assert update["grow"] == {"run": "7", "at": 3, "text": "new", "is_over": False}

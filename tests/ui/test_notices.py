from __future__ import annotations

from model.errors import ContextLengthError, PlaygroundError, PromptError
from model.trimming import Dropped
from ui.notices import dropped_notice, error_notice, linked, linked_name


def subclasses(kind: type[PlaygroundError]) -> set[type[PlaygroundError]]:
    return {kind}.union(*(subclasses(child) for child in kind.__subclasses__()))


def test_every_error_of_the_tree_can_be_shown() -> None:
    for kind in subclasses(PlaygroundError):
        error = kind.__new__(kind)
        error.message, error.advice = "It is <wrong>.", "Do <this>."
        error.field = "top_p"  # type: ignore[attr-defined]
        html = error_notice(error)
        assert "It is &lt;wrong&gt;." in html
        assert "Do &lt;this&gt;." in html


def test_an_error_is_an_alert() -> None:
    assert 'role="alert"' in error_notice(PromptError("The prompt is empty."))


def test_numbers_of_a_prompt_over_the_window_are_shown() -> None:
    assert "9,000 tokens long, 808 over the 8,192" in error_notice(ContextLengthError(9000, 8192))


def test_dropped_turns_are_counted() -> None:
    html = dropped_notice(Dropped("user", "start", 300, num_turns=4), 7000)
    assert "300 tokens (4 turns) left out from the start of the conversation" in html
    assert "7,300 tokens long, 7,000 fit" in html


def test_addresses_are_links_and_commands_stand_out() -> None:
    html = linked("See https://example.com/a?b=1&c=<2>, then run `hf auth login`.")
    assert '<a href="https://example.com/a?b=1&amp;c=" target="_blank"' in html
    assert "&lt;2&gt;" in html
    assert "then run <code>hf auth login</code>." in html
    assert linked("python app.py --base-model a/b-1.") == (
        "<code>python app.py --base-model a/b-1</code>."
    )


def test_a_name_is_a_link_only_where_there_is_somewhere_to_go() -> None:
    assert linked_name("A<b>", "https://example.com") == (
        '<a href="https://example.com" target="_blank" rel="noopener noreferrer">A&lt;b&gt;</a>'
    )
    assert linked_name("A<b>", "javascript:alert(1)") == "A&lt;b&gt;"

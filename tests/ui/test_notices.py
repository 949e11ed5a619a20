from __future__ import annotations

from model.errors import ContextLengthError, PlaygroundError, PromptError
from model.requests import Dropped
from ui.notices import dropped_notice, error_notice


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

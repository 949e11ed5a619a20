from __future__ import annotations

from ui.history import MAX_STEPS, History


def test_undo_and_redo_walk_through_what_stood_there() -> None:
    history, content = History[str]().record("a").record("b"), "c"
    history, content = history.undo(content)
    assert content == "b"
    history, content = history.undo(content)
    assert content == "a"
    history, content = history.redo(content)
    history, content = history.redo(content)
    assert content == "c"


def test_nothing_to_undo_or_redo_leaves_the_content() -> None:
    assert History[str]().undo("a") == (History(), "a")
    assert History[str]().redo("a") == (History(), "a")


def test_the_same_content_is_kept_once() -> None:
    assert History[str]().record("a").record("a").past == ("a",)


def test_a_new_step_forgets_what_was_undone() -> None:
    history, _ = History[str]().record("a").undo("b")
    assert history.record("c").future == ()


def test_it_keeps_the_latest_steps() -> None:
    history = History[int]()
    for number in range(MAX_STEPS + 5):
        history = history.record(number)
    assert len(history.past) == MAX_STEPS
    assert history.past[-1] == MAX_STEPS + 4

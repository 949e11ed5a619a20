from __future__ import annotations

from model.engine.events import Finished, FinishReason, Timings, Usage
from ui.asking import Asked
from ui.branches import Branches
from ui.progress import Progress

QUESTION = Branches().add("user", "q")


def progress(text: str, reason: FinishReason | None = None) -> Progress:
    outcome = None if reason is None else Finished(reason, Usage(1, 0, 1), Timings(0, 0, 1), 7)
    return Progress(text=text, outcome=outcome, is_over=reason is not None)


def test_an_answer_is_a_turn_of_its_author() -> None:
    [_, turn] = Asked(QUESTION).answered(progress("a", FinishReason.EOS_TOKEN), "Model").path
    assert (turn.text, turn.author, turn.is_cut) == ("a", "Model", False)


def test_what_is_cut_off_or_stopped_can_be_gone_on_with() -> None:
    for reason in (FinishReason.LENGTH, FinishReason.CANCELLED, FinishReason.DEADLINE, None):
        assert Asked(QUESTION).answered(progress("a", reason), "").path[1].is_cut


def test_an_answer_that_was_begun_has_its_beginning() -> None:
    asked = Asked(QUESTION, "Use ")
    assert (asked.messages, asked.reply) == (QUESTION.messages, "Use ")
    assert asked.answered(progress("a list"), "").messages[1].text == "Use a list"


def test_a_reply_that_is_gone_on_with_stays_the_same_version() -> None:
    asked = Asked(QUESTION.add("assistant", "Use", author="Model", is_cut=True), "ignored")
    assert (asked.messages, asked.reply) == (QUESTION.messages, "Use")
    longer = asked.answered(progress(" a list", FinishReason.EOS_TOKEN), "Other")
    assert longer.versions(1) == (0, 1)
    turn = longer.path[1]
    assert (turn.text, turn.author, turn.is_cut) == ("Use a list", "Model", False)

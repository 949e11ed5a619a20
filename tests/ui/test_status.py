from __future__ import annotations

from dataclasses import replace

import pytest

from model.engine.base import LoadProgress
from model.engine.events import Failed, FinishReason, Prefill, Queued, Token
from model.errors import GenerationError
from model.remote import Piece
from model.service import Prepared, Revoked, RunEvent, Waiting
from model.trimming import Dropped
from tests.ui.runs import finished, fitted
from ui.progress import Preparing, Progress, advance
from ui.status import ordinal, render_status, why_it_ended


def status(*events: RunEvent, now: float = 0.0) -> str:
    return render_status(advance(Progress(), events, now))


def test_what_one_waits_for_is_said() -> None:
    assert "Starting" in render_status(Progress())
    assert "The model is loading: download, 40%" in status(Waiting(LoadProgress("download", 0.4)))
    assert "The model is loading: converting" in status(Waiting(LoadProgress("converting")))
    assert "download, 50% (1 of 2 GB)" in status(
        Waiting(LoadProgress("download", 0.5, "1 of 2 GB"))
    )
    assert "Next in line" in status(Queued(1))
    assert "2nd in line" in status(Queued(2))
    assert "Reading the prompt · 1,024 / 3,000 tokens" in status(Prefill(1024, 3000))


def test_progress_of_the_prompt_is_a_bar() -> None:
    assert '<progress max="1" value="0.500"' in status(Prefill(1, 2))
    assert "<progress" not in status(Queued(1))


def test_tokens_are_counted_while_they_come() -> None:
    first = advance(Progress(), [Token(1, "a")], 0.0)
    assert "1 token<" in render_status(first)
    assert "3 tokens · 4.0 tokens/s" in render_status(
        advance(first, [Token(2, "b"), Token(3, "c")], 0.5)
    )


def test_the_end_has_all_figures() -> None:
    line = status(Prepared(fitted(428)), finished(reused_tokens=400))
    assert (
        "84 tokens · 20.0 tokens/s · first token 0.4 s · ended by itself · "
        "context 512 / 8,192 (6%) · seed 7 · 400 of 428 prompt tokens reused"
    ) in line


def test_a_remote_text_counts_its_pieces_and_has_no_context_nor_a_seed_that_was_not_set() -> None:
    live = advance(advance(Progress(), [Piece("a")], 0.0), [Piece("b"), Piece("c")], 0.5)
    assert "3 tokens · 4.0 tokens/s" in render_status(live)
    ended = advance(live, [replace(finished(completion_tokens=3), seed=None)], 1.0)
    assert ended.text == "abc"
    line = render_status(ended)
    assert "ended by itself<" in line
    assert "context" not in line


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        (FinishReason.EOS_TOKEN, "ended by itself"),
        (FinishReason.LENGTH, "reached the length limit (84)"),
        (FinishReason.STOP_SEQUENCE, "met a stop string"),
        (FinishReason.CANCELLED, "stopped by you"),
        (FinishReason.DEADLINE, "cut off at the time limit"),
    ],
)
def test_each_reason_has_words(reason: FinishReason, words: str) -> None:
    assert words in status(finished(reason))


def test_the_end_is_put_in_a_few_words() -> None:
    assert why_it_ended(advance(Progress(), [finished()], 0.0)) == "ended by itself"
    failed = advance(Progress(), [Failed(GenerationError("x"))], 0.0)
    assert why_it_ended(failed) == "failed"
    assert why_it_ended(Progress(is_over=True)) == "stopped"


def test_a_model_that_was_changed_is_told_from_a_press_of_stop() -> None:
    line = status(Token(1, "a"), Revoked(), finished(FinishReason.CANCELLED))
    assert "stopped: the model was changed" in line
    assert "by you" not in line
    early = replace(advance(Progress(), [Revoked()], 0.0), is_over=True)
    assert "Stopped before it began: the model was changed" in render_status(early)


def test_an_end_that_was_asked_for_is_told_from_a_press_of_stop() -> None:
    over = advance(Progress(), [Token(1, "a"), finished(FinishReason.CANCELLED)], 0.0)
    over = replace(over, ended_at="the end of the block")
    assert "stopped at the end of the block" in render_status(over)
    assert "stopped by you" in render_status(replace(over, ended_at=""))


def test_a_prompt_that_is_being_fetched_is_said_so() -> None:
    assert "Fetching the Tech Assistant" in render_status(Progress(stage=Preparing()))


def test_a_full_context_is_told_from_the_length_limit() -> None:
    line = status(Prepared(fitted(428, context_length=512)), finished(FinishReason.LENGTH))
    assert "the context is full" in line


def test_what_was_left_out_stays_in_sight_to_the_end() -> None:
    prepared = Prepared(fitted(8192, (Dropped("prefix", "start", 1234),)))
    for events in ((prepared,), (prepared, Token(1, "a")), (prepared, finished())):
        line = status(*events)
        assert "1,234 tokens left out from the start of the prefix" in line
        assert "9,426 tokens long, 8,192 fit" in line


def test_a_failure_is_told_with_its_advice() -> None:
    line = status(Token(1, "a"), Failed(GenerationError("It broke <here>.", "Try again.")))
    assert "Failed after 1 token" in line
    assert "It broke &lt;here&gt;." in line
    assert "Try again." in line


def test_a_line_that_changes_often_is_not_read_out() -> None:
    assert 'aria-live="off"' in status(Token(1, "a"))
    assert 'aria-live="polite"' in status(finished())


def test_ordinals() -> None:
    numbers = (1, 2, 3, 4, 11, 12, 13, 21, 22, 101, 111)
    assert [ordinal(number) for number in numbers] == (
        ["1st", "2nd", "3rd", "4th", "11th", "12th", "13th", "21st", "22nd", "101st", "111th"]
    )

from __future__ import annotations

from model.engine.base import LoadProgress
from model.engine.events import FinishReason, Prefill, Queued, Token
from model.service import Prepared, Revoked, Waiting
from tests.ui.runs import finished, fitted
from ui.progress import Progress, advance


def test_the_stages_follow_one_another() -> None:
    loading = advance(Progress(), [Waiting(LoadProgress("reading"))], 1.0)
    assert loading.stage == LoadProgress("reading")
    prepared = advance(loading, [Prepared(fitted(5))], 2.0)
    assert prepared.stage is None
    assert prepared.fitted is not None
    assert advance(prepared, [Queued(2)], 3.0).stage == Queued(2)
    assert advance(prepared, [Queued(2), Prefill(1, 5)], 3.0).stage == Prefill(1, 5)
    assert advance(prepared, [Prefill(1, 5), Token(1, "x")], 3.0).stage is None


def test_text_that_is_set_free_at_the_end_counts_as_no_token() -> None:
    progress = advance(Progress(), [Token(1, "a"), Token(2, ""), Token(None, "b")], 0.0)
    assert (progress.text, progress.num_tokens) == ("ab", 2)


def test_speed_runs_from_the_first_token() -> None:
    progress = advance(Progress(), [Token(1, "a")], 10.0)
    assert progress.tokens_per_second is None
    assert advance(progress, [Token(2, "b"), Token(3, "c")], 11.0).tokens_per_second == 2.0


def test_only_the_length_limit_cuts() -> None:
    assert advance(Progress(), [finished(FinishReason.LENGTH)], 0.0).was_cut
    assert not advance(Progress(), [finished(FinishReason.EOS_TOKEN)], 0.0).was_cut


def test_a_model_that_had_to_leave_is_remembered_and_the_text_is_kept() -> None:
    events = [Token(1, "a"), Revoked(), finished(FinishReason.CANCELLED)]
    progress = advance(Progress(), events, 0.0)
    assert progress.is_revoked
    assert (progress.text, progress.is_over) == ("a", True)


def test_tokens_are_kept_only_where_their_probability_is_told() -> None:
    told = Token(2, "b", -0.1)
    progress = advance(Progress(), [Token(1, "a"), told, Token(None, "c")], 0.0)
    assert progress.tokens == (told,)
    assert progress.text == "abc"

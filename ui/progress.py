"""How far a run is: its events, folded into one value that the page can show."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from model.engine.base import LoadProgress
from model.engine.events import Failed, Finished, FinishReason, Prefill, Queued, Token
from model.fitting import FittedRequest
from model.remote import Piece, RemoteEvent
from model.service import Prepared, Revoked, RunEvent, Waiting


@dataclass(frozen=True, slots=True)
class Preparing:
    """The request is still being made: something that it needs is being fetched."""


_ENDS = (FinishReason.EOS_TOKEN, FinishReason.STOP_SEQUENCE, FinishReason.LENGTH)

Stage = Preparing | LoadProgress | Queued | Prefill


@dataclass(frozen=True, slots=True)
class Progress:
    """What is known of a run at one moment.

    Attributes:
        text: what was generated so far.
        stage: what the run waits for; None before the first event and while tokens come.
        first_token_at: seconds on the monotonic clock.
        seen_at: the same clock, when the last events were seen.
        tokens: those that came with their probability; empty where none were asked for.
        is_revoked: it ended because its model had to leave.
        outcome: how it ended; None while it goes on, and where it was stopped before it began.
        is_over: nothing more comes.
        ended_at: the place in the text where it was stopped, as asked; "" where it was not.
    """

    text: str = ""
    num_tokens: int = 0
    stage: Stage | None = None
    fitted: FittedRequest | None = None
    first_token_at: float | None = None
    seen_at: float = 0.0
    tokens: tuple[Token, ...] = ()
    is_revoked: bool = False
    outcome: Finished | Failed | None = None
    is_over: bool = False
    ended_at: str = ""

    @property
    def was_cut(self) -> bool:
        """It reached the length limit: there is more to come for who asks."""
        finished = self.outcome
        return isinstance(finished, Finished) and finished.reason is FinishReason.LENGTH

    @property
    def seed(self) -> int | None:
        """The one that was given or drawn, once it has ended."""
        return self.outcome.seed if isinstance(self.outcome, Finished) else None

    @property
    def has_ended_well(self) -> bool:
        """It came to an end of its own: none stopped it, and it did not fail."""
        finished = self.outcome
        return isinstance(finished, Finished) and finished.reason in _ENDS

    @property
    def is_unfinished(self) -> bool:
        """It ended, or would end now, before the model was done."""
        ends = (FinishReason.EOS_TOKEN, FinishReason.STOP_SEQUENCE)
        return not (isinstance(self.outcome, Finished) and self.outcome.reason in ends)

    @property
    def tokens_per_second(self) -> float | None:
        """Speed so far, after the first token; None before there are two."""
        if self.first_token_at is None or self.num_tokens < 2:
            return None
        elapsed = self.seen_at - self.first_token_at
        return (self.num_tokens - 1) / elapsed if elapsed > 0 else None


def advance(progress: Progress, events: Iterable[RunEvent | RemoteEvent], now: float) -> Progress:
    """`progress` after `events`, which were seen at `now`."""
    pieces = []
    tokens = []
    num_tokens = progress.num_tokens
    for event in events:
        match event:
            case Waiting(stage):
                progress = replace(progress, stage=stage)
            case Prepared(fitted):
                progress = replace(progress, stage=None, fitted=fitted)
            case Revoked():
                progress = replace(progress, is_revoked=True)
            case Queued() | Prefill():
                progress = replace(progress, stage=event)
            case Token():
                pieces.append(event.text)
                num_tokens += event.id is not None
                if event.logprob is not None:
                    tokens.append(event)
                if progress.first_token_at is None:
                    progress = replace(progress, stage=None, first_token_at=now)
            case Piece(text):
                pieces.append(text)
                num_tokens += 1
                if progress.first_token_at is None:
                    progress = replace(progress, first_token_at=now)
            case Finished() | Failed():
                progress = replace(progress, outcome=event, is_over=True)
    return replace(
        progress,
        text=progress.text + "".join(pieces),
        num_tokens=num_tokens,
        tokens=(*progress.tokens, *tokens) if tokens else progress.tokens,
        seen_at=now,
    )

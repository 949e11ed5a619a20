"""What a generation tells its reader: plain, picklable data, in this order.

Queued* → Prefill* → Token* → (Finished | Failed)
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from model.errors import PlaygroundError


class FinishReason(StrEnum):
    """Why a generation ended. The first three are TGI's words."""

    EOS_TOKEN = "eos_token"
    LENGTH = "length"
    STOP_SEQUENCE = "stop_sequence"
    CANCELLED = "cancelled"
    DEADLINE = "deadline"


@dataclass(frozen=True, slots=True)
class Usage:
    """Token counts. `reused_tokens` of the prompt's came from the kept cache."""

    prompt_tokens: int
    reused_tokens: int
    completion_tokens: int


@dataclass(frozen=True, slots=True)
class Timings:
    """Seconds. Both run from the moment the model took the request up, so waiting is apart."""

    queued: float
    time_to_first_token: float | None
    total: float

    @property
    def prefill(self) -> float:
        """Up to the first token; all of it where none came."""
        return self.total if self.time_to_first_token is None else self.time_to_first_token

    @property
    def decode(self) -> float:
        return max(0.0, self.total - self.prefill)

    def tokens_per_second(self, completion_tokens: int) -> float | None:
        """Decode speed: tokens after the first, over the time after the first."""
        if self.time_to_first_token is None or completion_tokens < 2:
            return None
        elapsed = self.total - self.time_to_first_token
        return (completion_tokens - 1) / elapsed if elapsed > 0 else None


@dataclass(frozen=True, slots=True)
class Queued:
    """The request waits; `position` 1 is next."""

    position: int


@dataclass(frozen=True, slots=True)
class Prefill:
    """`done` of `total` prompt tokens are in the cache."""

    done: int
    total: int


@dataclass(frozen=True, slots=True)
class Alternative:
    """A token that could have stood there, with its log-probability in nats.

    `text` is that of the token by itself, a special token's spelling.
    """

    id: int
    text: str
    logprob: float


@dataclass(frozen=True, slots=True)
class Token:
    """One decoded token and the text that it set free.

    `text` may be empty (bytes of a character still missing, or the start of what may become a
    stop string) and may hold what earlier tokens had withheld. `id` is None for text set free
    at the very end, whose tokens were reported before. The token that ends the text is reported
    like any other, with no text of its own.

    `logprob`, in nats, and `alternatives`, best first, are told where `SamplingParams.logprobs`
    asks for them.
    """

    id: int | None
    text: str
    logprob: float | None = None
    alternatives: tuple[Alternative, ...] = ()


@dataclass(frozen=True, slots=True)
class Finished:
    """The generation ended by itself, by a limit or by `cancel()`. All its text was sent.

    `seed` is the one that was used, drawn where none was asked for; None if the model never ran.
    """

    reason: FinishReason
    usage: Usage
    timings: Timings
    seed: int | None


@dataclass(frozen=True, slots=True)
class Failed:
    """The generation failed. The text sent before stands."""

    error: PlaygroundError


Event = Queued | Prefill | Token | Finished | Failed

"""Sampling parameters: what a user may ask of the decoder, checked once, here."""

from __future__ import annotations

import math
from dataclasses import dataclass

from model.errors import SamplingParamsError

# Scores divided by less overflow to infinity, and sampling from those kills a CUDA context.
MIN_TEMPERATURE = 1e-4
MIN_REPETITION_PENALTY = 0.01
MAX_SEED = 2**64 - 1
# Continue sends fifteen: the model's own, then those of its editor and of the language.
MAX_STOP_STRINGS = 24
MAX_STOP_CHARS = 200
MAX_LOGPROBS = 20


@dataclass(frozen=True, slots=True)
class SamplingParams:
    """How the next token is chosen, and when to stop.

    The interval of each number is the one in `__post_init__`; the semantics are those of
    `transformers.GenerationConfig`.

    Attributes:
        temperature: 0, or less than `MIN_TEMPERATURE`, decodes greedily and leaves the other
            sampling settings without effect (but for `repetition_penalty`).
        top_p: nucleus sampling; 1 is off.
        top_k: keep the k likeliest tokens; 0 is off.
        min_p: drop tokens less likely than `min_p` times the likeliest; 0 is off.
        typical_p: keep the tokens whose information is nearest to the expected, up to this
            probability (Meister et al. 2022, arXiv:2202.00666); 1 is off.
        repetition_penalty: divides the scores of tokens already seen; 1 is off.
        max_new_tokens: at most this many tokens; clamped to what the context has left.
        stop: strings that end the text, matched on decoded text and left out of it.
        seed: the same seed and settings give the same text; None draws one, which is reported.
        logprobs: tell each token's log-probability and that many of the likeliest tokens in its
            place; 0 tells only its own, None nothing. They are the model's own, before the other
            settings change them, and change nothing themselves.

    Raises:
        SamplingParamsError: a value is outside its interval, NaN or of the wrong type.
    """

    temperature: float = 0.2
    top_p: float = 0.95
    top_k: int = 0
    min_p: float = 0.0
    typical_p: float = 1.0
    repetition_penalty: float = 1.0
    max_new_tokens: int = 256
    stop: tuple[str, ...] = ()
    seed: int | None = None
    logprobs: int | None = None

    def __post_init__(self) -> None:
        _check_number("temperature", self.temperature, 0, 5)
        _check_number("top_p", self.top_p, 0, 1, is_low_excluded=True)
        _check_integer("top_k", self.top_k, 0, 1_000_000)
        _check_number("min_p", self.min_p, 0, 1)
        _check_number("typical_p", self.typical_p, 0, 1, is_low_excluded=True)
        _check_number("repetition_penalty", self.repetition_penalty, MIN_REPETITION_PENALTY, 10)
        _check_integer("max_new_tokens", self.max_new_tokens, 1, 1_000_000)
        if self.seed is not None:
            _check_integer("seed", self.seed, 0, MAX_SEED)
        if self.logprobs is not None:
            _check_integer("logprobs", self.logprobs, 0, MAX_LOGPROBS)
        _check_stop(self.stop)

    @property
    def is_greedy(self) -> bool:
        return self.temperature < MIN_TEMPERATURE


def _check_number(
    field: str, value: object, low: float, high: float, *, is_low_excluded: bool = False
) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float) or math.isnan(value):
        raise SamplingParamsError(field, f"{field} must be a number, not {value!r}.")
    if value > high or value < low or (is_low_excluded and value == low):
        bound = f"above {low} and at most {high}" if is_low_excluded else f"from {low} to {high}"
        raise SamplingParamsError(field, f"{field} must be {bound}, not {value}.")


def _check_integer(field: str, value: object, low: int, high: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int):
        raise SamplingParamsError(field, f"{field} must be a whole number, not {value!r}.")
    if not low <= value <= high:
        raise SamplingParamsError(field, f"{field} must be from {low} to {high}, not {value}.")


def _check_stop(stop: object) -> None:
    if not isinstance(stop, tuple) or not all(isinstance(item, str) for item in stop):
        raise SamplingParamsError("stop", "stop must be a tuple of strings.")
    if len(stop) > MAX_STOP_STRINGS:
        raise SamplingParamsError(
            "stop", f"At most {MAX_STOP_STRINGS} stop strings can be matched, not {len(stop)}."
        )
    if any(not item for item in stop):
        raise SamplingParamsError("stop", "A stop string cannot be empty.", "Remove it.")
    if any("\ud800" <= character <= "\udfff" for item in stop for character in item):
        raise SamplingParamsError(
            "stop",
            "A stop string holds half of a surrogate pair, which no text does.",
            "Remove it.",
        )
    longest = max(map(len, stop), default=0)
    if longest > MAX_STOP_CHARS:
        raise SamplingParamsError(
            "stop", f"A stop string has at most {MAX_STOP_CHARS} characters, not {longest}."
        )

"""Answers in TGI's form, put together from an answer's tokens.

Sources: text-generation-inference, router/src/lib.rs (`GenerateResponse`, `Details`,
`StreamResponse`, `StreamDetails`) and router/src/server.rs (`generate_internal`, for the headers).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from api.tgi.bodies import GenerateBody
from api.tgi.tokens import TokenStep, text_of
from model.engine.base import ResidentModel
from model.engine.events import Finished, FinishReason
from model.errors import UnavailableError


@dataclass
class Transcript:
    """One answer, as far as it has been written.

    Attributes:
        resident: the model that writes it.
        is_compatible: the prompt stands before the text unless that is asked to be left out.
    """

    body: GenerateBody
    resident: ResidentModel
    is_compatible: bool
    steps: list[TokenStep] = field(default_factory=list)

    @property
    def text(self) -> str:
        is_full = self.body.wants_full_text(default=self.is_compatible)
        return (self.body.inputs if is_full else "") + text_of(self.steps)

    def whole(self, finished: Finished) -> dict[str, Any]:
        """`GenerateResponse`.

        Raises:
            UnavailableError: time was up before the first token.
        """
        ending = self._ending(finished)
        if not self.body.parameters.details:
            return {"generated_text": self.text}
        details = {
            **ending,
            "prefill": [],
            "tokens": [step.body for step in self.steps],
        }
        if self.body.parameters.top_n_tokens:
            details["top_tokens"] = [self._top_tokens(step) for step in self.steps]
        return {"generated_text": self.text, "details": details}

    def event(self) -> dict[str, Any]:
        """`StreamResponse` of the last token."""
        step = self.steps[-1]
        event = {"index": len(self.steps), "token": step.body}
        if self.body.parameters.top_n_tokens:
            event["top_tokens"] = self._top_tokens(step)
        return event | {"generated_text": None, "details": None}

    def last_event(self, finished: Finished) -> dict[str, Any]:
        """The same once it has ended, with all of the text.

        Raises:
            UnavailableError: time was up before the first token.
        """
        ending = self._ending(finished)
        details = {**ending, "input_length": finished.usage.prompt_tokens}
        told = details if self.body.parameters.details else None
        return self.event() | {"generated_text": self.text, "details": told}

    def headers(self) -> dict[str, str]:
        """What is known from the start."""
        return {
            "x-compute-type": compute_type(self.resident),
            "x-compute-characters": str(len(self.body.inputs)),
        }

    def last_headers(self, finished: Finished, seconds: float) -> dict[str, str]:
        """What is known at the end, `seconds` after the request came."""
        usage, timings = finished.usage, finished.timings
        validation = max(0.0, seconds - timings.queued - timings.total)
        per_token = timings.total / max(1, usage.completion_tokens)
        return {
            "x-compute-time": f"{seconds:.6f}",
            "x-total-time": _milliseconds(seconds),
            "x-validation-time": _milliseconds(validation),
            "x-queue-time": _milliseconds(timings.queued),
            "x-inference-time": _milliseconds(timings.total),
            "x-time-per-token": _milliseconds(per_token),
            "x-prompt-tokens": str(usage.prompt_tokens),
            "x-generated-tokens": str(usage.completion_tokens),
        }

    def _ending(self, finished: Finished) -> dict[str, Any]:
        params = self.body.request(wants_logprobs=False).params
        return {
            "finish_reason": self._finish_reason(finished.reason),
            "generated_tokens": finished.usage.completion_tokens,
            "seed": None if params.is_greedy else finished.seed,
        }

    def _finish_reason(self, reason: FinishReason) -> str:
        """One of TGI's three. A text that the deadline cut off was too long in its way."""
        if not self.steps:
            raise UnavailableError("Time was up before the first token.", "Shorten the prompt.")
        if reason is FinishReason.DEADLINE:
            return FinishReason.LENGTH.value
        last = self.steps[-1]
        was_asked_for = last.is_special and last.text in self.body.stop_strings
        if reason is FinishReason.EOS_TOKEN and was_asked_for:
            return FinishReason.STOP_SEQUENCE.value
        return reason.value

    def _top_tokens(self, step: TokenStep) -> list[dict[str, Any]]:
        return step.alternative_bodies(self.resident.tokenizer)


def compute_type(resident: ResidentModel) -> str:
    """What it runs on: "cpu", "cuda"."""
    return resident.device.partition(":")[0]


def _milliseconds(seconds: float) -> str:
    return str(round(seconds * 1000))

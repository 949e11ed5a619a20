"""What is asked of a model to fill a gap."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from model.engine.base import ResidentModel
from model.loading.residency import Residency
from model.loading.slot import Ready
from model.prompts.infill import InfillOrder
from model.requests import CompletionRequest, InfillRequest
from model.sampling import MAX_STOP_CHARS, SamplingParams
from ui.context_files import Repository, read_repository
from ui.controls import INFILL_DEFAULTS, read_max_new_tokens, read_params
from ui.gap import Gap, first_gap
from ui.meter import Reading
from ui.notices import notice
from ui.prompt_panel import Wanted
from ui.samples import params_of_sample, read_samples
from ui.token_view import num_alternatives

ORDERS: dict[str, InfillOrder | None] = {
    "The model's own": None,
    "Prefix, suffix, middle": "psm",
    "Suffix, prefix, middle": "spm",
}


@dataclass(frozen=True)
class Asked:
    """How gaps are to be filled.

    Attributes:
        order: a title of `ORDERS`.
        num_samples: texts to choose from.
        settings: the controls' values, of which `params` were read.
    """

    order: str
    num_samples: int
    repository: Repository
    params: SamplingParams
    settings: tuple[Any, ...]


def read_asked(order: str, samples: Any, wants_tokens: bool, *values: Any) -> Asked:
    """
    Args:
        values: those of `ContextFiles.inputs`, and of the controls.

    Raises:
        SamplingParamsError: a setting cannot be used.
    """
    repository, settings = read_repository(*values[:3]), values[3:]
    params = replace(read_params(settings), logprobs=num_alternatives(wants_tokens))
    return Asked(order, read_samples(samples), repository, params, settings)


class GapRequests:
    """Makes the requests for gaps, by what the resident model can do."""

    def __init__(self, residency: Residency) -> None:
        self._residency = residency

    def make(
        self, gap: Gap, sample: int, asked: Asked, begun: str = ""
    ) -> InfillRequest | CompletionRequest:
        """An infill; where the model knows none, the prefix continued up to the suffix, which can
        be told of no repository.

        Args:
            begun: what the middle begins with.
        """
        params, repository = params_of_sample(asked.params, sample), asked.repository
        if not self._can_infill() and not repository:
            return continuation_to_suffix(gap.prefix + begun, gap.seen_suffix, params)
        order = ORDERS.get(asked.order)
        request = InfillRequest(gap.prefix, gap.seen_suffix, params, order, begun=begun)
        return repository.tell(request)

    def read(
        self, prefix: str | None, suffix: str | None, max_new_tokens: Any, *values: Any
    ) -> list[Reading]:
        """What Generate would ask for, of several gaps the first, to be measured.

        Args:
            values: those of `ContextFiles.inputs`, and of the order.
        """
        *repository, order = values
        params = read_max_new_tokens(max_new_tokens, INFILL_DEFAULTS)
        asked = Asked(order, 1, read_repository(*repository), params, ())
        return [Reading(self._make_first(prefix, suffix, asked))]

    def wanted(
        self, prefix: str | None, suffix: str | None, order: str, *values: Any
    ) -> list[Wanted]:
        """What Generate would ask for, of several gaps the first.

        Args:
            values: those of `ContextFiles.inputs`, and of the controls.
        """
        return [Wanted(self._make_first(prefix, suffix, read_asked(order, 1, False, *values)))]

    def _make_first(
        self, prefix: str | None, suffix: str | None, asked: Asked
    ) -> InfillRequest | CompletionRequest:
        return self.make(first_gap(Gap(prefix or "", suffix or "")), 1, asked)

    def _can_infill(self) -> bool:
        """Of a model that is not there yet it is taken for granted."""
        status = self._residency.status("base")
        return not isinstance(status, Ready) or status.resident.infill is not None


def continuation_to_suffix(prefix: str, suffix: str, params: SamplingParams) -> CompletionRequest:
    """The prefix continued until it meets the suffix's first line that is not blank."""
    line = next((line.rstrip() for line in suffix.split("\n") if line.strip()), "")
    stop = (line[:MAX_STOP_CHARS],) if line else ()
    return CompletionRequest(prefix, replace(params, stop=(*params.stop, *stop)))


def refuse_infill(resident: ResidentModel) -> str:
    if resident.infill is not None:
        return ""
    return notice(
        "warning",
        f"{resident.preset.title} was not trained to fill in the middle.",
        "What it can do here: continue the prefix until it meets the suffix's first line. "
        "It does not see the suffix.",
    )

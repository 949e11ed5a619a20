"""What is asked of a model to fill a gap."""

from __future__ import annotations

from dataclasses import replace

from model.engine.base import ResidentModel
from model.prompts.infill import InfillOrder
from model.requests import CompletionRequest, InfillRequest
from model.sampling import MAX_SEED, MAX_STOP_CHARS, SamplingParams
from ui.context_files import Repository
from ui.gap import Gap
from ui.notices import notice

ORDERS: dict[str, InfillOrder | None] = {
    "The model's own": None,
    "Prefix, suffix, middle": "psm",
    "Suffix, prefix, middle": "spm",
}


def request_for(
    gap: Gap,
    sample: int,
    order: str,
    params: SamplingParams,
    repository: Repository,
    *,
    can_infill: bool,
) -> InfillRequest | CompletionRequest:
    """An infill; where the model knows none, the prefix continued up to the suffix, which can be
    told of no repository.

    Each sample has the seed after that of the one before it, where one is set.
    """
    if params.seed is not None:
        params = replace(params, seed=(params.seed + sample - 1) % (MAX_SEED + 1))
    if not can_infill and not repository:
        return continuation_to_suffix(gap.prefix, gap.seen_suffix, params)
    request = InfillRequest(gap.prefix, gap.seen_suffix, params, ORDERS.get(order))
    return repository.tell(request)


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

"""What a person asks for, made into what an engine runs: built, checked and fitted to the context.

Stub of the interface.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from model.engine.base import ResidentModel
from model.engine.generation import GenerationRequest, Slot
from model.prompts.dialogue import Message
from model.prompts.infill import InfillOrder, RepositoryFile
from model.prompts.segments import Part, Prompt
from model.sampling import SamplingParams

Overflow = Literal["trim", "refuse"]


@dataclass(frozen=True, slots=True)
class CompletionRequest:
    """Carry on from `prompt`."""

    prompt: str
    params: SamplingParams


@dataclass(frozen=True, slots=True)
class InfillRequest:
    """Write what stands between `prefix` and `suffix`."""

    prefix: str
    suffix: str
    params: SamplingParams
    order: InfillOrder = "psm"
    path: str = ""
    repo_name: str = ""
    context: tuple[RepositoryFile, ...] = ()


@dataclass(frozen=True, slots=True)
class ChatRequest:
    """Write the assistant's next turn. The last message is the user's."""

    system: str
    messages: tuple[Message, ...]
    params: SamplingParams


PlaygroundRequest = CompletionRequest | InfillRequest | ChatRequest


@dataclass(frozen=True, slots=True)
class Dropped:
    """What was left out to fit: `num_tokens` tokens of `part`, from its "start" or "end".

    For a dialogue, `num_turns` whole turns were left out from its start.
    """

    part: Part
    side: Literal["start", "end"]
    num_tokens: int
    num_turns: int = 0


@dataclass(frozen=True, slots=True)
class FittedRequest:
    """A request that fits, and what it cost.

    Attributes:
        prompt: as the model gets it, after trimming.
        dropped: empty where everything fitted.
        context_length: tokens that prompt and completion share.
    """

    generation: GenerationRequest
    prompt: Prompt
    dropped: tuple[Dropped, ...]
    context_length: int


def slot_of(request: PlaygroundRequest) -> Slot:
    return "chat" if isinstance(request, ChatRequest) else "base"


def fit(
    request: PlaygroundRequest,
    resident: ResidentModel,
    *,
    overflow: Overflow,
    deadline: float | None = None,
) -> FittedRequest: ...

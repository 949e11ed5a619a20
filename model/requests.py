"""What a person asks for, made into what an engine runs: checked, built and fitted."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from model.engine.base import ResidentModel
from model.engine.generation import GenerationRequest, Slot
from model.errors import CapabilityError, ContextLengthError, PromptError
from model.prompts.continuation import (
    CONTINUATION_STOP_TOKENS,
    build_continuation,
    split_trailing_space,
)
from model.prompts.dialogue import Message, build_dialogue
from model.prompts.infill import InfillOrder, RepositoryFile, build_infill
from model.prompts.segments import Prompt
from model.prompts.texts import check_texts
from model.sampling import SamplingParams
from model.trimming import Dropped as Dropped
from model.trimming import PromptEncoder, Shortenable, count_tokens, trim

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
) -> FittedRequest:
    """Build the prompt of `request` for `resident` and make it fit.

    `max_new_tokens` is clamped to what the prompt leaves of the context. A prompt that leaves
    no token is refused or trimmed; trimming leaves the completion what it asked for, at most
    half of the context.

    Raises:
        PromptError: nothing was typed, or text that no model can take.
        CapabilityError: the resident model cannot do what was asked.
        ContextLengthError: too long, and not to be trimmed or not trimmable enough.
    """
    check_texts(_boxes(request))
    form = _form(request, resident)
    encoder = PromptEncoder(resident.tokenizer)
    encoded = encoder.encode(form.prompt.build(0))
    dropped: tuple[Dropped, ...] = ()
    # One position is the first new token's.
    limit = resident.context_length - 1
    if count_tokens(encoded) > limit:
        if overflow == "refuse":
            raise ContextLengthError(count_tokens(encoded), limit)
        reserve = min(request.params.max_new_tokens, resident.context_length // 2)
        target = resident.context_length - reserve
        encoded, dropped = trim(form.prompt, encoder, target=target, limit=limit)
    prompt_ids = tuple(id_ for piece in encoded for id_ in piece.ids)
    room = resident.context_length - len(prompt_ids)
    generation = GenerationRequest(
        slot=slot_of(request),
        prompt_ids=prompt_ids,
        params=replace(request.params, max_new_tokens=min(request.params.max_new_tokens, room)),
        stop_token_ids=_stop_token_ids(resident, form.stop_tokens),
        deadline=deadline,
        healed=form.healed,
        is_start_stripped=form.is_start_stripped,
    )
    prompt = tuple(piece.segment for piece in encoded)
    return FittedRequest(generation, prompt, dropped, resident.context_length)


@dataclass(frozen=True, slots=True)
class _Form:
    """A request in the resident model's format."""

    prompt: Shortenable
    stop_tokens: tuple[str, ...]
    healed: str = ""
    is_start_stripped: bool = False


def _form(request: PlaygroundRequest, resident: ResidentModel) -> _Form:
    match request:
        case CompletionRequest():
            return _completion_form(request, resident)
        case InfillRequest():
            return _infill_form(request, resident)
        case ChatRequest():
            return _chat_form(request, resident)


def _completion_form(request: CompletionRequest, resident: ResidentModel) -> _Form:
    if not request.prompt:
        raise PromptError("The prompt is empty.", "Write something to carry on from.")
    kept, healed = split_trailing_space(request.prompt)
    if not (kept and resident.can_heal):
        kept, healed = request.prompt, ""
    prompt = build_continuation(kept)
    shortenable = Shortenable(lambda _: prompt, 0, "files", "Shorten the prompt.")
    return _Form(shortenable, CONTINUATION_STOP_TOKENS, healed)


def _infill_form(request: InfillRequest, resident: ResidentModel) -> _Form:
    dialect = resident.infill
    if dialect is None:
        raise CapabilityError(
            f"{resident.preset.title} has no fill-in-the-middle tokens, so it cannot infill.",
            "Let it continue the prefix instead, or load a StarCoder model with --base-model.",
        )
    if not request.prefix and not request.suffix:
        raise PromptError(
            "Prefix and suffix are both empty.", "Write what stands before or after the gap."
        )

    def build(num_left_out: int) -> Prompt:
        return build_infill(
            dialect,
            request.prefix,
            request.suffix,
            order=request.order,
            path=request.path,
            repo_name=request.repo_name,
            context=request.context[num_left_out:],
        )

    advice = "Shorten the path or the repository's name."
    return _Form(Shortenable(build, len(request.context), "files", advice), dialect.stop_tokens)


def _chat_form(request: ChatRequest, resident: ResidentModel) -> _Form:
    dialect = resident.dialogue
    if dialect is None:
        raise CapabilityError(
            f"{resident.preset.title} was not tuned on dialogues, so it cannot chat.",
            "Load a chat model such as StarChat with --chat-model.",
        )
    messages = request.messages
    if messages and not messages[-1].text.strip():
        raise PromptError("The message is empty.", "Write a message first.")
    # A shortened conversation still opens with a user's message.
    questions = [index for index, message in enumerate(messages) if message.role == "user"]
    starts = (0, *questions[1:])

    def build(num_left_out: int) -> Prompt:
        return build_dialogue(dialect, request.system, messages[starts[num_left_out] :])

    advice = "Shorten the last message or the system prompt: older turns are left out already."
    return _Form(
        Shortenable(build, len(starts) - 1, "turns", advice),
        dialect.stop_tokens,
        is_start_stripped=dialect.is_reply_stripped,
    )


def _boxes(request: PlaygroundRequest) -> list[tuple[str, str]]:
    """Every text that was typed, with the name of the box that it stands in."""
    match request:
        case CompletionRequest(prompt):
            return [("prompt", prompt)]
        case InfillRequest(prefix, suffix):
            files = [
                box
                for number, file in enumerate(request.context, 1)
                for box in ((f"path of file {number}", file.path), (f"file {number}", file.text))
            ]
            names = [("path", request.path), ("repository name", request.repo_name)]
            return [("prefix", prefix), ("suffix", suffix), *names, *files]
        case ChatRequest(system, messages):
            turns = [(f"message {n}", message.text) for n, message in enumerate(messages, 1)]
            return [("system prompt", system), *turns]


def _stop_token_ids(resident: ResidentModel, stop_tokens: tuple[str, ...]) -> tuple[int, ...]:
    found = (resident.tokenizer.special_id(token) for token in stop_tokens)
    ids = (*resident.stop_token_ids, *(id_ for id_ in found if id_ is not None))
    return tuple(dict.fromkeys(ids))

"""Requests made into what an engine runs: checked, built, and fitted to the context."""

from __future__ import annotations

from dataclasses import dataclass, replace

from model.engine.base import ResidentModel
from model.engine.generation import GenerationRequest
from model.errors import ContextLengthError, SamplingParamsError
from model.forms import Form, form_of
from model.prompts.dialogue import Message
from model.prompts.segments import Prompt
from model.prompts.texts import check_texts
from model.requests import (
    AssistantRequest,
    ChatRequest,
    CompletionRequest,
    Overflow,
    PlaygroundRequest,
    boxes_of,
    check_complete,
    slot_of,
)
from model.sampling import MAX_STOP_STRINGS, SamplingParams
from model.tokenization import PromptTokenizer
from model.trimming import Dropped, EncodedPrompt, PromptEncoder, count_tokens, trim


@dataclass(frozen=True, slots=True)
class FittedRequest:
    """A request that fits, and what it cost.

    Attributes:
        encoded: the prompt as the model gets it, after trimming; its ids are the generation's.
        dropped: empty where everything fitted.
        context_length: tokens that prompt and completion share.
        tokenizer: of the model that it was fitted for: what the ids mean, those to come too.
    """

    generation: GenerationRequest
    encoded: EncodedPrompt
    dropped: tuple[Dropped, ...]
    context_length: int
    tokenizer: PromptTokenizer

    @property
    def prompt(self) -> Prompt:
        """The same without ids."""
        return tuple(piece.segment for piece in self.encoded)


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
        SamplingParamsError: more stop strings than can be matched beside the format's own.
    """
    check_texts(boxes_of(request))
    check_complete(request)
    form = form_of(request, resident)
    encoder = PromptEncoder(resident.tokenizer)
    encoded = form.encoded or encoder.encode(form.prompt.build(0))
    dropped: tuple[Dropped, ...] = ()
    limit = resident.prompt_limit
    if form.truncate is not None:
        limit, overflow = min(limit, form.truncate), "trim"
    if count_tokens(encoded) > limit:
        if form.is_whole:
            raise ContextLengthError(count_tokens(encoded), limit, form.prompt.advice)
        if overflow == "refuse" or form.encoded:
            raise ContextLengthError(count_tokens(encoded), limit)
        encoded, dropped = _trim(request, resident, form, encoder, limit)
    prompt_ids = tuple(id_ for piece in encoded for id_ in piece.ids)
    room = resident.context_length - len(prompt_ids)
    generation = GenerationRequest(
        slot=slot_of(request),
        prompt_ids=prompt_ids,
        params=replace(
            request.params,
            max_new_tokens=min(request.params.max_new_tokens + form.num_repeated, room),
            stop=_stop_strings(request.params, form.stop_strings),
        ),
        stop_token_ids=_stop_token_ids(resident, form),
        deadline=deadline,
        healed=form.healed,
        is_start_stripped=form.is_start_stripped,
        num_pinned=len(encoded[0].ids) if form.is_start_pinned else 0,
    )
    return FittedRequest(generation, encoded, dropped, resident.context_length, resident.tokenizer)


@dataclass(frozen=True, slots=True)
class ContextUse:
    """How much of the context a request takes, in tokens.

    Attributes:
        prompt_tokens: of the whole prompt, before anything is left out; 0 where nothing is typed.
        completion_room: what is left for the completion, after `dropped` is left out; 0 where
            the prompt cannot be made to fit.
        context_length: what prompt and completion share.
        dropped: what would be left out to fit; empty where all of it fits.
        num_repeated: tokens that the completion may have beside those that were asked for.
    """

    prompt_tokens: int
    completion_room: int
    context_length: int
    dropped: tuple[Dropped, ...] = ()
    num_repeated: int = 0


def measure(request: PlaygroundRequest, resident: ResidentModel) -> ContextUse:
    """How much of the context `request` would take, for a meter that follows the typing.

    Costs the encoding of the texts and no model. What `fit` would refuse as too long or as not
    yet complete is measured all the same.

    Raises:
        PromptError: text that no model can take, or a conversation that this one refuses.
        CapabilityError: the resident model cannot do what was asked.
    """
    boxes = boxes_of(request)
    check_texts(boxes)
    context_length = resident.context_length
    is_headed = isinstance(request, CompletionRequest) and bool(request.header)
    if not is_headed and not any(text for _, text in boxes):
        return ContextUse(0, context_length, context_length)
    form = form_of(_with_question(request), resident)
    encoder = PromptEncoder(resident.tokenizer)
    encoded = encoder.encode(form.prompt.build(0))
    num_tokens = count_tokens(encoded)
    dropped: tuple[Dropped, ...] = ()
    if num_tokens > resident.prompt_limit:
        if form.is_whole:
            return ContextUse(num_tokens, 0, context_length)
        try:
            encoded, dropped = _trim(request, resident, form, encoder, resident.prompt_limit)
        except ContextLengthError:
            return ContextUse(num_tokens, 0, context_length)
    room = context_length - count_tokens(encoded)
    return ContextUse(num_tokens, room, context_length, dropped, form.num_repeated)


def _with_question(request: PlaygroundRequest) -> PlaygroundRequest:
    """A conversation whose question is still to be written gets an empty one."""
    if not isinstance(request, ChatRequest | AssistantRequest):
        return request
    if request.messages and request.messages[-1].role == "user":
        return request
    return replace(request, messages=(*request.messages, Message("user", "")))


def _trim(
    request: PlaygroundRequest,
    resident: ResidentModel,
    form: Form,
    encoder: PromptEncoder,
    limit: int,
) -> tuple[EncodedPrompt, tuple[Dropped, ...]]:
    reserve = min(request.params.max_new_tokens, resident.context_length // 2)
    target = min(limit, resident.context_length - reserve)
    return trim(form.prompt, encoder, target=target, limit=limit)


def _stop_strings(params: SamplingParams, own: tuple[str, ...]) -> tuple[str, ...]:
    """The format's stop strings before those that were asked for."""
    stop = tuple(dict.fromkeys((*own, *params.stop)))
    if len(stop) > MAX_STOP_STRINGS:
        most = MAX_STOP_STRINGS - len(own)
        raise SamplingParamsError(
            "stop",
            f"At most {most} stop strings can be matched besides the prompt format's own.",
            "Remove some.",
        )
    return stop


def _stop_token_ids(resident: ResidentModel, form: Form) -> tuple[int, ...]:
    found = (resident.tokenizer.special_id(token) for token in form.stop_tokens)
    named = (id_ for id_ in found if id_ is not None)
    return tuple(dict.fromkeys((*resident.stop_token_ids, *named, *form.stop_token_ids)))

"""What a person asks for, made into what an engine runs: checked, built and fitted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

from model.engine.base import ResidentModel
from model.engine.generation import GenerationRequest, Slot
from model.errors import (
    CapabilityError,
    ContextLengthError,
    PromptError,
    SamplingParamsError,
)
from model.prompts import assistant
from model.prompts.assistant import SHORT_PROMPT, AssistantPrompt, build_assistant
from model.prompts.continuation import (
    CONTINUATION_STOP_TOKENS,
    build_continuation,
    split_trailing_space,
)
from model.prompts.dialogue import Message
from model.prompts.infill import InfillOrder, RepositoryFile, build_infill
from model.prompts.raw import is_infill, parse_raw
from model.prompts.segments import Prompt, Special, Text
from model.prompts.texts import check_texts
from model.sampling import MAX_STOP_STRINGS, SamplingParams
from model.trimming import Dropped as Dropped
from model.trimming import (
    EncodedPrompt,
    Piece,
    PromptEncoder,
    Shortenable,
    count_tokens,
    trim,
)

Overflow = Literal["trim", "refuse"]

# Larger ones do not fit into a tokenizer's own type.
MAX_TOKEN_ID = 2**31


@dataclass(frozen=True, slots=True)
class CompletionRequest:
    """Carry on from `prompt`."""

    prompt: str
    params: SamplingParams


@dataclass(frozen=True, slots=True)
class InfillRequest:
    """Write what stands between `prefix` and `suffix`.

    `order` is the prompt's; None is the one that the model does better in.
    """

    prefix: str
    suffix: str
    params: SamplingParams
    order: InfillOrder | None = None
    path: str = ""
    repo_name: str = ""
    context: tuple[RepositoryFile, ...] = ()


@dataclass(frozen=True, slots=True)
class ChatRequest:
    """Write the assistant's next turn. The last message is the user's."""

    system: str
    messages: tuple[Message, ...]
    params: SamplingParams


@dataclass(frozen=True, slots=True)
class AssistantRequest:
    """Write the Tech Assistant's next turn with a base model. The last message is the user's.

    `preamble` gives way to the short prompt where it would take more than half of the context.
    """

    messages: tuple[Message, ...]
    params: SamplingParams
    preamble: AssistantPrompt = SHORT_PROMPT


@dataclass(frozen=True, slots=True)
class RawRequest:
    """Carry on from `prompt`, in which infill and file tokens are spelt out, as editors send it.

    `truncate` is the most tokens of it that are kept; None refuses what is too long.
    """

    prompt: str
    params: SamplingParams
    truncate: int | None = None


@dataclass(frozen=True, slots=True)
class TokensRequest:
    """Carry on from a prompt that the client has encoded. It is never shortened."""

    prompt_ids: tuple[int, ...]
    params: SamplingParams


PlaygroundRequest = (
    CompletionRequest | InfillRequest | ChatRequest | AssistantRequest | RawRequest | TokensRequest
)


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
        SamplingParamsError: more stop strings than can be matched beside the format's own.
    """
    check_texts(_boxes(request))
    _check_complete(request)
    form = _form(request, resident)
    encoder = PromptEncoder(resident.tokenizer)
    encoded = form.encoded or encoder.encode(form.prompt.build(0))
    dropped: tuple[Dropped, ...] = ()
    limit = _limit(resident)
    if isinstance(request, RawRequest) and request.truncate is not None:
        limit, overflow = min(limit, request.truncate), "trim"
    if count_tokens(encoded) > limit:
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
            max_new_tokens=min(request.params.max_new_tokens, room),
            stop=_stop_strings(request.params, form.stop_strings),
        ),
        stop_token_ids=_stop_token_ids(resident, form.stop_tokens),
        deadline=deadline,
        healed=form.healed,
        is_start_stripped=form.is_start_stripped,
        num_pinned=len(encoded[0].ids) if form.is_start_pinned else 0,
    )
    prompt = tuple(piece.segment for piece in encoded)
    return FittedRequest(generation, prompt, dropped, resident.context_length)


@dataclass(frozen=True, slots=True)
class ContextUse:
    """How much of the context a request takes, in tokens.

    Attributes:
        prompt_tokens: of the whole prompt, before anything is left out; 0 where nothing is typed.
        completion_room: what is left for the completion, after `dropped` is left out; 0 where
            the prompt cannot be made to fit.
        context_length: what prompt and completion share.
        dropped: what would be left out to fit; empty where all of it fits.
    """

    prompt_tokens: int
    completion_room: int
    context_length: int
    dropped: tuple[Dropped, ...] = ()


def measure(request: PlaygroundRequest, resident: ResidentModel) -> ContextUse:
    """How much of the context `request` would take, for a meter that follows the typing.

    Costs the encoding of the texts and no model. What `fit` would refuse as too long or as not
    yet complete is measured all the same.

    Raises:
        PromptError: text that no model can take, or a conversation that this one refuses.
        CapabilityError: the resident model cannot do what was asked.
    """
    boxes = _boxes(request)
    check_texts(boxes)
    context_length = resident.context_length
    if not any(text for _, text in boxes):
        return ContextUse(0, context_length, context_length)
    form = _form(_with_question(request), resident)
    encoder = PromptEncoder(resident.tokenizer)
    encoded = encoder.encode(form.prompt.build(0))
    num_tokens = count_tokens(encoded)
    dropped: tuple[Dropped, ...] = ()
    if num_tokens > _limit(resident):
        try:
            encoded, dropped = _trim(request, resident, form, encoder, _limit(resident))
        except ContextLengthError:
            return ContextUse(num_tokens, 0, context_length)
    return ContextUse(num_tokens, context_length - count_tokens(encoded), context_length, dropped)


def _with_question(request: PlaygroundRequest) -> PlaygroundRequest:
    """A conversation whose question is still to be written gets an empty one."""
    if not isinstance(request, ChatRequest | AssistantRequest):
        return request
    if request.messages and request.messages[-1].role == "user":
        return request
    return replace(request, messages=(*request.messages, Message("user", "")))


def _limit(resident: ResidentModel) -> int:
    """The longest prompt: one position is the first new token's."""
    return resident.context_length - 1


def _trim(
    request: PlaygroundRequest,
    resident: ResidentModel,
    form: _Form,
    encoder: PromptEncoder,
    limit: int,
) -> tuple[EncodedPrompt, tuple[Dropped, ...]]:
    reserve = min(request.params.max_new_tokens, resident.context_length // 2)
    target = min(limit, resident.context_length - reserve)
    return trim(form.prompt, encoder, target=target, limit=limit)


@dataclass(frozen=True, slots=True)
class _Form:
    """A request in the resident model's format.

    `is_start_pinned`: the first segment will come again with the next request of its kind.
    `encoded`: the prompt's ids where the client chose them; empty where `prompt` makes them.
    """

    prompt: Shortenable
    stop_tokens: tuple[str, ...]
    stop_strings: tuple[str, ...] = ()
    healed: str = ""
    is_start_stripped: bool = False
    is_start_pinned: bool = False
    encoded: EncodedPrompt = ()


def _check_complete(request: PlaygroundRequest) -> None:
    """
    Raises:
        PromptError: what there is to go on from is still to be written.
    """
    match request:
        case CompletionRequest(prompt="") | RawRequest(prompt="") | TokensRequest(prompt_ids=()):
            raise PromptError("The prompt is empty.", "Write something to carry on from.")
        case InfillRequest(prefix="", suffix=""):
            raise PromptError(
                "Prefix and suffix are both empty.", "Write what stands before or after the gap."
            )
        case ChatRequest(messages=(*_, last)) | AssistantRequest(messages=(*_, last)):
            if not last.text.strip():
                raise PromptError("The message is empty.", "Write a message first.")
        case _:
            pass


def _form(request: PlaygroundRequest, resident: ResidentModel) -> _Form:
    match request:
        case CompletionRequest():
            return _completion_form(request, resident)
        case InfillRequest():
            return _infill_form(request, resident)
        case ChatRequest():
            return _chat_form(request, resident)
        case AssistantRequest():
            return _assistant_form(request, resident)
        case RawRequest():
            return _raw_form(request, resident)
        case TokensRequest(prompt_ids):
            return _tokens_form(prompt_ids, resident)


def _completion_form(request: CompletionRequest, resident: ResidentModel) -> _Form:
    kept, healed = _split_healed(request.prompt, resident)
    prompt = build_continuation(kept)
    shortenable = Shortenable(lambda _: prompt, 0, "files", "Shorten the prompt.")
    return _Form(shortenable, CONTINUATION_STOP_TOKENS, healed=healed)


def _raw_form(request: RawRequest, resident: ResidentModel) -> _Form:
    special_id = resident.tokenizer.special_id
    prompt = parse_raw(request.prompt, special_id)
    if not any(isinstance(segment, Special) for segment in prompt):
        return _completion_form(CompletionRequest(request.prompt, request.params), resident)
    dialect = resident.infill
    ends = dialect.stop_tokens if dialect and is_infill(prompt) else CONTINUATION_STOP_TOKENS
    # A special token has no text that a stop string could be found in.
    asked = tuple(stop for stop in request.params.stop if special_id(stop) is not None)
    shortenable = Shortenable(lambda _: prompt, 0, "files", "Shorten the prompt.")
    return _Form(shortenable, (*ends, *asked))


def _tokens_form(prompt_ids: tuple[int, ...], resident: ResidentModel) -> _Form:
    for id_ in frozenset(prompt_ids):
        if not 0 <= id_ < MAX_TOKEN_ID or not resident.tokenizer.token_text(id_):
            raise PromptError(
                f"The prompt holds the token {id_}, which the model's vocabulary lacks.",
                "Encode it with this model's own tokenizer.",
            )
    # For people to read; the ids stay what they are.
    shown = Text(resident.tokenizer.decode(prompt_ids), "prompt")
    shortenable = Shortenable(lambda _: (shown,), 0, "files", "Shorten the prompt.")
    encoded = (Piece(shown, prompt_ids),)
    return _Form(shortenable, CONTINUATION_STOP_TOKENS, encoded=encoded)


def _infill_form(request: InfillRequest, resident: ResidentModel) -> _Form:
    dialect = resident.infill
    if dialect is None:
        raise CapabilityError(
            f"{resident.preset.title} has no fill-in-the-middle tokens, so it cannot infill.",
            "Let it continue the prefix instead, or load a StarCoder model with --base-model.",
        )

    prefix, healed = request.prefix, ""
    if dialect.is_prefix_healed and (request.order or dialect.orders[0]) == "spm":
        prefix, healed = _split_healed(request.prefix, resident)

    def build(num_left_out: int) -> Prompt:
        return build_infill(
            dialect,
            prefix,
            request.suffix,
            order=request.order,
            path=request.path,
            repo_name=request.repo_name,
            context=request.context[num_left_out:],
        )

    advice = "Shorten the path or the repository's name."
    shortenable = Shortenable(build, len(request.context), "files", advice)
    return _Form(shortenable, dialect.stop_tokens, healed=healed)


def _split_healed(text: str, resident: ResidentModel) -> tuple[str, str]:
    """What of `text` goes into the prompt, and the white space that the model spells again."""
    kept, healed = split_trailing_space(text)
    return (kept, healed) if kept and resident.can_heal else (text, "")


def _chat_form(request: ChatRequest, resident: ResidentModel) -> _Form:
    dialect = resident.dialogue
    if dialect is None:
        raise CapabilityError(
            f"{resident.preset.title} was not tuned on dialogues, so it cannot chat.",
            "Load a chat model such as StarChat with --chat-model.",
        )
    messages = request.messages

    def build(start: int) -> Prompt:
        return dialect.build(request.system, messages[start:])

    advice = "Shorten the last message or the system prompt: older turns are left out already."
    return _Form(
        _without_old_turns(messages, build, advice),
        dialect.stop_tokens,
        dialect.stop_strings,
        is_start_stripped=dialect.is_reply_stripped,
    )


def _assistant_form(request: AssistantRequest, resident: ResidentModel) -> _Form:
    messages = request.messages
    preamble = request.preamble.text
    num_tokens = len(resident.tokenizer.encode_text(preamble))
    if num_tokens > resident.context_length // 2:
        preamble = SHORT_PROMPT.text

    def build(start: int) -> Prompt:
        return build_assistant(preamble, messages[start:])

    advice = "Shorten the last message: older turns are left out already."
    return _Form(
        _without_old_turns(messages, build, advice),
        CONTINUATION_STOP_TOKENS,
        assistant.STOP_STRINGS,
        healed=assistant.REPLY_SPACE if resident.can_heal else "",
        is_start_pinned=True,
    )


def _without_old_turns(
    messages: tuple[Message, ...], build: Callable[[int], Prompt], advice: str
) -> Shortenable:
    """`build` makes the prompt of the messages from an index on. A shortened conversation still
    opens with a user's message."""
    questions = [index for index, message in enumerate(messages) if message.role == "user"]
    starts = (0, *questions[1:])
    return Shortenable(
        lambda num_left_out: build(starts[num_left_out]), len(starts) - 1, "turns", advice
    )


def _boxes(request: PlaygroundRequest) -> list[tuple[str, str]]:
    """Every text that was typed, with the name of the box that it stands in."""
    match request:
        case CompletionRequest(prompt) | RawRequest(prompt):
            return [("prompt", prompt)]
        case TokensRequest():
            return []
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
        case AssistantRequest(messages):
            return [(f"message {n}", message.text) for n, message in enumerate(messages, 1)]


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


def _stop_token_ids(resident: ResidentModel, stop_tokens: tuple[str, ...]) -> tuple[int, ...]:
    found = (resident.tokenizer.special_id(token) for token in stop_tokens)
    ids = (*resident.stop_token_ids, *(id_ for id_ in found if id_ is not None))
    return tuple(dict.fromkeys(ids))

"""Requests in the resident model's format: which tokens, in which order, and what ends the text."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from model.engine.base import ResidentModel
from model.errors import CapabilityError, ContextLengthError
from model.prompts import assistant
from model.prompts.assistant import SHORT_PROMPT, build_assistant
from model.prompts.continuation import (
    CONTINUATION_STOP_TOKENS,
    build_continuation,
    split_trailing_space,
)
from model.prompts.dialogue import Message
from model.prompts.infill import build_infill
from model.prompts.metadata import (
    COMMIT_STOP_TOKENS,
    NOTEBOOK_STOP_TOKENS,
    Header,
    build_commit,
    build_header,
    build_notebook,
    detect_metadata,
    knows_commits,
    knows_notebooks,
)
from model.prompts.raw import is_infill, parse_raw, spells_gap
from model.prompts.segments import Prompt, Special
from model.requests import (
    AssistantRequest,
    ChatRequest,
    CompletionRequest,
    EditRequest,
    InfillRequest,
    NotebookRequest,
    PlaygroundRequest,
    RawRequest,
    TokensRequest,
)
from model.trimming import EncodedPrompt, Shortenable, read_ids


@dataclass(frozen=True, slots=True)
class Form:
    """A request in the resident model's format.

    `is_start_pinned`: the first segment will come again with the next request of its kind.
    `truncate`: the most tokens of it that are kept; None refuses or trims as the caller wants.
    `is_whole`: it is refused where it does not fit: no text of it can be left out.
    `num_repeated`: tokens that the answer repeats, beside those that were asked for.
    `encoded`: the prompt's ids where the client chose them; empty where `prompt` makes them.
    `stop_token_ids`: beside those of `stop_tokens`.
    """

    prompt: Shortenable
    stop_tokens: tuple[str, ...]
    stop_strings: tuple[str, ...] = ()
    healed: str = ""
    is_start_stripped: bool = False
    is_start_pinned: bool = False
    truncate: int | None = None
    is_whole: bool = False
    num_repeated: int = 0
    encoded: EncodedPrompt = ()
    stop_token_ids: tuple[int, ...] = ()


def form_of(request: PlaygroundRequest, resident: ResidentModel) -> Form:
    match request:
        case CompletionRequest():
            return _completion_form(request, resident)
        case EditRequest():
            return _edit_form(request, resident)
        case NotebookRequest():
            return _notebook_form(request, resident)
        case InfillRequest():
            return _infill_form(request, resident)
        case ChatRequest():
            return _chat_form(request, resident)
        case AssistantRequest():
            return _assistant_form(request, resident)
        case RawRequest():
            return _raw_form(request, resident)
        case TokensRequest(prompt_ids):
            if request.healed and not resident.can_heal:
                raise CapabilityError(
                    f"{resident.preset.title} cannot be made to begin with given white space.",
                    "Leave the white space in the prompt.",
                )
            form = _tokens_form(prompt_ids, resident)
            return replace(form, stop_token_ids=request.stop_token_ids, healed=request.healed)


def _completion_form(request: CompletionRequest, resident: ResidentModel) -> Form:
    kept, healed = _split_healed(request.prompt, resident)
    header = _build_header(request.header, resident)
    prompt = (*header, *build_continuation(kept))
    advice = "Shorten the path or the repository's name." if header else "Shorten the prompt."
    shortenable = Shortenable(lambda _: prompt, 0, "files", advice)
    return Form(shortenable, CONTINUATION_STOP_TOKENS, healed=healed)


def _build_header(header: Header, resident: ResidentModel) -> Prompt:
    dialect = detect_metadata(resident.tokenizer.special_id)
    if dialect is not None:
        return build_header(dialect, header)
    if header:
        raise CapabilityError(
            f"{resident.preset.title} has no tokens for a header, so it cannot be told of files.",
            "Empty the header, or load a StarCoder model with --base-model.",
        )
    return ()


def _edit_form(request: EditRequest, resident: ResidentModel) -> Form:
    if not knows_commits(resident.tokenizer.special_id):
        raise CapabilityError(
            f"{resident.preset.title} has no commit tokens, so it cannot edit by instruction.",
            "Models of StarCoder's first family can: load one with --base-model.",
        )
    prompt = build_commit(request.code, request.instruction)
    advice = "Shorten the code: an edit is made of all of it."
    return Form(
        Shortenable(lambda _: prompt, 0, "files", advice),
        COMMIT_STOP_TOKENS,
        is_whole=True,
        num_repeated=len(resident.tokenizer.encode_text(request.code)),
    )


def _notebook_form(request: NotebookRequest, resident: ResidentModel) -> Form:
    if not knows_notebooks(resident.tokenizer.special_id):
        raise CapabilityError(
            f"{resident.preset.title} has no notebook tokens, so it cannot write cells.",
            "StarCoder models of both families can: load one with --base-model.",
        )
    cells, begun, healed = request.cells, None, ""
    if (next_kind := request.next_kind) is None:
        *before, last = cells
        cells, next_kind = tuple(before), last.kind
        begun, healed = _split_healed(last.text, resident)
    # What the model goes on from stays: the cell that is begun, or else the last one.
    num_old = len(cells) if begun is not None else max(0, len(cells) - 1)
    # An output goes together with the code that it is the output of.
    heads = {at for at in range(num_old) if cells[at].kind != "output"}
    starts = sorted({0, *heads, num_old})

    def build(num_left_out: int) -> Prompt:
        return build_notebook(cells[starts[num_left_out] :], next_kind, begun)

    shortenable = Shortenable(build, len(starts) - 1, "cells", "Shorten the last cell.")
    return Form(shortenable, NOTEBOOK_STOP_TOKENS, healed=healed)


def _raw_form(request: RawRequest, resident: ResidentModel) -> Form:
    special_id = resident.tokenizer.special_id
    prompt = parse_raw(request.prompt, special_id)
    if spells_gap(request.prompt) and not (resident.infill and is_infill(prompt)):
        raise _cannot_read_gap(resident)
    if not any(isinstance(segment, Special) for segment in prompt):
        plain = CompletionRequest(request.prompt, request.params)
        return replace(_completion_form(plain, resident), truncate=request.truncate)
    dialect = resident.infill
    ends = dialect.stop_tokens if dialect and is_infill(prompt) else CONTINUATION_STOP_TOKENS
    # A special token has no text that a stop string could be found in.
    asked = tuple(stop for stop in request.params.stop if special_id(stop) is not None)
    shortenable = Shortenable(lambda _: prompt, 0, "files", "Shorten the prompt.")
    return Form(shortenable, (*ends, *asked), truncate=request.truncate)


def _tokens_form(prompt_ids: tuple[int, ...], resident: ResidentModel) -> Form:
    if len(prompt_ids) > resident.prompt_limit:
        # Before each of what may be millions is looked at.
        raise ContextLengthError(len(prompt_ids), resident.prompt_limit)
    encoded = read_ids(prompt_ids, resident.tokenizer)
    prompt = tuple(piece.segment for piece in encoded)
    shortenable = Shortenable(lambda _: prompt, 0, "files", "Shorten the prompt.")
    return Form(shortenable, CONTINUATION_STOP_TOKENS, encoded=encoded)


def _infill_form(request: InfillRequest, resident: ResidentModel) -> Form:
    dialect = resident.infill
    if dialect is None:
        raise _cannot_infill(resident)

    prefix, space = request.prefix, ""
    if dialect.is_prefix_healed and (request.order or dialect.orders[0]) == "spm":
        prefix, space = _split_healed(request.prefix, resident)
    begun, healed = space + request.begun, ""
    if resident.can_heal:
        # The middle's own white space is learned together with what follows it, in any order.
        begun, healed = split_trailing_space(begun)

    def build(num_left_out: int) -> Prompt:
        return build_infill(
            dialect,
            prefix,
            request.suffix,
            begun=begun,
            order=request.order,
            path=request.path,
            repo_name=request.repo_name,
            context=request.context[num_left_out:],
        )

    advice = "Shorten the path or the repository's name."
    shortenable = Shortenable(build, len(request.context), "files", advice)
    return Form(shortenable, dialect.stop_tokens, healed=healed)


def _cannot_infill(resident: ResidentModel) -> CapabilityError:
    return CapabilityError(
        f"{resident.preset.title} has no fill-in-the-middle tokens, so it cannot infill.",
        "Let it continue the prefix instead, or load a StarCoder model with --base-model.",
    )


def _cannot_read_gap(resident: ResidentModel) -> CapabilityError:
    """Left as text, the tokens would be code to the model, and its answer nonsense."""
    dialect = resident.infill
    if dialect is None:
        return _cannot_infill(resident)
    return CapabilityError(
        f"The prompt's fill-in-the-middle tokens are not those of {resident.preset.title}.",
        f"Spell them {dialect.prefix}, {dialect.suffix} and {dialect.middle}.",
    )


def _split_healed(text: str, resident: ResidentModel) -> tuple[str, str]:
    """What of `text` goes into the prompt, and the white space that the model spells again."""
    kept, healed = split_trailing_space(text)
    return (kept, healed) if kept and resident.can_heal else (text, "")


def _chat_form(request: ChatRequest, resident: ResidentModel) -> Form:
    dialect = resident.dialogue
    if dialect is None:
        raise CapabilityError(
            f"{resident.preset.title} was not tuned on dialogues, so it cannot chat.",
            "Load a chat model such as StarChat with --chat-model.",
        )
    messages = request.messages
    reply, healed = _split_healed(request.reply, resident)

    def build(start: int) -> Prompt:
        return dialect.build(request.system, messages[start:], reply)

    advice = "Shorten the last message or the system prompt: older turns are left out already."
    return Form(
        _without_old_turns(messages, build, advice),
        dialect.stop_tokens,
        dialect.stop_strings,
        healed=healed,
        is_start_stripped=dialect.is_reply_stripped and not reply,
    )


def _assistant_form(request: AssistantRequest, resident: ResidentModel) -> Form:
    messages = request.messages
    preamble = request.preamble.text
    num_tokens = len(resident.tokenizer.encode_text(preamble))
    if num_tokens > resident.context_length // 2:
        preamble = SHORT_PROMPT.text

    reply, healed = _split_healed(request.reply, resident)
    if not reply and resident.can_heal:
        healed = assistant.REPLY_SPACE

    def build(start: int) -> Prompt:
        return build_assistant(preamble, messages[start:], reply)

    advice = "Shorten the last message: older turns are left out already."
    return Form(
        _without_old_turns(messages, build, advice),
        CONTINUATION_STOP_TOKENS,
        assistant.STOP_STRINGS,
        healed=healed,
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

"""What a person or a client may ask for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from model.engine.generation import Slot
from model.errors import PromptError
from model.prompts.assistant import SHORT_PROMPT, AssistantPrompt
from model.prompts.dialogue import Message
from model.prompts.infill import InfillOrder, RepositoryFile
from model.prompts.metadata import NO_HEADER, CellKind, Header, NotebookCell
from model.sampling import SamplingParams

Overflow = Literal["trim", "refuse"]


@dataclass(frozen=True, slots=True)
class CompletionRequest:
    """Carry on from `prompt`, the code of a file that `header` tells of."""

    prompt: str
    params: SamplingParams
    header: Header = NO_HEADER


@dataclass(frozen=True, slots=True)
class EditRequest:
    """Write `code` as it is once `instruction` is done.

    The answer repeats what stays, so it may have as many tokens as the code has, and
    `params.max_new_tokens` more.
    """

    code: str
    instruction: str
    params: SamplingParams


@dataclass(frozen=True, slots=True)
class NotebookRequest:
    """Write the cell of `next_kind` that follows `cells`; where that is None, go on in the last.

    All but that last one are whole: an output without text is told to the model as an empty one.
    """

    cells: tuple[NotebookCell, ...]
    next_kind: CellKind | None
    params: SamplingParams


@dataclass(frozen=True, slots=True)
class InfillRequest:
    """Write what stands between `prefix` and `suffix`.

    `order` is the prompt's; None is the one that the model does better in. `begun` is what the
    middle begins with: the model goes on from there.
    """

    prefix: str
    suffix: str
    params: SamplingParams
    order: InfillOrder | None = None
    path: str = ""
    repo_name: str = ""
    context: tuple[RepositoryFile, ...] = ()
    begun: str = ""


@dataclass(frozen=True, slots=True)
class ChatRequest:
    """Write the assistant's next turn, from `reply` on. The last message is the user's."""

    system: str
    messages: tuple[Message, ...]
    params: SamplingParams
    reply: str = ""


@dataclass(frozen=True, slots=True)
class AssistantRequest:
    """Write the Tech Assistant's next turn, from `reply` on, with a base model. The last message
    is the user's.

    `preamble` gives way to the short prompt where it would take more than half of the context.
    """

    messages: tuple[Message, ...]
    params: SamplingParams
    preamble: AssistantPrompt = SHORT_PROMPT
    reply: str = ""


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
    """Carry on from a prompt that the client has encoded. It is never shortened.

    `stop_token_ids` end the text as the model's own end of text does. The text begins with the
    white space `healed`, which the client took off the prompt's end; see `model.healing`.
    """

    prompt_ids: tuple[int, ...]
    params: SamplingParams
    slot: Slot = "base"
    stop_token_ids: tuple[int, ...] = ()
    healed: str = ""


PlaygroundRequest = (
    CompletionRequest
    | EditRequest
    | NotebookRequest
    | InfillRequest
    | ChatRequest
    | AssistantRequest
    | RawRequest
    | TokensRequest
)


def slot_of(request: PlaygroundRequest) -> Slot:
    if isinstance(request, TokensRequest):
        return request.slot
    return "chat" if isinstance(request, ChatRequest) else "base"


def check_complete(request: PlaygroundRequest) -> None:
    """
    Raises:
        PromptError: what there is to go on from is still to be written.
    """
    match request:
        case CompletionRequest(prompt="", header=header) if header:
            pass  # A file can be written from its name.
        case CompletionRequest(prompt="") | RawRequest(prompt="") | TokensRequest(prompt_ids=()):
            raise PromptError("The prompt is empty.", "Write something to carry on from.")
        case EditRequest(instruction=instruction) if not instruction.strip():
            raise PromptError("The instruction is empty.", "Write what to change in the code.")
        case NotebookRequest(cells) if not any(cell.text for cell in cells):
            raise PromptError("The notebook is empty.", "Write a first cell to carry on from.")
        case InfillRequest(prefix="", suffix="", begun=""):
            raise PromptError(
                "Prefix and suffix are both empty.", "Write what stands before or after the gap."
            )
        case ChatRequest(messages=(*_, last)) | AssistantRequest(messages=(*_, last)):
            if not last.text.strip():
                raise PromptError("The message is empty.", "Write a message first.")
        case _:
            pass


def boxes_of(request: PlaygroundRequest) -> list[tuple[str, str]]:
    """Every text that was typed, with the name of the box that it stands in."""
    match request:
        case CompletionRequest(prompt, _, header):
            names = [("path", header.path), ("repository name", header.repo_name)]
            return [("prompt", prompt), *names, ("stars", header.stars)]
        case RawRequest(prompt):
            return [("prompt", prompt)]
        case TokensRequest():
            return []
        case EditRequest(code, instruction):
            return [("code", code), ("instruction", instruction)]
        case NotebookRequest(cells):
            return [(f"cell {number}", cell.text) for number, cell in enumerate(cells, 1)]
        case InfillRequest(prefix, suffix):
            files = [
                box
                for number, file in enumerate(request.context, 1)
                for box in ((f"path of file {number}", file.path), (f"file {number}", file.text))
            ]
            names = [("path", request.path), ("repository name", request.repo_name)]
            begun = ("start of the middle", request.begun)
            return [("prefix", prefix), ("suffix", suffix), begun, *names, *files]
        case ChatRequest(system, messages):
            return [("system prompt", system), *_turns_of(messages, request.reply)]
        case AssistantRequest(messages):
            return _turns_of(messages, request.reply)


def _turns_of(messages: tuple[Message, ...], reply: str) -> list[tuple[str, str]]:
    turns = [(f"message {number}", message.text) for number, message in enumerate(messages, 1)]
    return [*turns, ("start of the reply", reply)]

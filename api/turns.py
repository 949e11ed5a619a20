"""The messages of a conversation as they stand in bodies, and as the model's formats take them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator, Field
from pydantic_core import PydanticCustomError

from api.strict_body import StrictBody
from model.engine.base import ResidentModel
from model.errors import PromptError
from model.prompts.dialogue import Message
from model.requests import ChatRequest
from model.sampling import SamplingParams

MAX_TURNS = 10_000


def _text_of(content: Any) -> Any:
    """The text of a content that comes in parts."""
    if not isinstance(content, list):
        return content
    parts = [part for part in content if isinstance(part, dict) and part.get("type") == "text"]
    if len(parts) < len(content):
        raise PydanticCustomError("not_text", "only parts of the type 'text' are served here")
    return "".join(str(part.get("text", "")) for part in parts)


class Turn(StrictBody):
    """One message. `null` as its content is an empty text."""

    role: Literal["system", "developer", "user", "assistant"]
    content: Annotated[str, BeforeValidator(_text_of)] = ""

    neutral: ClassVar[Mapping[str, tuple[object, ...]]] = {
        **dict.fromkeys(("images", "tool_calls"), ([],)),
        **dict.fromkeys(("tool_name", "thinking", "name", "reasoning_content"), ("",)),
    }


Turns = Annotated[list[Turn], Field(max_length=MAX_TURNS)]


def chat_request(
    turns: Sequence[Turn], resident: ResidentModel, params: SamplingParams
) -> ChatRequest:
    """The request for `resident`'s next turn. Without a system message it gets the one that the
    model's card has.

    Raises:
        PromptError: a system message stands further down, where no format has a place for it.
    """
    num_system = next(
        (n for n, turn in enumerate(turns) if turn.role in ("user", "assistant")), len(turns)
    )
    messages: list[Message] = []
    for turn in turns[num_system:]:
        if turn.role not in ("user", "assistant"):
            raise PromptError(
                f"A {turn.role} message stands between the others.", "Put it before them."
            )
        messages.append(Message(turn.role, turn.content))
    if num_system:
        system = "\n\n".join(turn.content for turn in turns[:num_system])
    else:
        system = resident.dialogue.default_system if resident.dialogue else ""
    return ChatRequest(system, tuple(messages), params)

"""Dialogue markup: messages to a prompt whose continuation is the assistant's next turn.

StarChat's is that of bigcode-project/starcoder, `chat/dialogues.py::get_inference_prompt`; ChatML
that of the alignment handbook's StarChat2 recipe and of SmolLM2's chat template.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from model.errors import PromptError
from model.prompts.segments import (
    END_OF_TEXT,
    FindSpecial,
    Part,
    Prompt,
    Segment,
    Special,
    Text,
)

Role = Literal["user", "assistant"]


@dataclass(frozen=True, slots=True)
class Message:
    """One turn's text, exactly as it was typed or generated."""

    role: Role
    text: str


@dataclass(frozen=True, slots=True)
class Opening:
    """What opens a turn: a special token, then text of the markup's own."""

    token: str
    text: str


@dataclass(frozen=True, slots=True)
class DialogueFormat:
    """A family's dialogue markup.

    Attributes:
        name: "StarChat", "StarChat2", "SmolLM2", "ChatML".
        default_system: the system prompt of the model card.
        stop_tokens: special tokens that end a turn.
        is_reply_stripped: the model opens its reply with a newline that belongs to the markup.
        system, user, assistant: what opens a turn of each.
        reply: what ends the prompt, so that the assistant's turn follows.
        end: the special token that closes a turn; a newline follows it.
        is_empty_system_kept: an empty system prompt still has its turn.
    """

    name: str
    default_system: str
    stop_tokens: tuple[str, ...]
    is_reply_stripped: bool
    system: Opening
    user: Opening
    assistant: Opening
    reply: Opening
    end: str
    is_empty_system_kept: bool


def _chatml(name: str, default_system: str) -> DialogueFormat:
    return DialogueFormat(
        name=name,
        default_system=default_system,
        stop_tokens=("<|im_end|>", END_OF_TEXT, "<|im_start|>"),
        is_reply_stripped=False,
        system=Opening("<|im_start|>", "system\n"),
        user=Opening("<|im_start|>", "user\n"),
        assistant=Opening("<|im_start|>", "assistant\n"),
        reply=Opening("<|im_start|>", "assistant\n"),
        end="<|im_end|>",
        is_empty_system_kept=False,
    )


# Alpha and beta. The card's prompt has an empty system turn, and ends without a newline: the
# model writes it. Its configured end token is `<|endoftext|>`, so `<|end|>` must be named here.
STARCHAT = DialogueFormat(
    name="StarChat",
    default_system="",
    stop_tokens=("<|end|>", END_OF_TEXT, "<|user|>", "<|system|>", "<|assistant|>"),
    is_reply_stripped=True,
    system=Opening("<|system|>", "\n"),
    user=Opening("<|user|>", "\n"),
    assistant=Opening("<|assistant|>", "\n"),
    reply=Opening("<|assistant|>", ""),
    end="<|end|>",
    is_empty_system_kept=True,
)
STARCHAT2 = _chatml("StarChat2", "You are StarChat2, an expert programming assistant")
SMOLLM2 = _chatml("SmolLM2", "You are a helpful AI assistant named SmolLM, trained by Hugging Face")
CHATML = _chatml("ChatML", "")


def detect_dialogue(special_id: FindSpecial) -> DialogueFormat | None:
    """The markup whose tokens the vocabulary has; None for a model that was not tuned on any.

    ChatML's two tokens say nothing of the family: the file tokens beside them do.
    """

    def has(*tokens: str) -> bool:
        return all(special_id(token) is not None for token in tokens)

    if has("<|system|>", "<|user|>", "<|assistant|>", "<|end|>"):
        return STARCHAT
    if not has("<|im_start|>", "<|im_end|>"):
        return None
    if has("<repo_name>", "<reponame>"):  # SmolLM2 alone has the file tokens of both families.
        return SMOLLM2
    return STARCHAT2 if has("<fim_prefix>", "<repo_name>", "<file_sep>") else CHATML


def build_dialogue(dialect: DialogueFormat, system: str, messages: Sequence[Message]) -> Prompt:
    """The prompt whose continuation answers the last of `messages`.

    Raises:
        PromptError: there is no message, the last one is not the user's, or a role is unknown.
    """
    if not messages:
        raise PromptError("The conversation is empty.", "Write a message first.")
    if messages[-1].role != "user":
        raise PromptError(
            "The last message is not the user's, so there is nothing to answer.",
            "Write a message, or retry the one before.",
        )
    segments: list[Segment] = []
    if system or dialect.is_empty_system_kept:
        segments += _turn(dialect, dialect.system, system, "system")
    for message in messages:
        segments += _turn(dialect, _opening(dialect, message.role), message.text, message.role)
    return (*segments, *_open(dialect.reply))


def _opening(dialect: DialogueFormat, role: str) -> Opening:
    # Roles reach this from the wire, where the type promises nothing.
    if role == "user":
        return dialect.user
    if role == "assistant":
        return dialect.assistant
    raise PromptError(f"A message has the unknown role {role!r}.", "A role is user or assistant.")


def _turn(dialect: DialogueFormat, opening: Opening, text: str, part: Part) -> Prompt:
    return (*_open(opening), Text(text, part), Special(dialect.end), Text("\n", "markup"))


def _open(opening: Opening) -> Prompt:
    if not opening.text:
        return (Special(opening.token),)
    return (Special(opening.token), Text(opening.text, "markup"))

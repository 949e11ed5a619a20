"""Dialogue markup: messages to a prompt whose continuation is the assistant's next turn.

StarChat's is that of bigcode-project/starcoder, `chat/dialogues.py::get_inference_prompt`; ChatML
that of the alignment handbook's StarChat2 recipe and of SmolLM2's chat template. Other models bring
their own as a template (`model.prompts.template`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

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


class Dialogue(Protocol):
    """How a model's dialogues are marked up, whether by a known format or by its own template."""

    @property
    def name(self) -> str: ...

    @property
    def default_system(self) -> str:
        """The system prompt of the model card; "" where it has none."""
        ...

    @property
    def stop_tokens(self) -> tuple[str, ...]:
        """Special tokens that end a turn."""
        ...

    @property
    def stop_strings(self) -> tuple[str, ...]:
        """Texts that end a turn."""
        ...

    @property
    def is_reply_stripped(self) -> bool:
        """The model opens its reply with a newline that belongs to the markup."""
        ...

    def build(self, system: str, messages: Sequence[Message], reply: str = "") -> Prompt:
        """The prompt whose continuation answers the last of `messages`.

        Args:
            reply: what the answer begins with. The prompt then ends with it, within the
                assistant's turn, and is the turn's whole opening as a finished turn has it.

        Raises:
            PromptError: there is no message, the last one is not the user's, a role is unknown,
                or the model takes no such conversation.
            CapabilityError: the model's template cannot be used.
        """
        ...


@dataclass(frozen=True, slots=True)
class Opening:
    """What opens a turn: a special token, then text of the markup's own."""

    token: str
    text: str


@dataclass(frozen=True, slots=True)
class DialogueFormat:
    """A family's dialogue markup; see `Dialogue` for what is not told here.

    Attributes:
        name: "StarChat", "StarChat2", "SmolLM2", "ChatML".
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
    stop_strings: tuple[str, ...] = ()

    def build(self, system: str, messages: Sequence[Message], reply: str = "") -> Prompt:
        check_conversation(messages)
        segments: list[Segment] = []
        if system or self.is_empty_system_kept:
            segments += self._turn(self.system, system, "system")
        for message in messages:
            opening = self.user if message.role == "user" else self.assistant
            segments += self._turn(opening, message.text, message.role)
        if reply:
            return (*segments, *_open(self.assistant), Text(reply, "assistant"))
        return (*segments, *_open(self.reply))

    def _turn(self, opening: Opening, text: str, part: Part) -> Prompt:
        return (*_open(opening), Text(text, part), Special(self.end), Text("\n", "markup"))


@dataclass(frozen=True, slots=True)
class InstructFormat:
    """The markup of StarCoder2-15B-Instruct: plain text headings below a fixed sentence.

    bigcode-project/starcoder2-self-align, `src/star_align/prompt_template.py::CHAT_TEMPLATE`; it
    was tuned on single turns. Its card ends a reply at end-of-text and at "###".
    """

    name: str
    preamble: str
    default_system: str = ""
    stop_tokens: tuple[str, ...] = (END_OF_TEXT,)
    stop_strings: tuple[str, ...] = ("###",)
    is_reply_stripped: bool = False

    def build(self, system: str, messages: Sequence[Message], reply: str = "") -> Prompt:
        check_conversation(messages)
        if system:
            raise PromptError(
                f"{self.name} takes no system prompt.", "Leave it empty: it has a fixed one."
            )
        segments: list[Segment] = [Special(END_OF_TEXT), Text(self.preamble, "markup")]
        for message in messages:
            text = Text(message.text, message.role)
            if message.role == "user":
                segments += [Text("### Instruction\n", "markup"), text]
            else:
                segments += [Text(_RESPONSE, "markup"), text, Special(END_OF_TEXT)]
            segments.append(Text("\n\n", "markup"))
        segments.append(Text(_RESPONSE, "markup"))
        return (*segments, Text(reply, "assistant")) if reply else tuple(segments)


_RESPONSE = "### Response\n"


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
STARCODER2_INSTRUCT = InstructFormat(
    "StarCoder2 Instruct",
    "You are an exceptionally intelligent coding assistant that consistently delivers accurate "
    "and reliable responses to user instructions.\n\n",
)

DIALOGUES: dict[str, Dialogue] = {
    dialect.name: dialect for dialect in (STARCHAT, STARCHAT2, SMOLLM2, CHATML, STARCODER2_INSTRUCT)
}


def detect_dialogue(special_id: FindSpecial) -> DialogueFormat | None:
    """The markup of the family whose tokens the vocabulary has; None for no known family.

    The markup's own tokens say nothing of the family (other models mark their turns with the same
    ones, and differently): the file tokens beside them do.
    """

    def has(*tokens: str) -> bool:
        return all(special_id(token) is not None for token in tokens)

    if has("<|system|>", "<|user|>", "<|assistant|>", "<|end|>", "<fim_prefix>"):
        return STARCHAT
    if not has("<|im_start|>", "<|im_end|>"):
        return None
    if has("<repo_name>", "<reponame>"):  # SmolLM2 alone has the file tokens of both families.
        return SMOLLM2
    return STARCHAT2 if has("<fim_prefix>", "<repo_name>", "<file_sep>") else None


def has_chatml(special_id: FindSpecial) -> bool:
    """Whether a model of no known family can at least mark its turns as ChatML does."""
    return special_id("<|im_start|>") is not None and special_id("<|im_end|>") is not None


def check_conversation(messages: Sequence[Message]) -> None:
    """
    Raises:
        PromptError: there is no message, the last one is not the user's, or a role is unknown.
    """
    if not messages:
        raise PromptError("The conversation is empty.", "Write a message first.")
    for message in messages:
        # Roles reach this from the wire, where the type promises nothing.
        if message.role not in ("user", "assistant"):
            raise PromptError(
                f"A message has the unknown role {message.role!r}.",
                "A role is user or assistant.",
            )
    if messages[-1].role != "user":
        raise PromptError(
            "The last message is not the user's, so there is nothing to answer.",
            "Write a message, or retry the one before.",
        )


def _open(opening: Opening) -> Prompt:
    if not opening.text:
        return (Special(opening.token),)
    return (Special(opening.token), Text(opening.text, "markup"))

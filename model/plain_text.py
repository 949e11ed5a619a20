"""A stand-in for the tokenizer of a model whose tokenizer files are not here.

A token is a character, and a turn of a dialogue has a mark of its own above all characters: so a
prompt travels as ids through what knows only ids, and is text or messages again at its end.
"""

from __future__ import annotations

from collections.abc import Sequence

from model.errors import CapabilityError
from model.prompts.dialogue import Message, Role, check_conversation
from model.prompts.segments import Prompt, Segment, Special, Text

SYSTEM, USER, ASSISTANT = "<system>", "<user>", "<assistant>"
_MARKS = (SYSTEM, USER, ASSISTANT)
_FIRST_MARK = 0x110000  # one past the last character


class PlainDecoder:
    def __init__(self, tokenizer: PlainTokenizer) -> None:
        self._tokenizer = tokenizer

    def step(self, token_id: int) -> str:
        return self._tokenizer.decode([token_id])

    def flush(self) -> str:
        return ""


class PlainTokenizer:
    """One token per character, and the marks above them."""

    def encode_text(self, text: str) -> list[int]:
        return list(map(ord, text))

    def special_id(self, token: str) -> int | None:
        return _FIRST_MARK + _MARKS.index(token) if token in _MARKS else None

    def decode(self, ids: Sequence[int]) -> str:
        return "".join(chr(id_) for id_ in ids if id_ < _FIRST_MARK)

    def decoder(self) -> PlainDecoder:
        return PlainDecoder(self)

    def token_text(self, token_id: int) -> str:
        if token_id < _FIRST_MARK:
            return self.decode([token_id])
        return "".join(_MARKS[token_id - _FIRST_MARK :][:1])

    def read_file(self) -> bytes | None:
        return None


class Messages:
    """A dialogue whose markup is the server's: see `Dialogue`."""

    name = "messages"
    default_system = ""
    stop_tokens: tuple[str, ...] = ()
    stop_strings: tuple[str, ...] = ()
    is_reply_stripped = False

    def build(self, system: str, messages: Sequence[Message], reply: str = "") -> Prompt:
        check_conversation(messages)
        if reply:
            raise CapabilityError(
                "A server that marks the dialogue up itself cannot go on from a begun reply.",
                "Let it answer anew, or give this app the model's tokenizer files with "
                "--chat-model.",
            )
        segments: list[Segment] = []
        if system:
            segments += [Special(SYSTEM), Text(system, "system")]
        for message in messages:
            mark = USER if message.role == "user" else ASSISTANT
            segments += [Special(mark), Text(message.text, message.role)]
        return (*segments, Special(ASSISTANT))


def read_messages(ids: Sequence[int]) -> list[dict[str, str]]:
    """The messages of `Messages.build`'s ids, as OpenAI's API takes them; none of a plain text."""
    messages: list[dict[str, str]] = []
    for id_ in ids:
        if id_ >= _FIRST_MARK:
            role: Role | str = _MARKS[id_ - _FIRST_MARK].strip("<>")
            messages.append({"role": role, "content": ""})
        elif messages:
            messages[-1]["content"] += chr(id_)
    return messages[:-1]  # the last one is to be written

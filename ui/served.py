"""What a client elsewhere has to know of this server, and what it is handed to use it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from model.prompts.infill import InfillFormat
from model.prompts.segments import END_OF_TEXT

# Stands where a key has to be put in.
KEY = "YOUR_KEY"
# Where a client wants some key although none is needed. Without one, Hugging Face's own clients
# would send the token that they find on the disk.
NO_KEY = "unused"

COMPLETION_TOKENS = 60
TEMPERATURE = 0.2


@dataclass(frozen=True, slots=True)
class ModelFacts:
    """One slot's model, as far as its clients have to know.

    Attributes:
        name: what the server calls it in `/v1/models`.
        context_length: tokens, prompt and completion together.
        infill: its dialect; None where it cannot fill in.
        end_tokens: special tokens that end its text.
        can_chat: it was tuned on dialogues.
        is_slow: it runs on a processor.
    """

    name: str
    title: str
    context_length: int
    infill: InfillFormat | None
    end_tokens: tuple[str, ...] = (END_OF_TEXT,)
    can_chat: bool = False
    is_slow: bool = False


@dataclass(frozen=True, slots=True)
class Server:
    """This server, as a client elsewhere finds it.

    Attributes:
        address: without a slash at its end.
        base: the model that continues and fills in.
        chat: the model that chats.
    """

    address: str
    needs_key: bool
    base: ModelFacts
    chat: ModelFacts

    @property
    def key(self) -> str:
        """What stands in for a key, for clients that want one in any case."""
        return KEY if self.needs_key else NO_KEY


@dataclass(frozen=True, slots=True)
class Snippet:
    """What to copy, and where to.

    Attributes:
        place: the file it belongs in, or what runs it.
        lexer: pygments' name of its language.
        steps: lines that say how to put it there.
        refusal: why this client cannot be served now; empty where it can.
    """

    place: str
    lexer: str
    code: str
    steps: tuple[str, ...]
    refusal: str = ""


@dataclass(frozen=True, slots=True)
class Client:
    """A program that can use this server. `build` writes what it needs for one."""

    title: str
    build: Callable[[Server], Snippet]

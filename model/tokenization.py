"""Text to token ids and back, with special tokens only where the program puts them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol


class TextDecoder(Protocol):
    """Incremental decoder: the concatenation of all steps equals decoding all ids at once."""

    def step(self, token_id: int) -> str:
        """The text that `token_id` completes; "" while bytes of a character are missing."""
        ...

    def flush(self) -> str:
        """What is left of an unfinished character, as U+FFFD; "" if nothing is."""
        ...


class PromptTokenizer(Protocol):
    """A model's tokenizer, as prompt builders and streamers need it."""

    def encode_text(self, text: str) -> list[int]:
        """The ids of `text`, in which the spelling of a special token is ordinary text."""
        ...

    def special_id(self, token: str) -> int | None:
        """The id of a special token, or None where the vocabulary lacks it."""
        ...

    def decode(self, ids: Sequence[int]) -> str:
        """The text of `ids`; special tokens are left out."""
        ...

    def decoder(self) -> TextDecoder:
        """A fresh incremental decoder; special tokens are left out."""
        ...

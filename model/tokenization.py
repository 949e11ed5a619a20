"""Text to token ids and back, with special tokens only where the program puts them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from tokenizers import AddedToken, Tokenizer
from tokenizers.decoders import DecodeStream

from model.errors import CheckpointError
from model.prompts.template import ChatTemplate

# Control tokens that a checkpoint added but forgot to flag special: "<|end|>", "<fim_prefix>".
_CONTROL_SPELLING = re.compile(r"<[^<>\s]+>")

# A character has at most four bytes, hence at most four tokens.
_MAX_CHAR_TOKENS = 4
# Where more wait for their last byte, the model writes broken text: let it out.
_MAX_PENDING = 8


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

    def token_text(self, token_id: int) -> str:
        """What a token is by itself: its text, or a special token's spelling; bytes that are no
        character are U+FFFD, and an id that the vocabulary lacks is ""."""
        ...

    def read_file(self) -> bytes | None:
        """Its tokenizer.json as the checkpoint has it; None where there is none. Reads the disk."""
        ...


def is_special(token_id: int, tokenizer: PromptTokenizer) -> bool:
    return tokenizer.special_id(tokenizer.token_text(token_id)) == token_id


class ModelTokenizer:
    """A checkpoint's tokenizer. Safe to use from several threads: nothing in it changes.

    Two copies, because whether special tokens are read in text is a setting of the copy. To set
    it per call on a shared one is a race.

    Attributes:
        eos_token_id: the id that ends a text; None where the checkpoint names none.
        vocab_size: one more than the highest id. A model with fewer embeddings does not fit.
        chat_template: how the checkpoint marks up a dialogue; None where it does not say.
    """

    def __init__(
        self,
        tokenizer: Tokenizer,
        text_tokenizer: Tokenizer,
        eos_token: str | None,
        chat_template: str | None = None,
        template_variables: Mapping[str, str] | None = None,
        file: Path | None = None,
    ) -> None:
        """
        Args:
            tokenizer: decodes, and knows the special tokens.
            text_tokenizer: a second copy of it, which this makes blind to special tokens.
            eos_token: the spelling of the end-of-text token.
            chat_template: in Jinja.
            template_variables: what the template may name: "bos_token" and its like.
            file: the tokenizer.json that it came from, if it came from one.
        """
        for copy in (tokenizer, text_tokenizer):
            _flag_control_tokens(copy)
            # A tokenizer file may ask for either; a prompt must never be cut or filled up.
            copy.no_truncation()
            copy.no_padding()
        text_tokenizer.encode_special_tokens = True
        added = tokenizer.get_added_tokens_decoder()
        self._file = file
        self._tokenizer = tokenizer
        self._text_tokenizer = text_tokenizer
        self._special_ids = {token.content: id_ for id_, token in added.items() if token.special}
        self._spellings = {id_: token for token, id_ in self._special_ids.items()}
        self.eos_token_id = None if eos_token is None else tokenizer.token_to_id(eos_token)
        self.vocab_size = 1 + max(tokenizer.get_vocab(with_added_tokens=True).values())
        self.chat_template = (
            None
            if chat_template is None
            else ChatTemplate(chat_template, template_variables or {}, self.special_tokens)
        )

    @property
    def special_tokens(self) -> tuple[str, ...]:
        """Every special token's spelling, in the order of their ids."""
        return tuple(sorted(self._special_ids, key=self._special_ids.__getitem__))

    def encode_text(self, text: str) -> list[int]:
        """The ids of `text`, in which the spelling of a special token is ordinary text.

        Raises:
            TypeError: `text` holds a lone surrogate, which no tokenizer can take.
        """
        # The batch call lets other threads run meanwhile; `encode` holds them all up.
        [encoding] = self._text_tokenizer.encode_batch_fast([text], add_special_tokens=False)
        ids: list[int] = encoding.ids
        return ids

    def special_id(self, token: str) -> int | None:
        """The id of a special token, or None where the vocabulary lacks it."""
        return self._special_ids.get(token)

    def decode(self, ids: Sequence[int]) -> str:
        """The text of `ids`, spaces as they are; special tokens are left out."""
        text: str = self._tokenizer.decode(list(ids), skip_special_tokens=True)
        return text

    def decoder(self) -> TextDecoder:
        """A fresh incremental decoder; special tokens are left out."""
        return _StreamDecoder(self._tokenizer, frozenset(self._special_ids.values()))

    def token_text(self, token_id: int) -> str:
        """What a token is by itself: its text, or a special token's spelling; bytes that are no
        character are U+FFFD, and an id that the vocabulary lacks is ""."""
        spelling = self._spellings.get(token_id)
        return self.decode([token_id]) if spelling is None else spelling

    def read_file(self) -> bytes | None:
        """Its tokenizer.json, as the checkpoint has it; None where there is none. Reads the disk.

        What is in memory differs from it: see `_flag_control_tokens`.
        """
        try:
            return None if self._file is None else self._file.read_bytes()
        except OSError:
            return None


class _StreamDecoder:
    """Constant time per token: only the ids of the unfinished character are decoded again."""

    def __init__(self, tokenizer: Tokenizer, special_ids: frozenset[int]) -> None:
        self._tokenizer = tokenizer
        self._special_ids = special_ids
        self._stream = DecodeStream([], skip_special_tokens=True)
        self._pending: list[int] = []

    def step(self, token_id: int) -> str:
        if token_id in self._special_ids:
            return ""
        self._pending.append(token_id)
        text: str | None = self._stream.step(self._tokenizer, token_id)
        if text is not None:
            self._pending.clear()
            return text
        return self._release() if len(self._pending) >= _MAX_PENDING else ""

    def flush(self) -> str:
        text = self._decode(self._pending)
        self._pending.clear()
        return text

    def _release(self) -> str:
        """The text of a run that is no character, but for its end, which may become one."""
        whole = self._decode(self._pending)
        # The end of a run is clean to take off where both parts decode as they do together.
        for num_kept in range(_MAX_CHAR_TOKENS - 1, 2 * _MAX_CHAR_TOKENS - 1):
            done, rest = self._pending[:-num_kept], self._pending[-num_kept:]
            text = self._decode(done)
            if text + self._decode(rest) == whole:
                self._pending = rest
                self._stream = DecodeStream([], skip_special_tokens=True)
                self._stream.step(self._tokenizer, rest)
                return text
        return ""

    def _decode(self, ids: list[int]) -> str:
        text: str = self._tokenizer.decode(ids, skip_special_tokens=True)
        return text


def load_tokenizer(folder: Path) -> ModelTokenizer:
    """The tokenizer of the checkpoint in `folder`. Runs no code from there.

    Raises:
        CheckpointError: there is none, it is damaged, or special tokens cannot be kept out of
            text with it.
    """
    if not folder.is_dir():
        raise CheckpointError(f"There is no checkpoint folder {folder}.", "Check the path.")
    tokenizer = _load_backend(folder, is_split=False)
    text_tokenizer = _load_backend(folder, is_split=True)
    loaded = ModelTokenizer(
        tokenizer.backend_tokenizer,
        text_tokenizer.backend_tokenizer,
        tokenizer.eos_token,
        _default_template(tokenizer.chat_template),
        {
            name: token
            for name, token in tokenizer.special_tokens_map.items()
            if isinstance(token, str)
        },
        folder / "tokenizer.json",
    )
    _check_blindness(loaded, folder)
    return loaded


def _load_backend(folder: Path, *, is_split: bool) -> Any:
    # Imported here: it takes seconds, and this module is read before the page can answer.
    from transformers import AutoTokenizer

    try:
        tokenizer = AutoTokenizer.from_pretrained(
            folder, local_files_only=True, trust_remote_code=False, split_special_tokens=is_split
        )
    # A damaged file shows as almost anything: the Rust side raises bare `Exception`.
    except Exception as error:
        raise CheckpointError(
            f"The tokenizer in {folder} cannot be read ({type(error).__name__}).",
            "Fetch the checkpoint again: tokenizer.json or tokenizer_config.json is missing or "
            "damaged.",
        ) from error
    if not hasattr(tokenizer, "backend_tokenizer"):
        raise CheckpointError(
            f"The tokenizer in {folder} is not of a kind that can be used.",
            "It needs a tokenizer.json.",
        )
    return tokenizer


def _default_template(templates: str | dict[str, str] | None) -> str | None:
    """The template for plain dialogues; a checkpoint may have others, for tools."""
    return templates.get("default") if isinstance(templates, dict) else templates


def _flag_control_tokens(tokenizer: Tokenizer) -> None:
    """Flag control tokens special that are not: the setting to overlook them needs the flag."""
    tokenizer.add_special_tokens(
        [
            AddedToken(
                token.content,
                single_word=token.single_word,
                lstrip=token.lstrip,
                rstrip=token.rstrip,
                normalized=token.normalized,
                special=True,
            )
            for token in tokenizer.get_added_tokens_decoder().values()
            if not token.special and _CONTROL_SPELLING.fullmatch(token.content)
        ]
    )


def _check_blindness(tokenizer: ModelTokenizer, folder: Path) -> None:
    """Refuse a tokenizer that reads special tokens in text all the same."""
    for token in tokenizer.special_tokens:
        if tokenizer.special_id(token) in tokenizer.encode_text(token):
            raise CheckpointError(
                f"The tokenizer in {folder} reads {token} in ordinary text.",
                "Prompts cannot be built safely with it; use another checkpoint.",
            )

"""A prompt of token ids in the form that a server takes: ids, a text, or messages."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Literal

from model.errors import CapabilityError
from model.plain_text import PlainTokenizer, read_messages
from model.tokenization import ModelTokenizer

PromptForm = Literal["auto", "ids", "text"]

# What a model's vocabulary may read in a text, where it is not known: the families' own spellings
# (`<fim_prefix>`, `<file_sep>`, `<fim-pad>`) and those between bars.
_LIKE_SPECIAL = re.compile(
    r"<\|[^<>\s]+\|>|<[a-z]+(?:[_-][a-z]+)+>|<(?:reponame|filename|pr|s|/s|unk|pad)>"
)


def as_ids(ids: Sequence[int]) -> dict[str, Any]:
    return {"prompt": list(ids)}


def as_text(ids: Sequence[int], tokenizer: ModelTokenizer) -> dict[str, Any]:
    """The prompt as a text that the server encodes to the same special tokens, and no others.

    Raises:
        CapabilityError: ordinary text in it spells a special token.
    """
    specials = {tokenizer.special_id(token): token for token in tokenizer.special_tokens}
    text, places = "", []
    run: list[int] = []
    for id_ in ids:
        if id_ in specials:
            text += tokenizer.decode(run)
            run.clear()
            places.append((len(text), specials[id_]))
            text += specials[id_]
        else:
            run.append(id_)
    text += tokenizer.decode(run)
    # The longest first: one spelling may begin another.
    spellings = sorted(tokenizer.special_tokens, key=len, reverse=True)
    pattern = re.compile("|".join(map(re.escape, spellings)) or r"(?!)")
    if [(match.start(), match[0]) for match in pattern.finditer(text)] != places:
        raise _would_be_misread()
    return {"prompt": text}


def as_messages(ids: Sequence[int]) -> dict[str, Any]:
    return {"messages": read_messages(ids)}


def as_plain_text(ids: Sequence[int]) -> dict[str, Any]:
    """A text for a model of whose vocabulary nothing is known.

    Raises:
        CapabilityError: it holds what may be the spelling of a special token.
    """
    text = PlainTokenizer().decode(ids)
    if _LIKE_SPECIAL.search(text):
        raise _would_be_misread()
    return {"prompt": text}


def _would_be_misread() -> CapabilityError:
    return CapabilityError(
        "The text spells a special token, and this model's server takes prompts as text only, in "
        "which it would count as one.",
        "Change the spelling, or use a server that takes token ids: vLLM, SGLang and llama.cpp do.",
    )

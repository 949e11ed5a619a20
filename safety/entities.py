"""Labels of single tokens, as a model for named entities gives them, put together to spans.

The scheme is BIO: `B-NAME` begins a name, `I-NAME` goes on with it, `O` is no entity.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import get_args

from safety.spans import Kind, Span

KINDS: frozenset[str] = frozenset(get_args(Kind))
SPACE = " \t\r\n\f\v"
QUOTES = "\"'`"
# What stands around a value in a text, and never at the edge of one. A key or a password may begin
# or end with anything but a quote. `:` may begin or end an IPv6 address.
AROUND: Mapping[str, str] = {
    "KEY": SPACE + QUOTES,
    "PASSWORD": SPACE + QUOTES,
    "IP_ADDRESS": SPACE + QUOTES + "()[]{}<>,;=/.!?|*\\",
}
PUNCTUATION = SPACE + "!\"'#$%&()*+,-./:;<=>?@[\\]^`{|}~"


@dataclass(frozen=True)
class TokenLabel:
    """What a model says of a token.

    Attributes:
        start, end: its characters in the text; tokens that are parts of one character share it.
        label: as the model's config names it.
        probability: of that label.
    """

    start: int
    end: int
    label: str
    probability: float


def kind_of(label: str) -> Kind | None:
    """None for what is no personal data of a kind that we tell: `O`, `AMBIGUOUS`, examples."""
    kind = label[2:] if label[:2] in ("B-", "I-") else label
    return kind if kind in KINDS else None  # type: ignore[return-value]


def merge(text: str, tokens: Sequence[TokenLabel]) -> list[Span]:
    """The entities in `text`, by place, with the mean of their tokens' probabilities.

    A token that begins one goes on with it all the same if nothing stands between it and another
    of its kind: no two values touch, but parts of one are at times taken for two.
    """
    spans: list[Span] = []
    run: list[TokenLabel] = []
    for token in tokens:
        if run and not _goes_on(text, run[-1], token):
            spans += _spans(text, run)
            run = []
        if kind_of(token.label) is not None:
            run.append(token)
    spans += _spans(text, run)
    return spans


def _goes_on(text: str, last: TokenLabel, token: TokenLabel) -> bool:
    if kind_of(token.label) != kind_of(last.label):
        return False
    if not token.label.startswith("B-"):
        return True
    return token.start <= last.end and text[token.start : token.start + 1] not in SPACE


def _spans(text: str, run: Sequence[TokenLabel]) -> list[Span]:
    """The one that `run` makes, without what stands around it; none where nothing is left."""
    kind = kind_of(run[0].label) if run else None
    if kind is None:
        return []
    start, end = run[0].start, run[-1].end
    around = AROUND.get(kind, PUNCTUATION)
    while start < end and text[start] in around:
        start += 1
    while start < end and text[end - 1] in around:
        end -= 1
    if kind == "IP_ADDRESS":
        start, end = _without_colons(text, start, end)
    if start == end:
        return []
    confidence = sum(token.probability for token in run) / len(run)
    return [Span(start, end, kind, text[start:end], confidence)]


def _without_colons(text: str, start: int, end: int) -> tuple[int, int]:
    """`ip:` and `1.2.3.4:` hold one that is no part of the address, `fe80::` two that are."""
    if text[start:end].startswith(":") and text[start : start + 2] != "::":
        start += 1
    if text[start:end].endswith(":") and text[end - 2 : end] != "::":
        end -= 1
    return start, end

"""Takes personal data out of a text, as BigCode did before it trained StarCoder.

The replacements are those of BigCode's own redaction; they are what its models have seen.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, MutableMapping

from safety.spans import Span

# BigCode left user names where they were; `<USERNAME>` is ours, in the form of the others.
MARKS = {
    "EMAIL": "<EMAIL>",
    "KEY": "<KEY>",
    "NAME": "<NAME>",
    "PASSWORD": "<PASSWORD>",
    "USERNAME": "<USERNAME>",
}
PRIVATE_IPV4 = ("172.16.31.10", "172.16.58.3", "172.16.17.32", "192.168.127.12", "192.168.3.11")
PRIVATE_IPV6 = (
    "fd00:c2b6:b24b:be67:2827:688d:e6a1:6a3b",
    "fd00:a516:7c1b:17cd:6d81:2137:bd2a:2c5b",
    "fc00:e968:6179::de52:7100",
    "fc00:db20:35b:7399::5",
    "fdf8:f53e:61e4::18",
)


def redact(text: str, spans: Iterable[Span], given: MutableMapping[str, str] | None = None) -> str:
    """`text` with each span replaced. The same value has the same replacement everywhere.

    Args:
        given: the replacement of each value, which is added to: hand it on to the next text, and
            a value that is taken for a key here and for a password there keeps what it got first.

    Raises:
        ValueError: two spans overlap, or one is of another text.
    """
    given = {} if given is None else given
    pieces, rest = [], 0
    for span in sorted(spans):
        if span.start < rest or text[span.start : span.end] != span.value:
            raise ValueError("These spans are not of this text, or they overlap.")
        mark = given.setdefault(span.value, replacement(span))
        pieces += [text[rest : span.start], mark]
        rest = span.end
    return "".join([*pieces, text[rest:]])


def replacement(span: Span) -> str:
    """What takes the place of `span.value`, which alone decides among five for an IP address."""
    if span.kind != "IP_ADDRESS":
        return MARKS[span.kind]
    addresses = PRIVATE_IPV6 if ":" in span.value else PRIVATE_IPV4
    number = hashlib.sha256(span.value.lower().encode()).digest()[0]
    return addresses[number % len(addresses)]

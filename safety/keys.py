"""Keys and secrets, and what only looks like one."""

from __future__ import annotations

import re
from collections.abc import Iterator

from safety.issued_keys import find_issued_keys
from safety.random_keys import find_random_keys
from safety.spans import Span

UUID = re.compile(r"[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}")
# What people write where a key belongs.
PLACEHOLDER = re.compile(
    r"example|sample|dummy|placeholder|changeme|change[-_]me|your[-_]?(?:api|key|token|secret)"
    r"|insert|redacted|x{6}|\*{4}|\.{3}|foobar|(.)\1{6}|deadbeef|0123456789|123456789|abcdefgh"
    r"|sk_test_|rk_test_|pk_test_|pk_live_|<[a-z_ -]+>|[$%]\{|\{\{",
    re.IGNORECASE,
)
SEQUENCES = ("abcdefghijklmnopqrstuvwxyz0123456789+/" * 2, "0123456789abcdef" * 8)


def find_keys(text: str) -> Iterator[Span]:
    """May overlap."""
    for span in (*find_issued_keys(text), *find_random_keys(text)):
        if len(span.value) > 8 and not is_nobodys(span.value):
            yield span


def is_nobodys(value: str) -> bool:
    """Whether `value` is a placeholder, a sequence or a UUID."""
    folded = value.lower()
    if any(folded in sequence for sequence in SEQUENCES) or UUID.search(value):
        return True
    return len(value) < 400 and PLACEHOLDER.search(value) is not None

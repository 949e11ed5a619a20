"""Which entities that a model found are taken for somebody's: BigCode's conditions for redaction,
and those of the default detector (docs/decisions/0028)."""

from __future__ import annotations

from safety import addresses, emails, keys
from safety.gibberish import wordiness
from safety.spans import Span

MIN_CHARS = 4
MIN_KEY_CHARS = 9
# Bits a character; a key is as random as one that stands beside its name (`safety.random_keys`).
WORDY = 0.1


def is_somebodys(span: Span) -> bool:
    """False for a first name alone, an example, a private address, a word taken for a key."""
    value = span.value
    if len(value) < MIN_CHARS:
        return False
    match span.kind:
        case "NAME":
            return len(value.split()) > 1
        case "EMAIL":
            return not emails.is_nobodys(value.rpartition("@")[2])
        case "IP_ADDRESS":
            return addresses.is_somebodys(value)
        case "KEY":
            is_long = len(value) >= MIN_KEY_CHARS
            return is_long and not keys.is_nobodys(value) and wordiness(value) < WORDY
        case _:
            return True

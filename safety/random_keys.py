"""Keys that nobody signed: random characters where a name says key, or in quotes."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from functools import cache
from typing import TYPE_CHECKING

from safety.gibberish import wordiness
from safety.spans import Span

if TYPE_CHECKING:
    from detect_secrets.plugins.high_entropy_strings import HighEntropyStringsPlugin

# A match starts where its run of characters does, and is bounded: linear time.
CANDIDATE = re.compile(r"(?<![A-Za-z0-9+/_-])[A-Za-z0-9+/_-]{16,512}={0,2}(?![A-Za-z0-9+/_-])")
MARGIN = 96

# Of texts in small letters: without the flag for both a search takes half the time.
KEY_NAME = re.compile(
    r"(?:api|auth|access|account|encryption|signing|private|secret|master|shared|license|crypt|"
    r"client|service|app|jwt|hmac|aes|session|webhook|subscription|server|admin|write|read|storage)"
    r"[_\- .]?key|(?<![a-z])key(?![a-z])|key(?=[\"']?\s{0,4}[:=])|secret|token|passw(?:or)?d"
    r"|passphrase|(?<![a-z])pwd|credential|bearer|(?<![a-z])auth(?![a-z])|authorization"
    r"|salt(?![a-z])|appid|key(?![a-z])|(?<![a-z])psk|(?<![a-z])sig(?==)"
)
OTHER_NAME = re.compile(
    r"(?<![a-z])secure(?![a-z])|encrypted|sha[-_]?\d|sha(?![a-z])|md5|md4|hash|checksum|digest"
    r"|commit|revision|(?<![a-z])rev(?![a-z])|etag|integrity|[ug]uid|fingerprint|merkle|blake"
    r"|(?<![a-z])crc|public[-_]?key(?:[-_]?token)?|cache|[cx]srf[-_]?[a-z]{0,10}|idempoten"
    r"|tokeni[sz]|(?<![a-z])key[-_]?id|recv-keys"
    r"|(?<![a-z])ref(?![a-z])|blob|etherscan|contract|wallet|address|nonce(?![-_]?salt)|block"
    r"|signature|request[-_]?id|trace|span[-_]?id|build[-_]?id|session[-_]?id|object[-_]?id"
    r"|primary|foreign|h1:|serial|sitekey|site[-_]?key|measurement|project"
)
LISTED = re.compile(
    r"(?:ssh-[a-z0-9]+|ecdsa-[a-z0-9-]+|base64,|h1:) ?$|://[^\s?=&]{0,90}$|AAAA[BCE]3"
)
HEX = re.compile(r"(?:0x)?[0-9a-fA-F]+")
# What a value without a name must stand between.
QUOTES = frozenset({('"', '"'), ("'", "'"), ("`", "`"), (">", "<")})
HASH_PREFIX = re.compile(r"(?:sha|md)-?\d", re.IGNORECASE)
# The user's part of an address, where a token or a password may stand before the host.
USER_PART = re.compile(r"://[^\s/@]{0,90}$")
WORDS = re.compile(r"[A-Z]?[a-z]{4,}|[A-Z]{5,}")

# Bits a character: from 20 random letters and digits on, one in a thousand is above the first.
WORDY = -0.6
WORDY_WITH_NAME = 0.1


def find_random_keys(text: str) -> Iterator[Span]:
    for match in CANDIDATE.finditer(text):
        start = match.start() + (2 if match[0].startswith("//") else 0)  # of `https://`
        value = text[start : match.end()]
        line_start = text.rfind("\n", max(0, start - MARGIN), start) + 1
        before = text[max(line_start, start - MARGIN) : start]
        confidence = _confidence(value, before, text[match.end() : match.end() + 1])
        if confidence:
            yield Span(start, match.end(), "KEY", value, confidence)


def _confidence(value: str, before: str, after: str) -> float:
    """0 where `value` is none."""
    if after == "(" or HASH_PREFIX.match(value) or not any(map(str.isdigit, value)):
        return 0.0
    is_hex = HEX.fullmatch(value) is not None
    # Hexadecimal is public there: the key of a Sentry project, the name of an Ethereum node.
    is_in_address = after == "@" and not is_hex and USER_PART.search(before) is not None
    if not is_in_address and LISTED.search(before):
        return 0.0
    if not is_hex and _words_in(value) > 0.35:
        return 0.0
    is_quoted = (before[-1:], after) in QUOTES
    names = before.lower()
    name = len(names) if is_in_address else _last(KEY_NAME, names)
    if name < 0 and (is_hex or not is_quoted):
        return 0.0
    other = _last(OTHER_NAME, names)
    if is_hex:
        is_key = name > other and len(value) >= 24 and _is_mixed(value, 3.0, is_hex=True)
        return 0.85 if is_key else 0.0
    score = wordiness(value.rstrip("="))
    if name > other:
        return 0.85 if score < WORDY_WITH_NAME and _is_mixed(value, 3.3) else 0.0
    has_cases = value != value.lower() and value != value.upper()
    if not is_quoted or not has_cases or other >= 0 or not 20 <= len(value) <= 128:
        return 0.0
    return 0.6 if score < WORDY and _is_mixed(value, 4.0) and not _is_encoded(value) else 0.0


def _last(pattern: re.Pattern[str], text: str) -> int:
    return max((match.end() for match in pattern.finditer(text)), default=-1)


def _words_in(value: str) -> float:
    """The part of `value` that is words: runs of letters in one case that are likely as such."""
    words = [word for word in WORDS.findall(value) if wordiness(word) > 0]
    return sum(map(len, words)) / len(value)


def _is_encoded(value: str) -> bool:
    """Whether it is base64 of text, which random bytes never are."""
    try:
        return base64.b64decode(value + "=" * (-len(value) % 4), validate=True).isascii()
    except ValueError:
        return False


def _is_mixed(value: str, limit: float, *, is_hex: bool = False) -> bool:
    """Whether its characters are as many and as evenly spread as random ones are."""
    entropy: float = _entropy_plugins()[is_hex].calculate_shannon_entropy(value)
    return entropy > limit


@cache
def _entropy_plugins() -> tuple[HighEntropyStringsPlugin, HighEntropyStringsPlugin]:
    from detect_secrets.plugins.high_entropy_strings import (
        Base64HighEntropyString,
        HexHighEntropyString,
    )

    return Base64HighEntropyString(), HexHighEntropyString()

"""Keys that nobody signed: random characters where a name says key, or in quotes."""

from __future__ import annotations

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

KEY_NAME = re.compile(
    r"(?:api|auth|access|account|encryption|signing|private|secret|master|shared|license|crypt|"
    r"client|service|app|jwt|hmac|aes|session|webhook|subscription|server|admin|write|read|storage)"
    r"[_\- .]?key|(?<![a-z])key(?![a-z])|key(?=[\"']?\s{0,4}[:=])|secret|token|passw(?:or)?d"
    r"|passphrase|(?<![a-z])pwd|credential|bearer|(?<![a-z])auth(?![a-z])|authorization|salt(?![a-z])|appid"
    r"|_key(?![a-z])|Key(?![a-z])|(?<![a-z])psk",
    re.IGNORECASE,
)
OTHER_NAME = re.compile(
    r"(?<![a-z])secure(?![a-z])|encrypted|sha[-_]?\d|sha(?![a-z])|md5|md4|hash|checksum|digest"
    r"|commit|revision|(?<![a-z])rev(?![a-z])|etag|integrity|[ug]uid|fingerprint|merkle|(?<![a-z])crc|blake|publickey|public_?key"
    r"|public[-_]?key[-_]?token|cache|csrf|idempoten|tokeni[sz]|(?<![a-z])key[-_]?id|recv-keys"
    r"|(?<![a-z])ref(?![a-z])|blob|etherscan|contract|wallet|address|nonce(?![-_]?salt)|block"
    r"|signature|request[-_]?id|trace|span[-_]?id|build[-_]?id|session[-_]?id|object[-_]?id"
    r"|primary|foreign|h1:|serial|sitekey|site[-_]?key|measurement|project",
    re.IGNORECASE,
)
LISTED = re.compile(
    r"(?:ssh-[a-z0-9]+|ecdsa-[a-z0-9-]+|base64,|h1:) ?$|://[^\s?=&]{0,90}$|AAAA[BCE]3"
)
HEX = re.compile(r"(?:0x)?[0-9a-fA-F]+")
QUOTES = "\"'`"
WORDS = re.compile(r"[A-Z]?[a-z]{4,}|[A-Z]{5,}")

# Bits a character: from 20 random letters and digits on, one in a thousand is above the first.
WORDY = -0.6
WORDY_WITH_NAME = 0.1


def find_random_keys(text: str) -> Iterator[Span]:
    for match in CANDIDATE.finditer(text):
        line_start = text.rfind("\n", max(0, match.start() - MARGIN), match.start()) + 1
        before = text[max(line_start, match.start() - MARGIN) : match.start()]
        confidence = _confidence(match[0], before, text[match.end() : match.end() + 1])
        if confidence:
            yield Span(match.start(), match.end(), "KEY", match[0], confidence)


def _confidence(value: str, before: str, after: str) -> float:
    """0 where `value` is none."""
    if after == "(" or LISTED.search(before) or not any(map(str.isdigit, value)):
        return 0.0
    is_hex = HEX.fullmatch(value) is not None
    if not is_hex and _words_in(value) > 0.35:
        return 0.0
    named = _last(KEY_NAME, before) > _last(OTHER_NAME, before)
    if is_hex:
        return 0.85 if named and len(value) >= 24 and _is_mixed(value, 3.0, is_hex=True) else 0.0
    score = wordiness(value.rstrip("="))
    if named:
        return 0.85 if score < WORDY_WITH_NAME and _is_mixed(value, 3.3) else 0.0
    is_quoted = before[-1:] in tuple(QUOTES) and after in tuple(QUOTES)
    has_cases = value != value.lower() and value != value.upper()
    is_other = OTHER_NAME.search(before) is not None
    if not is_quoted or not has_cases or is_other or not 20 <= len(value) <= 128:
        return 0.0
    return 0.6 if score < WORDY and _is_mixed(value, 4.0) else 0.0


def _last(pattern: re.Pattern[str], text: str) -> int:
    return max((match.end() for match in pattern.finditer(text)), default=-1)


def _words_in(value: str) -> float:
    """The part of `value` that is words: runs of letters in one case that are likely as such."""
    words = [word for word in WORDS.findall(value) if wordiness(word) > 0]
    return sum(map(len, words)) / len(value)


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

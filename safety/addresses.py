"""Addresses of machines on the internet; not version numbers, and not those that are nobody's."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator

from safety.spans import Span

# Every repetition is bounded, and a match starts where its run of characters does: linear time.
IPV4 = re.compile(r"(?:(?<![\w.])|(?<=\\[nrt]))\d{1,3}(?:\.\d{1,3}){3}(?![\w]|\.\w)")
# Nothing but 2000::/3 has been given out; and `a::b` is a name in many languages.
IPV6 = re.compile(
    r"(?<![\w:.])[23][0-9A-Fa-f]{3}(?::[0-9A-Fa-f]{1,4}){0,7}"
    r"(?:::(?:[0-9A-Fa-f]{1,4}(?::[0-9A-Fa-f]{1,4}){0,6})?)?(?![\w:]|\.\w)"
)

# Resolvers that everybody may use, and the placeholder that people count out.
_EVERYBODYS = (
    "8.8.8.8 8.8.4.4 1.1.1.1 1.0.0.1 1.1.1.2 76.76.19.19 76.223.122.150 9.9.9.9 149.112.112.112 "
    "208.67.222.222 208.67.220.220 8.26.56.26 8.20.247.20 94.140.14.14 94.140.15.15 "
    "4.2.2.1 4.2.2.2 64.6.64.6 64.6.65.6 1.2.3.4 2.2.2.2 3.3.3.3 4.4.4.4 5.6.7.8 4.3.2.1 "
    "2001:4860:4860::8888 2001:4860:4860::8844 2606:4700:4700::1111 2606:4700:4700::1001 "
    "2620:fe::fe 2620:fe::9"
)
EVERYBODYS = frozenset(_EVERYBODYS.split())
MARGIN = 80
VERSION_BEFORE = re.compile(
    r"(?:[<>=~^!]=|~>|(?<!<)[\^~]|[<>] ?|\w\s?\(=?\s?|[A-Za-z]/|\w-|@)\s?[\"']?$|\w:$"
)
VERSION_WORD = re.compile(
    r"version|firmware|driver|\bver\b|\brev(?:ision)?\b|release|build(?![a-z])|upgrade"
    r"|\bsection\b|§|chrome|\boid\b|semver|changelog|\bsince\b|\btag\b",
    re.IGNORECASE,
)
ADDRESS_WORD = re.compile(
    r"(?<![a-z])(?:ip|ips|ipv4|addr(?:ess)?|host|hosts|dns|server|servers|peers?|gateway|ssh|ping"
    r"|remote|listen|bind|client|subnet|cidr|route|nameserver|proxy|node|endpoint|from"
    r"|src|dst)(?![a-z])"
    r"|(?<=[a-z])(?:I[Pp]|Host|Addr|Server)(?![a-z])|_ip\b|://|@",
    re.IGNORECASE,
)
# Of four parts that are all below this, an address is a rarity: 1 in 900.
SMALL = 45


def find_addresses(text: str) -> Iterator[Span]:
    for match in IPV4.finditer(text):
        if is_somebodys(match[0]) and not _is_version(text, match):
            yield Span(match.start(), match.end(), "IP_ADDRESS", match[0], 0.9)
    for match in IPV6.finditer(text):
        # `x[2001::4]` is a slice.
        if match[0].count(":") > 2 and is_somebodys(match[0]):
            yield Span(match.start(), match.end(), "IP_ADDRESS", match[0], 0.95)


def is_somebodys(value: str) -> bool:
    """Whether `value` is an address of one machine on the internet."""
    if value.lower() in EVERYBODYS:
        return False
    try:
        address = ipaddress.ip_address(value)
    except ValueError:
        return False
    return address.is_global and not address.is_multicast


def _is_version(text: str, match: re.Match[str]) -> bool:
    line_start = text.rfind("\n", max(0, match.start() - MARGIN), match.start()) + 1
    before = text[max(line_start, match.start() - MARGIN) : match.start()]
    after = text[match.end() : match.end() + 6]
    if IPV4.search(before[-17:]) and before.endswith(("-", "- ")):
        return False  # a range of addresses
    is_small = all(int(part) < SMALL for part in match[0].split("."))
    if re.match(r":\d|/\d", after) and not is_small:
        return False
    words = [word.end() for word in VERSION_WORD.finditer(before)]
    address_words = [word.end() for word in ADDRESS_WORD.finditer(before)]
    nearest_is_version = bool(words) and words[-1] > max(address_words, default=0)
    if nearest_is_version:
        return True
    if before.endswith("//") or re.search(r"@$", before):
        return False
    if is_small:
        return not address_words or bool(VERSION_BEFORE.search(before))
    return bool(re.search(r"(?:[<>=~^!]=|~>|==)\s?[\"']?$|[A-Za-z]/$|\w-$", before))

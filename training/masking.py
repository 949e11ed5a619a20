"""Addresses and keys out of the training text. Patterns only: it finds what has their form.

The names of people in comments stay; licences ask that some of them do.
"""

from __future__ import annotations

import re
from ipaddress import ip_address

_EMAIL = re.compile(r"\b[\w.+-]+@[\w-]+(?:\.[\w-]+)*\.[A-Za-z]{2,}\b")
_IPV4 = re.compile(r"(?<![\w.])(?:\d{1,3}\.){3}\d{1,3}(?![\w.])")
# Long runs of letters and digits in quotes: keys, tokens, hashes, encoded bytes.
_KEY = re.compile(r"(?<=[\"'])(?=[^\"']*\d)[A-Za-z0-9+/_=-]{32,}(?=[\"'])")


def mask(text: str) -> str:
    """`text` with e-mail addresses, public IPv4 addresses and key-like strings replaced."""
    text = _EMAIL.sub("name@example.com", text)
    text = _IPV4.sub(lambda match: _masked_address(match[0]), text)
    return _KEY.sub("KEY", text)


def _masked_address(text: str) -> str:
    try:
        return "192.0.2.1" if ip_address(text).is_global else text
    except ValueError:
        return text

"""The default detector: patterns, filters and counted pairs of letters; no model, no network."""

from __future__ import annotations

from safety.addresses import find_addresses
from safety.emails import find_emails
from safety.keys import find_keys
from safety.spans import Span, without_overlaps


class PatternDetector:
    """Finds e-mail addresses, public IP addresses, and keys. It holds no state: any thread may
    ask it, and the same text has the same spans.

    A span is decided by what stands within `REACH` characters before it and in it, so a long text
    may be read in blocks that overlap (`safety.files`).
    """

    REACH = 8192

    def find(self, text: str) -> list[Span]:
        found = (*find_emails(text), *find_addresses(text), *find_keys(text))
        return without_overlaps(found)

"""E-mail addresses, and what only looks like one."""

from __future__ import annotations

import re
from collections.abc import Iterator

from safety.spans import Span

# Every repetition is bounded, and a match starts where its run of characters does: linear time.
EMAIL = re.compile(
    r"(?<![\w.+%@-])(?P<local>[\w][\w.+%-]{0,63})"
    r"@(?P<domain>(?:[^\W_](?:[\w-]{0,61}[^\W_])?\.){1,6}"
    r"(?P<tld>[^\W\d_]{2,24}))(?![^\W_]|[_.-]\w|@)"
)

# Nobody's: reserved by RFC 2606 and 6761, or what people write for "your domain here".
RESERVED_TLDS = {"test", "example", "invalid", "localhost", "local", "localdomain", "internal"}
_PLACEHOLDERS = (
    "example exemple beispiel domain yourdomain your-domain mydomain somedomain yourcompany "
    "your-company mycompany yoursite mysite foo bar foobar baz test email address "
    "company somewhere nowhere"
)
PLACEHOLDERS = frozenset(_PLACEHOLDERS.split())
# What follows a dot in code and in file names: `hero@2x.png`, `weights@gram.sum`.
_NOT_TLDS = (
    "png jpg jpeg gif svg webp ico bmp pdf css scss less js mjs cjs ts jsx tsx vue html htm json "
    "yml yaml toml xml lock tgz gz zip tar whl deb rpm exe dll service socket timer target txt "
    "sum mean shape dot dtype size ndim reshape transpose conj values flatten item numpy astype "
    "inverse trace diag setter getter deleter"
)
NOT_TLDS = frozenset(_NOT_TLDS.split())
MARGIN = 100


def find_emails(text: str) -> Iterator[Span]:
    if "@" not in text:
        return
    for match in EMAIL.finditer(text):
        if not is_nobodys(match["domain"]) and not _is_part_of_an_address(text, match):
            start = match.start()
            if (
                text[max(0, start - 1) : start + 1] in ("\\n", "\\r", "\\t")
                and len(match["local"]) > 1
            ):
                start += 1  # a line break as code writes it
            yield Span(start, match.end(), "EMAIL", text[start : match.end()], 0.95)


def is_nobodys(domain: str) -> bool:
    """Whether `domain` is reserved, a placeholder or none."""
    labels = domain.lower().split(".")
    if labels[-1] in RESERVED_TLDS | NOT_TLDS:
        return True
    # "example.com" and "mail.example.co.uk", not "example-bakery.com".
    return any(label in PLACEHOLDERS for label in labels[:-1][-2:])


def _is_part_of_an_address(text: str, match: re.Match[str]) -> bool:
    """Whether it is the authority of a URL, the remote of a repository, or a product in code."""
    following = text[match.end() : match.end() + 1]
    if following in ("(", "[") and "-" not in match["domain"]:
        return following == "(" or not text[match.end() + 1 : match.end() + 2].isspace()
    if match["local"].lower() in ("git", "hg", "svn", "ssh") and following in (":", "/"):
        return True
    before = text[max(0, match.start() - MARGIN) : match.start()]
    scheme, _, rest = before.rpartition("://")
    # In `https://user:token@host/` it is; in `https://host/?mail=` it is not.
    return bool(scheme) and not re.search(r"[\s/?#\"'<>]", rest)

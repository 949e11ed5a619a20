"""Keys that show who issued them: `detect-secrets`' plugins, and a few forms that it lacks.

The plugins' patterns are used as they are, without the library's line scanner, which is ten times
slower and does not say where on a line a key is. Some of the patterns look ahead without bound, so
each sees pieces of the text of a bounded length: then the time is linear.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from safety.spans import Span

PIECE = 2048
# What a key may be cut into where a line is longer than a piece.
OVERLAP = 512

# A key ends where its alphabet does, whatever length the pattern of its time expected.
TAIL = re.compile(r"[A-Za-z0-9_-]{0,200}")
KEY = re.compile(r"[^\s\"'<>|`)]*")
# What is shorter is an alternative of prefixes, as in `(ghp|gho)_...`.
SHORTEST_GROUP = 16

OURS = re.compile(
    r"(?:(?<![A-Za-z0-9_-])|(?<=\\[nrt]))(?:"  # or after a line break as code writes it
    r"eyJ[A-Za-z0-9_-]{8,2000}\.eyJ[A-Za-z0-9_-]{4,4000}(?:\.[A-Za-z0-9_-]{0,1000})?"  # JSON
    r"|AIza[A-Za-z0-9_-]{35}"  # Google
    r"|GOCSPX-[A-Za-z0-9_-]{28}"
    r"|ya29\.[A-Za-z0-9_-]{30,250}"
    r"|hf_[A-Za-z0-9]{30,40}"  # Hugging Face
    r"|npm_[A-Za-z0-9]{36}"
    r"|github_pat_[A-Za-z0-9]{22}_[A-Za-z0-9]{59}"
    r"|sk-(?:ant|proj|svcacct|or)-[A-Za-z0-9_-]{20,250}"
    r"|sk-[A-Za-z0-9]{48}"
    r"|dop_v1_[a-f0-9]{64}"  # DigitalOcean
    r"|shp(?:at|ca|pa|ss)_[a-fA-F0-9]{32}"  # Shopify
    r"|EAAC[A-Za-z0-9]{60,250}"  # Facebook
    r"|sq0(?:atp|csp)-[A-Za-z0-9_-]{22,43}"
    r"|lin_api_[A-Za-z0-9]{40}"
    r"|dckr_pat_[A-Za-z0-9_-]{27}"
    r"|rubygems_[a-f0-9]{48}"
    r"|whsec_[A-Za-z0-9+/=]{32,64}"
    r")(?![A-Za-z0-9])"
)
PRIVATE_KEY = re.compile(r"-----BEGIN (?:[A-Z0-9]{1,10} ){0,3}PRIVATE KEY(?: BLOCK)?-----")
PRIVATE_KEY_CHARS = 7000
BREAK = re.compile(r"\n[ \t]{0,100}\n|[\"'`]")
BODY = re.compile(r"[A-Za-z0-9+/=]{40}")


@dataclass(frozen=True)
class Issuer:
    """One plugin.

    Attributes:
        patterns: the plugin's; the longest group of a match is the key, or else all of it.
        hint: what a piece must hold for the patterns to be tried.
        lead: what a match may begin with that is not part of the key.
    """

    patterns: tuple[re.Pattern[str], ...]
    hint: re.Pattern[str]
    lead: re.Pattern[str]
    confidence: float


def find_issued_keys(text: str) -> Iterator[Span]:
    """May overlap, and finds test keys and examples, too."""
    for match in OURS.finditer(text):
        yield Span(match.start(), match.end(), "KEY", match[0], 0.98)
    yield from _find_private_keys(text)
    cut = list(pieces(text))
    for issuer in issuers():
        for number in _hinted(issuer.hint, text, cut):
            yield from _ask(issuer, text, *cut[number])


def _hinted(hint: re.Pattern[str], text: str, cut: list[tuple[int, str]]) -> list[int]:
    """The numbers of the pieces that hold a hint; both, where two overlap."""
    starts = [start for start, _ in cut]
    numbers: set[int] = set()
    for match in hint.finditer(text):
        number = bisect_right(starts, match.start()) - 1
        numbers.add(number)
        if number > 0 and starts[number - 1] + len(cut[number - 1][1]) > match.start():
            numbers.add(number - 1)
    return sorted(numbers)


def pieces(text: str) -> Iterator[tuple[int, str]]:
    """Whole lines, up to `PIECE` characters at once; a longer line in pieces that overlap."""
    start = 0
    while start < len(text):
        end = min(start + PIECE, len(text))
        if end == len(text):
            yield start, text[start:end]
            return
        line_end = text.rfind("\n", start, end) + 1
        yield start, text[start : line_end or end]
        start = line_end or end - OVERLAP


def _ask(issuer: Issuer, text: str, start: int, piece: str) -> Iterator[Span]:
    for pattern in issuer.patterns:
        for match in pattern.finditer(piece):
            found, end = _longest_group(match)
            lead = issuer.lead.match(piece, found, end)
            begin = start + (lead.end() if lead else found)
            if _is_inside(text, begin):
                continue  # from the middle of something else
            # Some patterns run on to the end of the line, some stop before the key does.
            key = KEY.match(text, begin, start + end)
            tail = TAIL.match(text, key.end() if key else begin)
            end = tail.end() if tail else begin
            yield Span(begin, end, "KEY", text[begin:end], issuer.confidence)


def _is_inside(text: str, place: int) -> bool:
    """Whether a word goes on at `place`; a line break as code writes it is none."""
    before = text[max(0, place - 2) : place]
    return before[-1:].isalnum() and before not in ("\\n", "\\r", "\\t")


def _longest_group(match: re.Match[str]) -> tuple[int, int]:
    start, end = max((span for span in match.regs[1:]), key=_length, default=match.span())
    return (start, end) if end - start >= SHORTEST_GROUP else match.span()


def _length(span: tuple[int, int]) -> int:
    return span[1] - span[0]


def _find_private_keys(text: str) -> Iterator[Span]:
    for match in PRIVATE_KEY.finditer(text):
        end = text.find("-----", match.end(), match.end() + PRIVATE_KEY_CHARS)
        if end < 0:
            end = min(len(text), match.end() + PRIVATE_KEY_CHARS)
            blank = BREAK.search(text, match.end(), end)
            end = blank.start() if blank else end
        body = text[match.end() : end]
        shown = body.strip()
        if BODY.search(shown):
            begin = match.end() + body.index(shown)
            yield Span(begin, begin + len(shown), "KEY", shown, 0.99)


@cache
def issuers() -> tuple[Issuer, ...]:
    """Imported here: it takes a tenth of a second, which who only imports us should not pay."""
    from detect_secrets.plugins import (
        artifactory,
        aws,
        azure_storage_key,
        cloudant,
        discord,
        github_token,
        gitlab_token,
        ibm_cloud_iam,
        ibm_cos_hmac,
        mailchimp,
        npm,
        openai,
        pypi_token,
        sendgrid,
        slack,
        softlayer,
        square_oauth,
        stripe,
        telegram_token,
        twilio,
    )

    name = "[_-]?(?:api)?[_-]?(?:key|pwd|pw|pass|token)"
    told = [
        (artifactory.ArtifactoryDetector, "AKC|AP[0-9A-F]", r"\W", 0.6),
        (aws.AWSKeyDetector, "A3T|ABIA|ACCA|AKIA|ASIA|(?i:aws)", "", 0.98),
        (azure_storage_key.AzureStorageKeyDetector, "AccountKey=", "AccountKey=", 0.98),
        (cloudant.CloudantDetector, f"(?i)cl(?:ou|oudant)?{name}|cloudant\\.com", "", 0.9),
        (discord.DiscordBotTokenDetector, r"\.[\w-]{6}\.", "", 0.9),
        (github_token.GitHubTokenDetector, "gh[pousr]_", "", 0.98),
        (gitlab_token.GitLabTokenDetector, "gl[a-z]{2,5}-|GR1348941", "", 0.98),
        (ibm_cloud_iam.IbmCloudIamDetector, r"(?<![\w-])[A-Za-z0-9_-]{44}(?![\w-])", "", 0.85),
        (ibm_cos_hmac.IbmCosHmacDetector, r"(?<!\w)[a-fA-F0-9]{48}(?!\w)", "", 0.85),
        (mailchimp.MailchimpDetector, r"-us\d", "", 0.95),
        (npm.NpmDetector, ":_authToken=", r"//.*?_authToken=\s*", 0.98),
        (openai.OpenAIDetector, "T3BlbkFJ", "", 0.98),
        (pypi_token.PypiTokenDetector, "pypi-", "", 0.98),
        (sendgrid.SendGridDetector, r"SG\.", "", 0.98),
        (slack.SlackDetector, r"xox|hooks\.slack", "", 0.98),
        (softlayer.SoftlayerDetector, f"(?i)(?:softlayer|sl){name}|softlayer\\.com", "", 0.85),
        (square_oauth.SquareOAuthDetector, "sq0", "", 0.98),
        (stripe.StripeDetector, "k_live_", "", 0.98),
        (telegram_token.TelegramBotTokenDetector, r"\d{8}:", "", 0.9),
        (twilio.TwilioKeyDetector, "AC[a-z0-9]{32}|SK[a-z0-9]{32}", "", 0.9),
    ]
    return tuple(
        Issuer(tuple(plugin.denylist), re.compile(hint), re.compile(lead), confidence)
        for plugin, hint, lead, confidence in told
    )

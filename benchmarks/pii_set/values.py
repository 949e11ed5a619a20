"""Invented personal data, and what looks like it: one function a kind, each from a `Random`.

Nothing here is anybody's. Keys have their issuer's form with a random body; prefix and body meet
only when the set is read, so that no scanner finds a key in this repository.
"""

from __future__ import annotations

import base64
import ipaddress
import json
import uuid
from collections.abc import Callable
from random import Random
from string import ascii_letters, ascii_lowercase, ascii_uppercase, digits

ALNUM = ascii_letters + digits
URL64 = ALNUM + "-_"
HEX = digits + "abcdef"


def _words(text: str) -> list[str]:
    return text.split()


FIRST = _words(
    "maria jonas aiko pedro chloe lukas irina samuel fatima henrik wei olga diego nadia tomas "
    "priya erik leila marco hannah yusuf claire anders rosa mikhail zoe bartosz amara felix noor"
)
LAST = _words(
    "lopez brandt tanaka silva dubois novak petrova okafor haddad lindqvist zhang ivanova romero "
    "kowalska svoboda raman nilsen karimi ricci weiss demir moreau berg castro orlov papas wrona "
    "diallo keller rahman"
)
HOUSES = _words(
    "nordwerk velomat quintara brightfjord hollowpine tessellate-labs kupferkraut marisol-foods "
    "ostrava-steel lumenpath greyharbor fernwald zephyrworks blautal papermoon-games ironquill "
    "datacrest solvanta mintleaf3 riverstone-clinic"
)
TLDS = _words("com com com de io org net fr co.uk dev se pl com.br edu it nl es info cz ca")


def email(random: Random) -> str:
    first, last = random.choice(FIRST), random.choice(LAST)
    year = random.randrange(60, 100)
    local = random.choice(
        (
            f"{first}.{last}",
            f"{first}.{last}",
            f"{first[0]}{last}",
            f"{first}_{last}",
            f"{first}{year}",
            f"{last}-{first}",
            f"{first}",
            f"{first}.{last[0]}",
            f"{first}+{random.choice(('news', 'billing', 'ci'))}",
        )
    )
    return f"{local}@{_house(random)}"


def email_upper(random: Random) -> str:
    name = f"{random.choice(FIRST).title()}.{random.choice(LAST).title()}"
    return f"{name}@{_house(random).title() if random.random() < 0.5 else _house(random)}"


def email_sub(random: Random) -> str:
    place = random.choice(("mail", "cs", "eng", "hq.eu", "students"))
    return f"{random.choice(FIRST)}.{random.choice(LAST)}@{place}.{_house(random)}"


def email_unicode(random: Random) -> str:
    local = random.choice(("jürgen.groß", "rené", "søren.dahl", "małgorzata", "josé.ñandu"))
    return f"{local}@{random.choice(('müllerbau', 'café-noir', 'smørrebrød', 'nordwerk'))}.de"


def _house(random: Random) -> str:
    return f"{random.choice(HOUSES)}.{random.choice(TLDS)}"


def ipv4(random: Random) -> str:
    """Any address on the public internet."""
    while True:
        address = ipaddress.IPv4Address(random.randrange(1 << 24, 223 << 24))
        if address.is_global and not address.is_multicast:
            return str(address)


def ipv6(random: Random) -> str:
    prefix = random.choice(("2a01:4f8", "2600:1f18", "2001:470", "2a02:8109", "2804:14c"))
    groups = [f"{random.randrange(1, 1 << 16):x}" for _ in range(random.choice((2, 3, 6)))]
    if len(groups) == 6:
        return ":".join([prefix, *groups])
    return f"{prefix}:{':'.join(groups[:-1])}::{groups[-1]}"


def ipv4_private(random: Random) -> str:
    start = random.choice(("10.{}", "192.168", "172.{}", "127.0")).format(random.randrange(16, 32))
    return f"{start}.{random.randrange(256)}.{random.randrange(1, 255)}"


def ipv4_documentation(random: Random) -> str:
    start = random.choice(("192.0.2", "198.51.100", "203.0.113"))
    return f"{start}.{random.randrange(1, 255)}"


def ipv6_documentation(random: Random) -> str:
    return f"2001:db8:{random.randrange(1, 1 << 16):x}::{random.randrange(1, 1 << 12):x}"


def version4(random: Random) -> str:
    return ".".join(str(random.randrange(limit)) for limit in (20, 13, 31, 10))


def version3(random: Random) -> str:
    return ".".join(str(random.randrange(limit)) for limit in (9, 40, 12))


def uuid4(random: Random) -> str:
    return str(uuid.UUID(int=random.getrandbits(128), version=4))


def mac(random: Random) -> str:
    return ":".join(f"{random.randrange(256):02x}" for _ in range(6))


def hexadecimal(length: int) -> Callable[[Random], str]:
    return lambda random: _draw(random, HEX, length)


def alphanumeric(length: int) -> Callable[[Random], str]:
    return lambda random: _draw(random, ALNUM, length)


def url_safe(length: int) -> Callable[[Random], str]:
    return lambda random: _draw(random, URL64, length)


def base64_of(num_bytes: int) -> Callable[[Random], str]:
    return lambda random: base64.b64encode(random.randbytes(num_bytes)).decode()


def prefixed(prefix: str, body: Callable[[Random], str], end: str = "") -> Callable[[Random], str]:
    return lambda random: f"{prefix}{body(random)}{end}"


def json_web_token(random: Random) -> str:
    claims = {"sub": str(random.randrange(10**9)), "iat": 1_700_000_000 + random.randrange(10**7)}
    parts = [json.dumps(part).encode() for part in ({"alg": "HS256", "typ": "JWT"}, claims)]
    parts.append(random.randbytes(32))
    return ".".join(base64.urlsafe_b64encode(part).decode().rstrip("=") for part in parts)


def slack(random: Random) -> str:
    numbers = [str(random.randrange(10**11, 10**12)) for _ in range(2)]
    return "-".join(["xox" + "b", *numbers, _draw(random, ALNUM, 24)])


def telegram(random: Random) -> str:
    return f"{random.randrange(10**8, 10**10)}:AA{_draw(random, URL64, 33)}"


def discord(random: Random) -> str:
    first = "MT" + _draw(random, ALNUM, 22)
    return f"{first}.{_draw(random, ALNUM, 6)}.{_draw(random, URL64, 27)}"


def wrapped_base64(random: Random) -> str:
    """The body of a PEM block, in lines of 64."""
    body = base64.b64encode(b"0\x82" + random.randbytes(random.choice((190, 250, 330)))).decode()
    return "\n".join(body[start : start + 64] for start in range(0, len(body), 64))


def _draw(random: Random, alphabet: str, length: int) -> str:
    return "".join(random.choice(alphabet) for _ in range(length))


# Slots in capitals are labelled with what stands before their colon.
VALUES: dict[str, Callable[[Random], str]] = {
    "EMAIL": email,
    "EMAIL:upper": email_upper,
    "EMAIL:sub": email_sub,
    "EMAIL:unicode": email_unicode,
    "IP_ADDRESS:4": ipv4,
    "IP_ADDRESS:6": ipv6,
    "KEY:hex32": hexadecimal(32),
    "KEY:hex40": hexadecimal(40),
    "KEY:hex64": hexadecimal(64),
    "KEY:b64-24": base64_of(24),
    "KEY:b64-32": base64_of(32),
    "KEY:b64-48": base64_of(48),
    "KEY:alnum20": alphanumeric(20),
    "KEY:alnum32": alphanumeric(32),
    "KEY:alnum40": alphanumeric(40),
    "KEY:url43": url_safe(43),
    "KEY:aws-id": prefixed("AK" + "IA", lambda r: _draw(r, ascii_uppercase + "234567", 16)),
    "KEY:aws-secret": base64_of(30),
    "KEY:github": prefixed("gh" + "p_", alphanumeric(36)),
    "KEY:github-app": prefixed("gh" + "s_", alphanumeric(36)),
    "KEY:github-pat": prefixed(
        "github" + "_pat_", lambda r: f"{_draw(r, ALNUM, 22)}_{_draw(r, ALNUM, 59)}"
    ),
    "KEY:gitlab": prefixed("gl" + "pat-", alphanumeric(20)),
    "KEY:google": prefixed("AI" + "za", url_safe(35)),
    "KEY:slack": slack,
    "KEY:stripe": prefixed("sk" + "_live_", alphanumeric(24)),
    "KEY:sendgrid": prefixed("S" + "G.", lambda r: f"{_draw(r, URL64, 22)}.{_draw(r, URL64, 43)}"),
    "KEY:npm": prefixed("np" + "m_", alphanumeric(36)),
    "KEY:pypi": prefixed("py" + "pi-AgEIcHlwaS5vcmc", url_safe(120)),
    "KEY:openai": prefixed(
        "sk" + "-", lambda r: f"{_draw(r, ALNUM, 20)}T3BlbkFJ{_draw(r, ALNUM, 20)}"
    ),
    "KEY:hf": prefixed("h" + "f_", lambda r: _draw(r, ascii_letters, 34)),
    "KEY:twilio": prefixed("S" + "K", hexadecimal(32)),
    "KEY:mailchimp": prefixed("", hexadecimal(32), "-us" + "14"),
    "KEY:azure": base64_of(64),
    "KEY:jwt": json_web_token,
    "KEY:discord": discord,
    "KEY:telegram": telegram,
    "KEY:pem": wrapped_base64,
    "pem": wrapped_base64,
    "ipv4-private": ipv4_private,
    "ipv4-doc": ipv4_documentation,
    "ipv6-doc": ipv6_documentation,
    "version4": version4,
    "version3": version3,
    "uuid": uuid4,
    "mac": mac,
    "md5": hexadecimal(32),
    "sha1": hexadecimal(40),
    "sha256": hexadecimal(64),
    "hex8": hexadecimal(8),
    "hex12": hexadecimal(12),
    "b64-sha256": base64_of(32),
    "b64-sha512": base64_of(64),
    "b64-image": base64_of(150),
    "number": lambda random: str(random.randrange(1, 9999)),
    "stripe-test": prefixed("sk" + "_test_", alphanumeric(24)),
    "word": lambda random: random.choice(HOUSES),
    "name": lambda random: random.choice(FIRST),
    "lower8": lambda random: _draw(random, ascii_lowercase, 8),
}

"""Keys are found by their issuer's form or by their randomness; placeholders and hashes are not.

The keys are invented, and put together here, so that nobody takes this file for a leak.
"""

from __future__ import annotations

from random import Random

import pytest

from benchmarks.pii_set.values import VALUES
from safety.keys import find_keys
from safety.spans import without_overlaps

ISSUED = sorted(
    name
    for name in VALUES
    if name.startswith("KEY:") and not name[4:].startswith(("hex", "b64", "alnum", "url", "pem"))
)
NAMED_ONLY = ("KEY:hex32", "KEY:hex40", "KEY:hex64", "KEY:b64-32", "KEY:alnum32", "KEY:url43")


def values(text: str) -> list[str]:
    return [span.value for span in without_overlaps(find_keys(text))]


def draw(name: str, seed: int = 0) -> str:
    return VALUES[name](Random(seed))


@pytest.mark.parametrize("name", ISSUED)
@pytest.mark.parametrize("seed", range(5))
def test_a_key_in_its_issuers_form_is_found_whole(name: str, seed: int) -> None:
    value = draw(name, seed)
    name_of_it = "AccountKey" if name == "KEY:azure" else "secret_key"
    assert values(f"AccountName=x;{name_of_it}={value};\nnext line") == [value]


@pytest.mark.parametrize("name", NAMED_ONLY)
@pytest.mark.parametrize("frame", ['api_key = "{}"', "TOKEN={}", "token: {}", "'secret' => '{}'"])
def test_a_random_string_is_found_where_a_name_says_key(name: str, frame: str) -> None:
    value = draw(name)
    assert values(frame.format(value)) == [value]


@pytest.mark.parametrize("frame", ['sha1 = "{}"', "commit {}", '"md5": "{}"', "ETag: {}", '("{}")'])
def test_a_hash_is_not_found(frame: str) -> None:
    assert values(frame.format(draw("KEY:hex40"))) == []


@pytest.mark.parametrize(
    "frame",
    [
        'f("{}")',
        "https://{}@github.com/o/r.git",
        "redis://app:{}@cache:6379",
        "<string>{}</string>",
    ],
)
def test_a_random_string_in_quotes_or_before_a_host_is_found(frame: str) -> None:
    value = draw("KEY:alnum32")
    assert values(frame.format(value)) == [value]


@pytest.mark.parametrize("frame", ['csrf_token" value="{}"', '"sha512-{}"', "ssh-rsa {}", "({})"])
def test_a_random_string_that_is_public_is_not_found(frame: str) -> None:
    assert values(frame.format(draw("KEY:b64-32"))) == []


@pytest.mark.parametrize(
    "text",
    [
        'api_key = "your-api-key-here-0123"',
        'secret = "xxxxxxxxxxxxxxxxxxxxxxxx"',
        'token = "0123456789abcdef0123456789abcdef"',
        'token = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"',
        'key = "AKIA' + 'IOSFODNN7EXAMPLE"',
        'key = "123e4567-e89b-42d3-a456-426614174000"',
        'key = "selectCurrentWorkspaceMembership2"',
        'token = "{{ vault_secret_token_1 }}"',
        'secret: "<your_secret_token_12345>"',
        'integrity = "sha512-' + "a8F3kq9ZxW7vLm2Np4Rt6Yb1" + '"',
        "getUserPreferencesByAccountId2('x')",
    ],
)
def test_placeholders_and_names_are_not_found(text: str) -> None:
    assert values(text) == []


def test_text_in_base64_is_not_found_without_a_name() -> None:
    assert values('f("UmVzdHJpY3RlZCBBcmVhOiA0MiBLZXlz")') == []


def test_test_keys_of_stripe_are_not_found() -> None:
    assert values(f'key = "{draw("stripe-test")}"') == []


def test_the_body_of_a_private_key_is_found_and_a_certificates_is_not() -> None:
    body = draw("KEY:pem")
    text = f"-----BEGIN {{0}}-----\n{body}\n-----END {{0}}-----\n"
    assert values(text.format("RSA PRIVATE KEY")) == [body]
    assert values(text.format("CERTIFICATE")) == []


def test_a_private_key_without_an_end_is_found_up_to_the_blank_line() -> None:
    body = draw("KEY:pem")
    assert values(f"-----BEGIN PRIVATE KEY-----\n{body}\n\nmore text") == [body]


def test_a_key_in_the_midst_of_a_long_line_is_found() -> None:
    value = draw("KEY:github")
    assert values(f"{'x, ' * 20_000}{value}{', y' * 20_000}") == [value]


def test_a_prefix_named_before_the_key_does_not_hide_it() -> None:
    value = draw("KEY:gitlab")
    assert values(f"glpat- and glpat are prefixes, here is one: {value}") == [value]


def test_a_long_web_token_is_found_whole_wherever_a_long_line_is_cut() -> None:
    token = ".".join(["eyJ" + draw("KEY:alnum40"), "eyJ" + draw("KEY:alnum40") * 30, "s" * 43])
    for offset in range(0, 2500, 500):
        assert values(f"{',' * offset}{token}{',' * 4000}") == [token]


def test_a_written_line_break_before_a_key_is_not_part_of_it() -> None:
    for name in ("KEY:github", "KEY:google", "KEY:stripe"):
        value = draw(name)
        assert values(f'"first\\n{value}\\n"') == [value]


def test_what_a_word_only_ends_in_is_no_key() -> None:
    assert values("risk_live_" + "a1" * 12) == []

"""Public IP addresses are found; versions, and addresses that are nobody's, are not."""

from __future__ import annotations

import pytest

from safety.addresses import find_addresses


def values(text: str) -> list[str]:
    return [span.value for span in find_addresses(text)]


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ('HOST = "93.184.216.34"', "93.184.216.34"),
        ("http://93.184.216.34:8080/x", "93.184.216.34"),
        ("cidr 93.184.216.34/32", "93.184.216.34"),
        ("ssh root@93.184.216.34", "93.184.216.34"),
        ("it came from 93.184.216.34.", "93.184.216.34"),
        ('peer: "5.9.12.3"', "5.9.12.3"),
        ("PING nordwerk.de (93.184.216.34)", "93.184.216.34"),
        ("[2a01:4f8:c17:b0f::2]:443", "2a01:4f8:c17:b0f::2"),
        ("2600:1f18:1:2:3:4:5:6/64", "2600:1f18:1:2:3:4:5:6"),
        ("93.184.216.34 - - [10/Oct/2020]", "93.184.216.34"),
    ],
)
def test_a_public_address_is_found(text: str, address: str) -> None:
    assert values(text) == [address]


def test_both_ends_of_a_range_are_found() -> None:
    assert values("93.184.216.1-93.184.216.9") == ["93.184.216.1", "93.184.216.9"]


@pytest.mark.parametrize(
    "text",
    [
        'AssemblyVersion("93.184.216.34")',
        "Chrome/91.0.47.124",
        "foo-2.17.0.3.tar.gz",
        "numpy==1.24.2.1",
        "rails (7.0.4.2)",
        "gem 'rails', '6.0.3.7'",
        "v93.184.216.34",
        "1.3.6.1.4.1.311",
        "see section 4.2.1.6",
        "93.184.216.34a",
        "300.1.2.3",
    ],
)
def test_a_version_is_not_found(text: str) -> None:
    assert values(text) == []


@pytest.mark.parametrize(
    "address",
    [
        "10.1.2.3",
        "172.20.0.5",
        "192.168.1.1",
        "127.0.0.1",
        "169.254.169.254",
        "192.0.2.44",
        "198.51.100.7",
        "203.0.113.9",
        "0.0.0.0",
        "255.255.255.0",
        "224.0.0.251",
        "8.8.8.8",
        "::1",
        "fe80::1ff:fe23:4567:890a",
        "2001:db8::7",
        "fd00:1::5",
        "2001:4860:4860::8888",
        "dead:beef::cafe",
    ],
)
def test_an_address_that_is_nobodys_is_not_found(address: str) -> None:
    assert values(f'host = "{address}"') == []


@pytest.mark.parametrize(
    "text", ["12:34:56", "00:1b:44:11:3a:b7", "a::b::c", "x[2001::4]", "cafe::beef"]
)
def test_what_only_has_colons_is_not_found(text: str) -> None:
    assert values(text) == []


def test_a_written_line_break_before_an_address_does_not_hide_it() -> None:
    assert values('"Host\\n93.184.216.34\\n"') == ["93.184.216.34"]

"""E-mail addresses are found; what is written like one, and nobody's, is not."""

from __future__ import annotations

import pytest

from safety.emails import find_emails


def values(text: str) -> list[str]:
    return [span.value for span in find_emails(text)]


@pytest.mark.parametrize(
    "address",
    [
        "maria.lopez@nordwerk.de",
        "m@velomat.io",
        "First.Last+tag@Mail.Nordwerk.CO.UK",
        "a_b-c%d@x-y.museum",
        "jürgen.groß@müllerbau.de",
        "user@example-bakery.com",
        "42@quintara.net",
    ],
)
@pytest.mark.parametrize(
    "frame", ["{}", "<{}>", "mailto:{}?subject=x", '"{}",', "mail {}.", "({})"]
)
def test_an_address_is_found_whatever_stands_around_it(address: str, frame: str) -> None:
    assert values(frame.format(address)) == [address]


@pytest.mark.parametrize(
    "text",
    [
        "someone@example.com",
        "user@sub.example.org",
        "me@localhost",
        "root@build.local",
        "you@yourdomain.com",
        "logo@2x.png",
        "import icon from './user@large.svg'",
        "git@github.com:owner/repository.git",
        "https://user:token@host.nordwerk.de/path",
        "postgres://admin:pw@db.velomat.io:5432/x",
        "weights@gram.sum(axis=0)",
        "@app.route",
        "lodash@4.17.21",
        "a@b",
        "a@b.c1",
        "x@y.z@w.com",
    ],
)
def test_what_is_nobodys_or_no_address_is_not_found(text: str) -> None:
    assert values(text) == []


def test_an_address_in_the_query_of_an_url_is_found() -> None:
    assert values("https://nordwerk.de/?mail=eva@velomat.io&x=1") == ["eva@velomat.io"]


def test_the_place_is_told() -> None:
    (span,) = find_emails("to eva@velomat.io now")
    assert (span.kind, span.start, span.end) == ("EMAIL", 3, 17)


def test_a_written_line_break_before_an_address_is_not_part_of_it() -> None:
    assert values('"Hello\\neva@velomat.io\\n"') == ["eva@velomat.io"]

"""What may be learned from, and what must not be."""

from __future__ import annotations

import zipfile
from email.message import Message
from pathlib import Path

import pytest

from training.data import collect
from training.licences import LicenceError, read_licence
from training.masking import mask
from training.pieces import cut_into_pieces
from training.sources import Pin, PinnedPackages, read_pins


def metadata(**fields: str) -> Message:
    message = Message()
    for name, value in fields.items():
        message[name.replace("_", "-")] = value
    return message


@pytest.mark.parametrize(
    ("fields", "licence"),
    [
        ({"License_Expression": "MIT"}, "MIT"),
        ({"License_Expression": "Apache-2.0 OR BSD-2-Clause"}, "Apache-2.0 OR BSD-2-Clause"),
        ({"Classifier": "License :: OSI Approved :: BSD License"}, "BSD"),
        ({"License": "MIT License"}, "MIT"),
    ],
)
def test_permissive_licences_are_read(fields: dict[str, str], licence: str) -> None:
    assert read_licence(metadata(**fields)) == licence


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"License_Expression": "MPL-2.0 AND MIT"},
        {"License_Expression": "GPL-3.0-only"},
        {"Classifier": "License :: OSI Approved :: GNU General Public License v3 (GPLv3)"},
        {
            "License_Expression": "GPL-3.0-only",
            "Classifier": "License :: OSI Approved :: MIT License",
        },
        {"License": "ask me"},
    ],
)
def test_what_is_not_clearly_permissive_is_left_out(fields: dict[str, str]) -> None:
    with pytest.raises(LicenceError):
        read_licence(metadata(**fields))


FUNCTION = "def {name}(a):\n    b = a + 1\n    c = b * 2\n    return c\n"


def write_wheel(folder: Path, name: str, licence: str, source: str) -> Pin:
    with zipfile.ZipFile(folder / f"{name}-1.0-py3-none-any.whl", "w") as wheel:
        wheel.writestr(f"{name}/__init__.py", source)
        wheel.writestr(f"{name}/_vendor/x.py", FUNCTION.format(name="vendored"))
        wheel.writestr(
            f"{name}-1.0.dist-info/METADATA", f"Name: {name}\nLicense-Expression: {licence}\n"
        )
    return Pin(name, "1.0")


def test_a_function_that_is_held_out_is_not_learned_from_another_package(tmp_path: Path) -> None:
    shared, own = FUNCTION.format(name="shared"), FUNCTION.format(name="own")
    held_out = write_wheel(tmp_path, "judgement", "MIT", shared)
    train = write_wheel(tmp_path, "lessons", "MIT", shared + "\n\n" + own)
    seen: set[str] = set()
    collect([held_out], tmp_path, seen)
    pieces = [p for p in collect([train], tmp_path, seen).pieces if p.kind == "function"]
    assert [piece.code for piece in pieces] == [own]


def test_a_package_without_a_permissive_licence_is_named_and_left_out(tmp_path: Path) -> None:
    pin = write_wheel(tmp_path, "copyleft", "GPL-3.0-only", FUNCTION.format(name="f"))
    collection = collect([pin], tmp_path, set())
    assert collection.pieces == []
    assert collection.left_out[0]["reason"] == "GPL-3.0-only is not on the list"


def test_a_package_is_either_learned_or_held_out() -> None:
    with pytest.raises(ValueError, match="named twice: flask"):
        PinnedPackages((Pin("Flask", "1"),), (), (Pin("flask", "1"),))
    assert read_pins().held_out


def test_addresses_and_keys_are_masked() -> None:
    key = "0a1b2c3d4e5f60718293a4b5c6d7e8f9"
    text = f'a = "jo.doe+x@mail.org", "8.8.8.8", "127.0.0.1", "1.2.3", "{key}"'
    masked = 'a = "name@example.com", "192.0.2.1", "127.0.0.1", "1.2.3", "KEY"'
    assert mask(text) == masked


def test_a_long_docstring_is_cut_to_its_first_line() -> None:
    docstring = '    """Adds.\n' + "    More.\n" * 9 + '    """\n'
    source = "def f(a):\n" + docstring + "    b = 1\n    return a + b\n"
    [piece] = [p for p in cut_into_pieces("p", "p.py", source) if p.kind == "function"]
    assert piece.code == 'def f(a):\n    """Adds."""\n    b = 1\n    return a + b\n'

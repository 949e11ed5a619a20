from __future__ import annotations

import pytest

from ui.file_language import _TITLES, language_named, language_of_file
from ui.languages import LANGUAGES


@pytest.mark.parametrize(
    ("path", "title"),
    [
        ("a.py", "Python"),
        ("src/App.TSX", "TypeScript"),
        ("docker/Dockerfile", "Dockerfile"),
        ("C:\\code\\main.rs", "Rust"),
        ("lib.v2.hpp", "C++"),
        ("LICENSE", None),
        ("a.unknown", None),
        ("", None),
    ],
)
def test_a_name_tells_the_language(path: str, title: str | None) -> None:
    assert language_of_file(path) == title


def test_every_language_has_a_file_and_every_title_a_language() -> None:
    assert set(_TITLES.values()) == {language.title for language in LANGUAGES}


@pytest.mark.parametrize(
    ("name", "title"),
    [("python", "Python"), ("js", "JavaScript"), ("C++", "C++"), ("bash", "Shell"), ("brat", None)],
)
def test_a_fence_names_the_language(name: str, title: str | None) -> None:
    assert language_named(name) == title

from __future__ import annotations

import pytest

from ui.file_language import ENDINGS, extension_of, language_named, language_of_file
from ui.languages import LANGUAGES, Language


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


def test_every_language_has_endings_of_its_own() -> None:
    assert list(ENDINGS) == [language.title for language in LANGUAGES]
    endings = " ".join(ENDINGS.values()).split()
    assert len(set(endings)) == len(endings)


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_saved_file_is_of_its_language(language: Language) -> None:
    assert language_of_file(f"code{extension_of(language.title)}") == language.title


def test_a_language_that_is_not_offered_is_saved_as_plain_text() -> None:
    assert extension_of("Cobol") == ".txt"


@pytest.mark.parametrize(
    ("name", "title"),
    [("python", "Python"), ("js", "JavaScript"), ("C++", "C++"), ("bash", "Shell"), ("brat", None)],
)
def test_a_fence_names_the_language(name: str, title: str | None) -> None:
    assert language_named(name) == title

from __future__ import annotations

import pytest

from ui.extensions import EXTENSIONS, extension_of
from ui.languages import LANGUAGES


def test_every_language_that_is_offered_has_an_extension_of_its_own() -> None:
    assert list(EXTENSIONS) == [language.title for language in LANGUAGES]
    assert len(set(EXTENSIONS.values())) == len(EXTENSIONS)


@pytest.mark.parametrize(("title", "extension"), [("Rust", ".rs"), ("Cobol", ".txt")])
def test_a_language_that_is_not_offered_is_plain_text(title: str, extension: str) -> None:
    assert extension_of(title) == extension

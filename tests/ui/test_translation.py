from __future__ import annotations

import re

import pytest

from model.loading.assistant_prompt import AssistantPromptSource
from model.service import GenerationService
from tests.messages import HOLE, find_messages, without_names
from ui.languages import LANGUAGES
from ui.page import build_page
from ui.translation import MARK, build_script, find_labels, read_catalogues

LOCALES = sorted(read_catalogues())
NAME = re.compile(r"\{(\w+)(?::[tn])?\}")
# What is the same in every language, or a name.
UNTRANSLATED = {"", "250", *(language.title for language in LANGUAGES)}


@pytest.fixture(params=LOCALES)
def catalogue(request: pytest.FixtureRequest) -> dict[str, str]:
    return read_catalogues()[request.param]


def test_there_is_a_second_language() -> None:
    assert LOCALES == ["de"]


def test_each_message_of_the_source_is_translated(catalogue: dict[str, str]) -> None:
    known = set(map(without_names, catalogue))
    missing = {text: name for text, name in find_messages().items() if text not in known}
    assert not missing


async def test_each_label_of_the_page_is_translated(
    service: GenerationService, catalogue: dict[str, str]
) -> None:
    page = build_page(service, AssistantPromptSource(), is_public=False, deadline=None)
    # They are marked already: what is looked up is their keys.
    labels = {component_text for *_, component_text in find_labels(page.blocks)}
    missing = labels - set(catalogue) - UNTRANSLATED
    assert labels
    assert not missing


def test_a_translation_has_the_holes_of_its_text(catalogue: dict[str, str]) -> None:
    for text, other in catalogue.items():
        names = NAME.findall(text)
        assert sorted(names) == sorted(set(NAME.findall(other)) & set(names)), text
        assert len(HOLE.findall(other)) == len(NAME.findall(other)), text


def test_no_text_is_all_holes(catalogue: dict[str, str]) -> None:
    assert all(re.search(r"[A-Za-z]", HOLE.sub("", text)) for text in catalogue)


def test_a_catalogue_cannot_end_the_script_that_it_stands_in() -> None:
    assert "</" not in build_script()


async def test_no_value_of_a_component_is_a_key_of_gradios_catalogue(
    service: GenerationService,
) -> None:
    # Gradio would send its translation back as the value.
    page = build_page(service, AssistantPromptSource(), is_public=False, deadline=None)
    keys = {key for catalogue in page.i18n.translations.values() for key in catalogue}
    assert set(page.i18n.translations) == {"en", *LOCALES}
    assert keys
    assert all(key.startswith(MARK) for key in keys)

from __future__ import annotations

import re

from model.loading.assistant_prompt import AssistantPromptSource
from model.service import GenerationService
from ui.page import build_page
from ui.shortcuts import SHORTCUTS, render_help, render_keys


def test_a_chord_shows_the_keys_of_either_machine() -> None:
    html = render_keys("Mod+Shift+Enter")
    assert re.sub("<[^>]+>", " ", html).split() == ["Ctrl", "⌘", "Shift", "Enter"]


def test_keys_in_turn_stand_apart() -> None:
    assert render_keys("Escape Tab") == "<kbd>Esc</kbd> <kbd>Tab</kbd>"


def test_the_help_tells_the_script_what_presses_what() -> None:
    assert 'data-keys="Mod+Enter" data-presses="button.pg-run"' in render_help()
    assert render_help().count("data-presses") == 4


def test_no_two_shortcuts_have_the_same_keys() -> None:
    keys = [key for group in SHORTCUTS.values() for each in group for key in each.keys]
    assert len(keys) == len(set(keys))


async def test_what_a_shortcut_presses_is_on_the_page(service: GenerationService) -> None:
    page = build_page(service, AssistantPromptSource(), is_public=False, deadline=None)
    props = [each["props"] for each in page.blocks.config["components"]]
    names = {f"#{each.get('elem_id')}" for each in props}
    for shortcut in (each for group in SHORTCUTS.values() for each in group):
        pressed = {name for name in shortcut.presses.split(", ") if name.startswith("#")}
        assert pressed <= names, shortcut

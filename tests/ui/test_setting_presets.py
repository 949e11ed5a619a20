from __future__ import annotations

import html
import json
import re
from typing import Any

from model.presets import EMBEDDED_BASE, EMBEDDED_CHAT, HUB_PRESETS, ModelPreset
from model.sampling import SamplingParams
from ui.controls import FIELDS, read_params
from ui.setting_presets import render_presets
from ui.work import DEFAULTS, TABS


def offered(chat: ModelPreset = EMBEDDED_CHAT) -> dict[str, Any]:
    found = re.search(
        r'data-presets="([^"]*)"', render_presets({"base": EMBEDDED_BASE, "chat": chat})
    )
    assert found
    return dict(json.loads(html.unescape(found[1])))


def test_each_model_of_the_chat_recommends_what_its_card_does() -> None:
    recommended = [preset for preset in HUB_PRESETS if preset.sampling]
    assert recommended
    for preset in recommended:
        chat = offered(preset)["tabs"]["chat"]
        assert preset.sampling is not None
        assert chat["builtIn"]["Recommended"]["temperature"] == preset.sampling.temperature
        assert chat["builtIn"]["Recommended"]["top_k"] == preset.sampling.top_k


def test_the_defaults_are_those_of_the_tab() -> None:
    tabs = offered()["tabs"]
    assert list(tabs) == list(TABS)
    for tab in ("continue", "infill"):
        assert read_params([tabs[tab]["defaults"][field] for field in FIELDS]) == DEFAULTS[tab]
    assert tabs["chat"]["defaults"]["top_p"] == 0.9
    assert tabs["chat"]["defaults"]["max_new_tokens"] == 512


def test_a_built_in_preset_holds_values_that_can_be_used_and_no_length_seed_or_stop() -> None:
    for tab in offered()["tabs"].values():
        for settings in tab["builtIn"].values():
            assert not {"max_new_tokens", "seed", "stop"} & set(settings)
            SamplingParams(**settings)


def test_no_two_built_in_presets_are_the_same() -> None:
    for tab in offered()["tabs"].values():
        texts = [json.dumps(settings) for settings in tab["builtIn"].values()]
        assert len(set(texts)) == len(texts)

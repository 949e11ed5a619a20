from __future__ import annotations

import json
from typing import Any

import pytest

from model.errors import CapabilityError, InvalidInputError, SamplingParamsError
from model.prompts.metadata import Header
from model.remote import RemoteModel
from model.requests import CompletionRequest
from ui.comparison import NOTHING, compare, compare_remote
from ui.controls import FIELDS, read_params, show_params
from ui.setting_presets import BUILT_IN, RECOMMENDED, built_in_settings
from ui.side_by_side import read_takes
from ui.work import DEFAULTS, default_settings

SETTINGS = (*default_settings("continue")[:-2], "7", "\\n\\n")
ASKED = CompletionRequest("a", read_params(SETTINGS))


def chosen(title: str, **settings: Any) -> str:
    return json.dumps({"title": title, "settings": settings})


def test_the_same_prompt_and_seed_go_under_both_settings_named_by_what_differs() -> None:
    precise = chosen("Precise", **built_in_settings("continue")["Precise"])
    first, second = compare(ASKED, SETTINGS, precise)
    assert first.request == ASKED
    assert second.request.prompt == "a"
    params = second.request.params
    assert (params.temperature, params.top_p, params.seed) == (0.1, 0.9, 7)
    assert params.stop == ("\n\n",)
    assert first.title == "As set · temperature 0.2, top-p 0.95"
    assert second.title == "Precise · temperature 0.1, top-p 0.9"
    assert read_params(second.settings) == params


def test_a_preset_that_was_saved_brings_length_and_stop_strings_and_no_seed() -> None:
    mine = chosen("<b>", max_new_tokens=9, stop="", seed="3")
    first, second = compare(ASKED, SETTINGS, mine)
    params = second.request.params
    assert (params.max_new_tokens, params.stop, params.seed) == (9, (), 7)
    assert first.title.endswith(r"max new tokens 256, stop strings \n\n")
    assert second.title == "<b> · max new tokens 9, stop strings none"


def test_what_is_set_already_is_no_comparison() -> None:
    same = chosen(RECOMMENDED, **built_in_settings("continue")[RECOMMENDED])
    with pytest.raises(InvalidInputError, match="Recommended is what is set already"):
        compare(ASKED, SETTINGS, same)


@pytest.mark.parametrize(
    "value",
    [
        "no JSON",
        "{}",
        json.dumps({"title": "x"}),
        chosen("x", stop=3),
        chosen("x", temperature=[1]),
        chosen("x", temperature=99),
        None,
    ],
)
def test_what_is_no_preset_is_refused(value: Any) -> None:
    with pytest.raises(InvalidInputError):
        compare(ASKED, SETTINGS, value)


def test_a_preset_that_cannot_be_used_is_refused_by_the_name_of_its_setting() -> None:
    with pytest.raises(SamplingParamsError, match="top_p"):
        compare(ASKED, SETTINGS, chosen("x", top_p=7))


def test_several_samples_of_a_comparison_are_refused_in_words() -> None:
    with pytest.raises(InvalidInputError, match="one text each"):
        read_takes(ASKED, SETTINGS, 2, chosen("x", top_p=0.5))


def test_without_a_comparison_one_text_is_asked_for() -> None:
    [take] = read_takes(ASKED, SETTINGS, 1, NOTHING)
    assert (take.request, take.settings) == (ASKED, SETTINGS)


def test_our_presets_are_offered_with_what_they_set() -> None:
    offered = built_in_settings("continue")
    assert list(offered) == [RECOMMENDED, *BUILT_IN]
    values = dict(zip(FIELDS, show_params(DEFAULTS["continue"]), strict=True))
    assert offered[RECOMMENDED].items() <= values.items()


def test_a_header_is_refused_where_a_remote_model_would_not_see_it() -> None:
    headed = CompletionRequest("a", read_params(SETTINGS), Header(path="a.py"))
    remote = RemoteModel("http://127.0.0.1:1/v1", "m")
    with pytest.raises(CapabilityError, match="cannot be told the header"):
        compare_remote(headed, SETTINGS, "here", remote)

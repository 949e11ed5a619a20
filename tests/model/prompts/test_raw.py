from __future__ import annotations

import pytest

from model.prompts.raw import is_infill, parse_raw
from model.prompts.segments import Special, Text, render
from tests.model.prompts import vocabularies

PSM = "<fim_prefix>def f():\n    <fim_suffix>\n    return x\n<fim_middle>"


def test_an_editors_infill_becomes_tokens_and_texts() -> None:
    assert parse_raw(PSM, vocabularies.STARCODER) == (
        Special("<fim_prefix>"),
        Text("def f():\n    ", "prefix"),
        Special("<fim_suffix>"),
        Text("\n    return x\n", "suffix"),
        Special("<fim_middle>"),
    )


def test_with_the_suffix_first_the_text_after_the_middle_is_the_prefix() -> None:
    segments = parse_raw("<fim_prefix><fim_suffix>b<fim_middle>a", vocabularies.STARCODER)
    assert segments[-1] == Text("a", "prefix")


@pytest.mark.parametrize("spelling", ["<|user|>", "<|im_start|>", "<|system|>", "<s>"])
def test_dialogue_markup_stays_text(spelling: str) -> None:
    assert parse_raw(spelling, vocabularies.STARCODER) == (Text(spelling, "prompt"),)


def test_tokens_that_the_vocabulary_lacks_stay_text() -> None:
    assert parse_raw(PSM, vocabularies.SANTACODER) == (Text(PSM, "prompt"),)


@pytest.mark.parametrize("text", ["", "x = 1", "<fim_prefix>", "<fim_middle><fim_middle>a", PSM])
def test_the_segments_put_together_are_the_text(text: str) -> None:
    assert render(parse_raw(text, vocabularies.STARCODER2)) == text


def test_what_holds_the_middles_token_asks_for_a_middle() -> None:
    assert is_infill(parse_raw(PSM, vocabularies.STARCODER))
    assert is_infill(parse_raw(PSM.replace("_", "-"), vocabularies.SANTACODER))
    assert not is_infill(parse_raw("<filename>a.py\nx", vocabularies.STARCODER))

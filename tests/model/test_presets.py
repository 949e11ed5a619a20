"""The table of presets agrees with itself, with the formats and with the architectures."""

from __future__ import annotations

import re

import pytest
import torch
from transformers import AutoModelForCausalLM

from model.licenses import APACHE_2, CODEML_OPENRAIL_M, OPENRAIL_M
from model.loading.footprint import config_of
from model.presets import (
    EMBEDDED_BASE,
    EMBEDDED_CHAT,
    HUB_PRESETS,
    ModelPreset,
    find_hub_preset,
)
from model.prompts.dialogue import DIALOGUES
from model.prompts.infill import INFILL_FORMATS

ROWS = (*HUB_PRESETS, EMBEDDED_BASE, EMBEDDED_CHAT)
UNITS = {"B": 1e9, "M": 1e6}


def _title(row: ModelPreset) -> str:
    return row.title


@pytest.mark.parametrize("row", ROWS, ids=_title)
def test_a_rows_shape_has_the_parameters_that_the_row_says(row: ModelPreset) -> None:
    assert row.shape is not None
    with torch.device("meta"):
        model = AutoModelForCausalLM.from_config(config_of(row.shape))
    said = float(row.parameters[:-1]) * UNITS[row.parameters[-1]]
    assert model.num_parameters() == pytest.approx(said, rel=0.03)


@pytest.mark.parametrize("row", ROWS, ids=_title)
def test_a_rows_formats_exist(row: ModelPreset) -> None:
    assert row.infill is None or row.infill in INFILL_FORMATS
    assert row.dialogue is None or row.dialogue in DIALOGUES
    assert row.infill or row.dialogue
    assert row.family
    assert row.license is not None
    assert row.stop_tokens


@pytest.mark.parametrize("row", HUB_PRESETS, ids=_title)
def test_a_pinned_revision_is_a_whole_commit(row: ModelPreset) -> None:
    assert row.revision is None or re.fullmatch(r"[0-9a-f]{40}", row.revision)


def test_names_are_unique_whatever_their_case_and_embedded_is_none_of_them() -> None:
    names = [name.casefold() for row in HUB_PRESETS for name in (row.name, row.repo_id or "")]
    assert len(names) == len(set(names))
    assert {"embedded", "auto"}.isdisjoint(names)
    titles = [row.title for row in ROWS]
    assert len(titles) == len(set(titles))


@pytest.mark.parametrize(
    ("name", "repo_id"),
    [
        ("starcoder", "bigcode/starcoder"),
        ("StarCoder", "bigcode/starcoder"),
        ("BigCode/StarCoder", "bigcode/starcoder"),
        ("starcoderbase-3b", "bigcode/starcoderbase-3b"),
        ("tiny_starcoder_py", "bigcode/tiny_starcoder_py"),
        ("santacoder", "bigcode/gpt_bigcode-santacoder"),
        ("gpt_bigcode-santacoder", "bigcode/gpt_bigcode-santacoder"),
        ("starcoder2-15b-instruct", "bigcode/starcoder2-15b-instruct-v0.1"),
        ("starcoder2-15b-instruct-v0.1", "bigcode/starcoder2-15b-instruct-v0.1"),
        ("starchat2-15b", "HuggingFaceH4/starchat2-15b-v0.1"),
        ("huggingfaceh4/starchat-alpha", "HuggingFaceH4/starchat-alpha"),
    ],
)
def test_a_row_is_found_by_name_and_repository_in_any_case(name: str, repo_id: str) -> None:
    row = find_hub_preset(name)
    assert row is not None
    assert row.repo_id == repo_id


@pytest.mark.parametrize("name", ["", "star", "someone/starcoder", "starcoder/", "bigcode/"])
def test_what_is_no_row_is_not_found(name: str) -> None:
    assert find_hub_preset(name) is None


def test_the_first_family_is_gated_and_the_others_are_not() -> None:
    gated = {row.name for row in HUB_PRESETS if row.is_gated}
    assert gated == {
        *("starcoder", "starcoderbase", "starcoderplus"),
        *("starcoderbase-7b", "starcoderbase-3b", "starcoderbase-1b"),
    }


def test_every_row_has_its_own_licence() -> None:
    for row in HUB_PRESETS:
        expected = CODEML_OPENRAIL_M if row.family == "SantaCoder" else OPENRAIL_M
        assert row.license is expected, row.name
    assert EMBEDDED_BASE.license is EMBEDDED_CHAT.license is APACHE_2


def test_licences_that_restrict_use_list_each_restriction_of_attachment_a() -> None:
    assert len(OPENRAIL_M.restrictions) == 14  # (a) to (n)
    assert OPENRAIL_M.restricts_use
    assert CODEML_OPENRAIL_M.restricts_use
    assert not APACHE_2.restricts_use
    for text in (*OPENRAIL_M.restrictions, *CODEML_OPENRAIL_M.restrictions):
        assert len(text) < 200
        assert text.endswith(".")

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from model.engine.base import ResidentModel
from model.prompts.metadata import NO_HEADER, Header
from tests import checkpoints
from tests.model.residents import build_resident
from ui.code_header import explain, read_header, tell


def test_emptied_fields_are_no_header() -> None:
    assert read_header("", None, None, None) == NO_HEADER
    assert not read_header(" ", "\t", "", False)
    assert read_header(" a.py ", "me/it", " 0", True) == Header(
        "a.py", "me/it", "0", is_exercise=True
    )


def test_the_title_tells_each_thing_that_is_set() -> None:
    assert tell(NO_HEADER) == []
    assert tell(Header("a.py", "me/it", "1200", is_exercise=True)) == [
        *("me/it", "a.py", "1200 stars", "exercise")
    ]
    assert tell(Header(stars="0")) == ["0 stars"]


@pytest.mark.parametrize(
    ("tokens", "words"),
    [
        (checkpoints.STARCODER_TOKENS, ""),
        (checkpoints.STARCODER2_TOKENS, "has no stars"),
        (checkpoints.SANTACODER_TOKENS, "no tokens for a header"),
    ],
)
def test_what_the_model_cannot_be_told_is_said(
    tmp_path: Path, tokens: tuple[str, ...], words: str
) -> None:
    resident: ResidentModel = build_resident(tmp_path, tokens)
    named = replace(resident, preset=replace(resident.preset, title="A <b> model"))
    note = explain(named)
    assert words in note
    assert bool(note) == bool(words)
    assert "<b>" not in note

"""What the notebook form says of a model before anything is asked of it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from model.presets import EMBEDDED_BASE
from tests import checkpoints
from tests.model.residents import build_resident
from ui.notebook_form import explain


def test_a_model_that_knows_notebooks_needs_no_words(tmp_path: Path) -> None:
    assert explain(build_resident(tmp_path / "1", checkpoints.STARCODER_TOKENS)) == ""
    assert explain(build_resident(tmp_path / "2", checkpoints.STARCODER2_TOKENS)) == ""


def test_a_model_without_the_tokens_refuses_and_says_which_can(tmp_path: Path) -> None:
    said = explain(build_resident(tmp_path, checkpoints.SANTACODER_TOKENS))
    assert "pg-warning" in said
    assert "it refuses to write cells" in said
    assert "StarCoder models of both families" in said


def test_of_the_embedded_model_it_is_said_that_it_hardly_can(tmp_path: Path) -> None:
    resident = build_resident(tmp_path, checkpoints.SMOLLM2_TOKENS)
    said = explain(replace(resident, preset=EMBEDDED_BASE))
    assert "pg-info" in said
    assert "most of its cells stay empty" in said

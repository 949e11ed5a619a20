"""Whose tokenizer files a remote model is asked with."""

from __future__ import annotations

from pathlib import Path

import pytest

from model.engine.generation import Slot
from model.licenses import OPENRAIL_M
from model.loading.job import LoadJob
from model.loading.remote_sources import build_remote_sources
from model.loading.slot import ModelSource
from model.presets import EMBEDDED_BASE, EMBEDDED_CHAT

JOB = LoadJob(lambda progress: None)


def sources(name: str, served: str) -> dict[Slot, ModelSource]:
    return build_remote_sources({"base": name, "chat": name}, {"base": served, "chat": served})


@pytest.mark.parametrize("name", ["auto", "bigcode/starcoder2-15b"])
def test_a_model_of_the_hub_is_known_by_its_name_on_the_server(name: str) -> None:
    source = sources(name, "bigcode/starcoder2-15b")["base"]
    assert source.preset.name == "starcoder2-15b"
    assert source.preset.license is OPENRAIL_M


def test_an_unknown_repository_promises_nothing() -> None:
    assert sources("auto", "someone/model-7b")["chat"].preset.repo_id == "someone/model-7b"


def test_this_apps_embedded_models_are_known_by_their_names() -> None:
    served: dict[Slot, str] = {"base": "embedded-base", "chat": "embedded-chat"}
    found = build_remote_sources({"base": "auto", "chat": "auto"}, served)
    assert found["base"].preset is EMBEDDED_BASE
    assert found["chat"].preset is EMBEDDED_CHAT


@pytest.mark.parametrize(("name", "served"), [("auto", "my-model"), ("none", "bigcode/starcoder")])
def test_without_files_the_model_goes_by_its_name_on_the_server(name: str, served: str) -> None:
    source = sources(name, served)["chat"]
    assert source.preset.name == served
    assert source.fetch(JOB) is None


def test_a_folders_files_are_used_where_they_lie_and_name_the_licence(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("---\nlicense: bigcode-openrail-m\n---\n")
    source = sources(str(tmp_path), "team/tuned")["base"]
    assert source.describe is not None
    described = source.describe(JOB)
    assert (described.preset.name, described.preset.title) == ("team/tuned", "tuned")
    assert described.preset.license is OPENRAIL_M
    assert source.fetch(JOB) == source.fetch(JOB) == tmp_path

from pathlib import Path

import pytest

from model.loading.job import LoadJob
from model.loading.sources import folder_source, resolve_source
from model.presets import EMBEDDED_BASE, EMBEDDED_CHAT, HUB_PRESETS, OPENRAIL_M


def test_the_embedded_model_has_a_preset_for_each_slot() -> None:
    assert resolve_source("base", "embedded").preset is EMBEDDED_BASE
    assert resolve_source("chat", "embedded").preset is EMBEDDED_CHAT


def test_a_local_folder_is_used_where_it_lies(tmp_path: Path) -> None:
    source = resolve_source("base", str(tmp_path))
    assert source.fetch(LoadJob(lambda progress: None)) == tmp_path
    assert source.preset.title == tmp_path.name
    assert source.preset.license is None


@pytest.mark.parametrize("name", ["starcoder", "bigcode/starcoder"])
def test_a_known_model_is_found_by_its_name_and_by_its_repository(name: str) -> None:
    preset = resolve_source("base", name).preset
    assert preset.repo_id == "bigcode/starcoder"
    assert preset.license is OPENRAIL_M


def test_an_unknown_repository_promises_nothing() -> None:
    preset = resolve_source("base", "someone/model-7b").preset
    assert (preset.title, preset.repo_id, preset.license) == (
        "model-7b",
        "someone/model-7b",
        None,
    )


def test_names_and_repositories_of_presets_are_unique() -> None:
    names = [name for row in HUB_PRESETS for name in (row.name, row.repo_id)]
    assert len(names) == len(set(names))


def test_a_folders_card_names_its_licence(tmp_path: Path) -> None:
    card = tmp_path / "README.md"
    describe = folder_source(tmp_path).describe
    assert describe is not None
    job = LoadJob(lambda progress: None)
    assert describe(job).preset.license is None
    card.write_text("---\nlicense: bigcode-openrail-m\n---\n")
    assert describe(job).preset.license is OPENRAIL_M
    card.write_text("---\nlicense: other\nlicense_name: mine\n---\n")
    license = describe(job).preset.license
    assert license is not None
    assert (license.name, license.url) == ("mine", "")

from pathlib import Path

import pytest

from model.engine.generation import SLOTS
from model.errors import SwitchingError
from model.loading.catalogue import Catalogue
from model.presets import EMBEDDED_CHAT, HUB_PRESETS


def test_every_preset_and_the_embedded_model_are_on_offer_for_the_base_slot() -> None:
    names = [entry.name for entry in Catalogue().entries("base")]
    assert names == ["embedded", *(row.name for row in HUB_PRESETS)]


def test_chat_is_offered_what_was_tuned_on_dialogues() -> None:
    names = {entry.name for entry in Catalogue().entries("chat")}
    assert {"embedded", "starchat-beta", "starchat2-15b"} <= names
    assert "starcoder" not in names


def test_a_label_says_how_large_a_model_is_and_whether_it_asks_for_its_licence() -> None:
    labels = {entry.name: entry.label for entry in Catalogue().entries("base")}
    assert labels["starcoder"] == "StarCoder · 15.5B · asks for its licence"
    assert labels["starcoder2-3b"] == "StarCoder2-3B · 3.0B"


def test_an_allowed_folder_is_a_checkpoint_or_holds_some(tmp_path: Path) -> None:
    single = tmp_path / "single"
    for folder in (single, tmp_path / "many" / "b", tmp_path / "many" / "a"):
        folder.mkdir(parents=True)
        (folder / "config.json").write_text("{}")
    (tmp_path / "many" / "no-model").mkdir()
    catalogue = Catalogue([single, tmp_path / "many", tmp_path / "missing"])
    names = [Path(entry.name).name for entry in catalogue.entries("chat")]
    assert names[-3:] == ["single", "a", "b"]
    assert catalogue.source("base", str(single), "8bit").quantization == "8bit"


@pytest.mark.parametrize("slot", SLOTS)
def test_what_is_not_on_offer_is_refused(slot: str, tmp_path: Path) -> None:
    for name in ("/etc", str(tmp_path), "someone/else", ""):
        with pytest.raises(SwitchingError, match="not on offer"):
            Catalogue().source(slot, name, "auto")  # type: ignore[arg-type]


def test_an_entry_becomes_the_source_of_its_slot() -> None:
    assert Catalogue().source("chat", "embedded", "auto").preset is EMBEDDED_CHAT


def test_a_folder_that_is_called_like_a_preset_is_not_taken_for_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "starcoder").mkdir()
    monkeypatch.chdir(tmp_path)
    assert Catalogue().source("base", "starcoder", "auto").preset.repo_id == "bigcode/starcoder"

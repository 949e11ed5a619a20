"""An index is built of whatever lies in a folder, and goes on where it was interrupted."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from safety.attribution import building
from safety.attribution.building import Builder, Plan
from safety.attribution.fingerprints import find_fingerprints
from safety.attribution.index import AttributionError, Facts, load_index
from safety.attribution.normal_text import normalize
from tests.safety.attribution.corpora import build, write_corpus


def stop_after(num_seen: int) -> Callable[[Facts], None]:
    def tell(facts: Facts) -> None:
        if facts.num_seen == num_seen:
            raise KeyboardInterrupt

    return tell


def test_an_interrupted_one_goes_on_and_is_the_same(tmp_path: Path) -> None:
    write_corpus(tmp_path / "code", 20)
    plan = Plan((tmp_path / "code",), tmp_path / "index", 1e-4)
    for num_seen in (5, 11):
        with pytest.raises(KeyboardInterrupt):
            Builder(plan, stop_after(num_seen)).build()
        assert load_index(plan.part).facts.num_seen == num_seen
        assert not plan.out.exists()
    told: list[int] = []
    Builder(plan, lambda facts: told.append(facts.num_seen)).build()
    assert told == list(range(12, 21))
    assert not plan.part.exists()
    build(tmp_path / "code", tmp_path / "at_once", 1e-4)
    assert plan.out.read_bytes() == (tmp_path / "at_once").read_bytes()


def test_one_that_was_killed_goes_on_from_what_was_saved(tmp_path: Path) -> None:
    write_corpus(tmp_path / "code", 6)
    plan = Plan((tmp_path / "code",), tmp_path / "index", 1e-4)

    def die(facts: Facts) -> None:
        if facts.num_seen == 4:
            raise SystemExit  # is no interruption: nothing is saved in time

    with pytest.raises(SystemExit):
        Builder(plan, die).build(save_seconds=0)
    assert load_index(plan.part).facts.num_seen == 3
    assert Builder(plan).build().facts.num_files == 6


@pytest.mark.parametrize("change", ["folder", "rate", "files"])
def test_the_part_of_another_index_is_not_gone_on_with(tmp_path: Path, change: str) -> None:
    write_corpus(tmp_path / "code", 4)
    write_corpus(tmp_path / "other", 4)
    with pytest.raises(KeyboardInterrupt):
        Builder(Plan((tmp_path / "code",), tmp_path / "index", 1e-4), stop_after(2)).build()
    root, rate = tmp_path / "code", 1e-4
    if change == "folder":
        root = tmp_path / "other"
    elif change == "rate":
        rate = 1e-5
    else:
        (root / "0000a.py").write_text("new")
    with pytest.raises(AttributionError, match="begun with other folders"):
        Builder(Plan((root,), tmp_path / "index", rate))


def test_what_is_no_text_is_left_out_and_told(tmp_path: Path) -> None:
    folder = tmp_path / "code"
    (text,) = write_corpus(folder, 1)
    (folder / "binary").write_bytes(b"\x7fELF\0\1\2")
    (folder / "latin1.py").write_bytes(f"# caf\xe9 {text}".encode("latin-1", "replace"))
    (folder / "utf16.py").write_text("x" * 60, "utf-16")
    (folder / "torn.py").write_bytes(b"\xff\xfe\x00\xd8x")
    (folder / "empty.py").touch()
    (folder / "loop").symlink_to(folder)
    skipped: dict[str, str] = {}
    plan = Plan((folder,), tmp_path / "index", 1e-6)
    index = Builder(plan, skip=lambda path, why: skipped.update({path.name: why})).build()
    assert skipped.keys() == {"binary", "torn.py", "loop"}
    assert skipped["binary"] == "binary"
    assert index.facts.num_files == 4
    assert index.find("x" * 60) != []


def test_a_long_line_is_read_in_pieces_and_nothing_is_missed_between_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (text,) = write_corpus(tmp_path / "code", 1)
    line = "   ".join(text.split())
    (tmp_path / "code" / "0000.py").write_text(line)
    monkeypatch.setattr(building, "PIECE", 37)
    index = build(tmp_path / "code", tmp_path / "index", 1e-9)
    fingerprints, _ = find_fingerprints(normalize(line))
    assert len(fingerprints) > 100
    assert all(map(index.holds, fingerprints.tolist()))


def test_room_is_made_for_text_alone(tmp_path: Path) -> None:
    write_corpus(tmp_path / "code", 2)
    without = build(tmp_path / "code", tmp_path / "index").facts.capacity
    (tmp_path / "code" / "data.bin").write_bytes(b"\0" * 1_000_000)
    index = build(tmp_path / "code", tmp_path / "index")
    assert index.facts.capacity == without
    assert index.facts.num_fingerprints < without

"""Folders are walked whole, links included, and no folder twice."""

from __future__ import annotations

import os
from pathlib import Path

from safety.tree import Tree


def walk(path: Path, left_out: Path | None = None) -> dict[str, str]:
    return {str(found.place): found.problem for found in Tree(left_out).walk(path)}


def test_files_come_in_the_order_of_their_names_with_their_place(tmp_path: Path) -> None:
    for name in ("b/2.py", "b/1.py", "a.txt", ".git/config"):
        (tmp_path / "src" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "src" / name).touch()
    assert list(walk(tmp_path / "src")) == ["src/a.txt", "src/b/1.py", "src/b/2.py"]
    assert walk(tmp_path / "src" / "a.txt") == {"a.txt": ""}


def test_a_loop_of_links_is_told_and_ends(tmp_path: Path) -> None:
    (tmp_path / "src" / "in").mkdir(parents=True)
    (tmp_path / "src" / "in" / "loop").symlink_to(tmp_path / "src")
    (tmp_path / "src" / "self").symlink_to("self")
    found = walk(tmp_path / "src")
    assert "read already" in found["src/in/loop"]
    assert found["src/self"]


def test_broken_links_and_pipes_are_told(tmp_path: Path) -> None:
    (tmp_path / "broken").symlink_to("nowhere")
    os.mkfifo(tmp_path / "pipe")
    found = walk(tmp_path)
    assert "No such file" in found[f"{tmp_path.name}/broken"]
    assert found[f"{tmp_path.name}/pipe"] == "not a regular file"


def test_the_folder_of_the_copies_is_not_entered(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "copy").touch()
    (tmp_path / "file").touch()
    assert walk(tmp_path, (tmp_path / "out").resolve()) == {f"{tmp_path.name}/file": ""}


def test_a_deep_tree_is_walked(tmp_path: Path) -> None:
    deep = tmp_path
    for _ in range(300):
        deep = deep / "d"
        deep.mkdir()
    (deep / "file").touch()
    assert len(walk(tmp_path)) == 1

from __future__ import annotations

import pytest

from model.prompts.infill import RepositoryFile
from ui.shelf import Shelf

A, B, C = (RepositoryFile(f"{name}.py", name) for name in "abc")


def test_a_file_of_the_same_path_takes_the_others_place() -> None:
    newer = RepositoryFile("a.py", "newer")
    assert Shelf((A, B)).add([C, newer]).files == (newer, B, C)


def test_what_was_removed_comes_back_to_its_place() -> None:
    removed = Shelf((A, B, C)).remove(1)
    assert removed.files == (A, C)
    assert removed.put_back() == Shelf((A, B, C))
    assert Shelf((A,)).put_back() == Shelf((A,))


def test_a_file_moves_and_takes_another_path() -> None:
    assert Shelf((A, B, C)).move(0, 2).files == (B, C, A)
    assert Shelf((A, B)).rename(1, "x").files == (A, RepositoryFile("x", "b"))


@pytest.mark.parametrize("step", [lambda s: s.remove(2), lambda s: s.move(2, 0)])
def test_a_place_that_is_not_there_is_an_index_error(step: object) -> None:
    with pytest.raises(IndexError):
        step(Shelf((A, B)))  # type: ignore[operator]

from __future__ import annotations

from typing import Any

import pytest

from ui.picked_files import MAX_PICKED_BYTES, PickedFile, PickedFileError, read_picked


def test_each_problem_is_told_of_its_file_and_the_rest_is_read() -> None:
    sent = [
        {"name": "a.py", "text": "  x\r\n"},
        {"name": "b", "problem": "binary"},
        {"name": "c", "problem": "long"},
    ]
    files, problems = read_picked(sent)
    assert files == [PickedFile("a.py", "  x\r\n")]
    assert "b is no text" in problems
    assert f"{MAX_PICKED_BYTES:,}" in problems


def test_all_that_is_well_has_no_problem() -> None:
    assert read_picked([{"name": "a", "text": ""}]) == ([PickedFile("a", "")], "")


@pytest.mark.parametrize("sent", [[{}], [{"name": "a"}], [3], [{"name": "a", "problem": "other"}]])
def test_what_the_script_does_not_send_is_refused(sent: list[Any]) -> None:
    with pytest.raises(PickedFileError):
        read_picked(sent)

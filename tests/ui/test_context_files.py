from __future__ import annotations

from model.prompts.infill import RepositoryFile
from model.requests import InfillRequest
from model.sampling import SamplingParams
from ui.context_files import Repository, read_repository, render_shelf
from ui.shelf import Shelf

FILE = RepositoryFile('<b>"x".py', "${text}")
REQUEST = InfillRequest("p", "s", SamplingParams(), "psm")


def test_a_request_is_told_of_the_repository() -> None:
    told = read_repository(" src/a.py ", "me/x", Shelf((FILE,))).tell(REQUEST)
    assert (told.path, told.repo_name, told.context) == ("src/a.py", "me/x", (FILE,))
    assert (told.prefix, told.suffix, told.order) == ("p", "s", "psm")


def test_nothing_to_tell_leaves_the_request_as_it_is() -> None:
    nothing = read_repository("", None, Shelf())
    assert not nothing
    assert nothing == Repository()
    assert nothing.tell(REQUEST) == REQUEST


def test_a_path_is_escaped_wherever_it_stands_and_no_text_is_drawn() -> None:
    html = render_shelf(Shelf((FILE,), (0, FILE)), (1234,))
    assert "<b>" not in html
    assert '"x"' not in html
    assert html.count("&lt;b&gt;&quot;x&quot;.py") == 5
    assert "text}" not in html
    assert "1,234 tokens" in html


def test_the_first_cannot_move_up_nor_the_last_down() -> None:
    html = render_shelf(Shelf((FILE, FILE)), (None, None))
    assert html.count("disabled") == 2
    assert "tokens" not in html


def test_a_change_of_the_text_alone_is_another_list() -> None:
    other = RepositoryFile(FILE.path, "${next}")
    assert render_shelf(Shelf((FILE,)), (7,)) != render_shelf(Shelf((other,)), (7,))

"""Golden strings of headers, commits and notebooks."""

from __future__ import annotations

from typing import Any

import pytest

from model.errors import CapabilityError, InvalidInputError
from model.prompts.metadata import (
    STARCODER,
    STARCODER2,
    Header,
    NotebookCell,
    build_commit,
    build_header,
    build_notebook,
    build_notebook_script,
    detect_metadata,
    star_bucket,
)
from model.prompts.segments import Special, Text, render
from tests.model.prompts import vocabularies


@pytest.mark.parametrize(
    ("given", "header"),
    [
        ({}, ""),
        ({"repo_name": "r"}, "<reponame>r\n"),
        ({"path": "a.py"}, "<filename>a.py\n"),
        ({"stars": "0"}, "<gh_stars>0\n"),
        ({"repo_name": "r", "path": "a.py"}, "<reponame>r<filename>a.py\n"),
        (
            {"repo_name": "r", "path": "a.py", "stars": "250"},
            "<reponame>r<filename>a.py<gh_stars>100-1000\n",
        ),
    ],
)
def test_starcoder_header_takes_any_subset(given: dict[str, Any], header: str) -> None:
    assert render(build_header(STARCODER, Header(**given))) == header


@pytest.mark.parametrize(
    ("given", "header"),
    [
        ({}, ""),
        ({"repo_name": "r", "path": "a.py"}, "<repo_name>r<file_sep>a.py\n"),
        ({"repo_name": "r"}, "<repo_name>r<file_sep>"),
        ({"path": "a.py"}, "<file_sep>a.py\n"),
    ],
)
def test_starcoder2_header(given: dict[str, Any], header: str) -> None:
    assert render(build_header(STARCODER2, Header(**given))) == header


def test_an_exercise_has_a_path_of_its_own_and_a_line_before_the_code() -> None:
    line = "# Here is the correct implementation of the code exercise\n"
    exercise = Header(is_exercise=True)
    assert render(build_header(STARCODER, exercise)) == (
        f"<filename>solutions/solution_1.py\n{line}"
    )
    assert render(build_header(STARCODER2, exercise)) == (
        f"<file_sep>solutions/solution_1.py\n{line}"
    )
    assert render(build_header(STARCODER, Header("a.py", is_exercise=True))) == (
        f"<filename>a.py\n{line}"
    )


def test_starcoder2_refuses_stars() -> None:
    with pytest.raises(CapabilityError, match="StarCoder 2 was not told stars"):
        build_header(STARCODER2, Header(stars="3"))


@pytest.mark.parametrize(
    ("num_stars", "bucket"),
    [
        *((0, "0"), (1, "1-10"), (10, "1-10"), (11, "10-100"), (100, "10-100")),
        *((101, "100-1000"), (1000, "100-1000"), (1001, "1000+")),
    ],
)
def test_stars_fall_into_the_buckets_of_the_training_data(num_stars: int, bucket: str) -> None:
    assert star_bucket(str(num_stars)) == bucket


@pytest.mark.parametrize("stars", ["-1", "2.5", "many", "²"])
def test_what_no_number_of_stars_is_is_refused(stars: str) -> None:
    with pytest.raises(InvalidInputError, match=f"{stars} stars"):
        star_bucket(stars)


def test_commit() -> None:
    assert (
        render(build_commit("x = 1\n", "Use two"))
        == "<commit_before>x = 1\n<commit_msg>Use two<commit_after>"
    )


def test_notebook_tells_an_empty_output_and_opens_the_next_cell() -> None:
    cells = (
        NotebookCell("text", "Add"),
        NotebookCell("code", "1 + 1"),
        NotebookCell("output", "2"),
        NotebookCell("code", "x = 3"),
        NotebookCell("output", ""),
    )
    assert render(build_notebook(cells, "code")) == (
        "<jupyter_start><jupyter_text>Add<jupyter_code>1 + 1<jupyter_output>2"
        "<jupyter_code>x = 3<jupyter_output><empty_output><jupyter_code>"
    )


def test_an_empty_notebook_opens_its_first_cell() -> None:
    assert render(build_notebook((), "text")) == "<jupyter_start><jupyter_text>"


def test_notebook_script() -> None:
    assert render(build_notebook_script("import os\n")) == "<jupyter_script>import os\n"


def test_typed_tokens_stay_text() -> None:
    assert build_commit("<commit_after>", "<commit_before>") == (
        Special("<commit_before>"),
        Text("<commit_after>", "prefix"),
        Special("<commit_msg>"),
        Text("<commit_before>", "prompt"),
        Special("<commit_after>"),
    )
    assert build_header(STARCODER, Header("<gh_stars>1000+"))[1] == Text(
        "<gh_stars>1000+", "context"
    )


def test_the_header_is_told_by_the_vocabulary() -> None:
    assert detect_metadata(vocabularies.STARCODER) == STARCODER
    assert detect_metadata(vocabularies.STARCODER2) == STARCODER2
    assert detect_metadata(vocabularies.EMBEDDED_BASE) == STARCODER
    assert detect_metadata(vocabularies.SANTACODER) is None

"""Golden strings of each infill dialect, and how the dialect is told from the vocabulary."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model.errors import CapabilityError, PromptError
from model.prompts.infill import (
    FILL_MARKER,
    SANTACODER,
    SMOLLM2,
    STARCODER,
    STARCODER2,
    InfillFormat,
    RepositoryFile,
    build_infill,
    detect_infill,
    split_fill_marker,
)
from model.prompts.segments import Special, Text, render
from tests.model.prompts import vocabularies

PREFIX = "def f():\n    "
SUFFIX = "\n    return x\n"
CONTEXT = (RepositoryFile("a.py", "A = 1\n"), RepositoryFile("lib/b.py", "B = 2\n"))


@pytest.mark.parametrize("dialect", [STARCODER, STARCODER2])
def test_prefix_suffix_middle(dialect: InfillFormat) -> None:
    assert (
        render(build_infill(dialect, PREFIX, SUFFIX))
        == "<fim_prefix>def f():\n    <fim_suffix>\n    return x\n<fim_middle>"
    )


@pytest.mark.parametrize("dialect", [STARCODER, STARCODER2, SMOLLM2])
def test_suffix_prefix_middle_is_variant_two(dialect: InfillFormat) -> None:
    assert (
        render(build_infill(dialect, PREFIX, SUFFIX, order="spm"))
        == "<fim_prefix><fim_suffix>\n    return x\n<fim_middle>def f():\n    "
    )


def test_without_an_order_the_dialects_first_is_taken() -> None:
    suffix_first = replace(STARCODER, orders=("spm", "psm"))
    asked = build_infill(STARCODER, PREFIX, SUFFIX, order="spm")
    assert build_infill(suffix_first, PREFIX, SUFFIX) == asked
    assert build_infill(STARCODER, PREFIX, SUFFIX) != asked


def test_a_begun_middle_ends_the_prompt_in_either_order() -> None:
    assert (
        render(build_infill(STARCODER, PREFIX, SUFFIX, begun="x = "))
        == "<fim_prefix>def f():\n    <fim_suffix>\n    return x\n<fim_middle>x = "
    )
    suffix_first = build_infill(STARCODER, PREFIX, SUFFIX, order="spm", begun="x = ")
    assert render(suffix_first) == (
        "<fim_prefix><fim_suffix>\n    return x\n<fim_middle>def f():\n    x = "
    )
    # Not one text with the prefix: the tokens at its start are those that a middle begins with.
    assert suffix_first[-2:] == (Text(PREFIX, "prefix"), Text("x = ", "middle"))


def test_santacoder_has_hyphens() -> None:
    assert (
        render(build_infill(SANTACODER, PREFIX, SUFFIX))
        == "<fim-prefix>def f():\n    <fim-suffix>\n    return x\n<fim-middle>"
    )


def test_starcoder2_reads_a_repository() -> None:
    prompt = build_infill(
        STARCODER2, PREFIX, SUFFIX, path="c.py", repo_name="me/project", context=CONTEXT
    )
    assert render(prompt) == (
        "<repo_name>me/project<file_sep>a.py\nA = 1\n<file_sep>lib/b.py\nB = 2\n"
        "<file_sep><fim_prefix>c.py\ndef f():\n    <fim_suffix>\n    return x\n<fim_middle>"
    )


def test_starcoder2_reads_a_path_alone() -> None:
    assert (
        render(build_infill(STARCODER2, PREFIX, SUFFIX, path="c.py"))
        == "<file_sep><fim_prefix>c.py\ndef f():\n    <fim_suffix>\n    return x\n<fim_middle>"
    )


def test_starcoder2_reads_other_files_without_a_repository_name() -> None:
    context = (RepositoryFile("", "A = 1\n"),)
    assert (
        render(build_infill(STARCODER2, "p", "s", context=context))
        == "<file_sep>A = 1\n<file_sep><fim_prefix>p<fim_suffix>s<fim_middle>"
    )


def test_with_the_suffix_first_the_path_stays_with_the_prefix() -> None:
    assert (
        render(build_infill(STARCODER2, "p", "s", order="spm", path="c.py"))
        == "<file_sep><fim_prefix><fim_suffix>s<fim_middle>c.py\np"
    )


@pytest.mark.parametrize("dialect", [STARCODER, SANTACODER, SMOLLM2])
@pytest.mark.parametrize("extra", [{"path": "c.py"}, {"repo_name": "r"}, {"context": CONTEXT}])
def test_other_families_refuse_a_repository(
    dialect: InfillFormat, extra: dict[str, object]
) -> None:
    with pytest.raises(CapabilityError, match="no infill form with a path"):
        build_infill(dialect, PREFIX, SUFFIX, **extra)  # type: ignore[arg-type]


def test_the_embedded_model_reads_the_suffix_first_unless_asked_otherwise() -> None:
    suffix_first = build_infill(SMOLLM2, PREFIX, SUFFIX)
    assert suffix_first == build_infill(SMOLLM2, PREFIX, SUFFIX, order="spm")
    prefix_first = build_infill(SMOLLM2, PREFIX, SUFFIX, order="psm")
    assert prefix_first == build_infill(STARCODER, PREFIX, SUFFIX)


def test_an_order_that_a_family_did_not_learn_is_refused() -> None:
    one_order = replace(STARCODER, orders=("psm",))
    with pytest.raises(CapabilityError, match="StarCoder was not trained"):
        build_infill(one_order, PREFIX, SUFFIX, order="spm")


def test_typed_tokens_stay_text() -> None:
    prompt = build_infill(STARCODER, "<fim_suffix>", "<fim_middle>")
    assert prompt == (
        Special("<fim_prefix>"),
        Text("<fim_suffix>", "prefix"),
        Special("<fim_suffix>"),
        Text("<fim_middle>", "suffix"),
        Special("<fim_middle>"),
    )


@pytest.mark.parametrize(
    ("special_id", "dialect"),
    [
        (vocabularies.STARCODER, STARCODER),
        (vocabularies.STARCHAT, STARCODER),
        (vocabularies.STARCODER2, STARCODER2),
        (vocabularies.STARCHAT2, STARCODER2),
        (vocabularies.SANTACODER, SANTACODER),
        (vocabularies.EMBEDDED_BASE, SMOLLM2),
        (vocabularies.EMBEDDED_CHAT, None),
        (vocabularies.CHATML, None),
        (vocabularies.PLAIN, None),
    ],
)
def test_the_dialect_is_told_by_the_vocabulary(
    special_id: Callable[[str], int | None], dialect: InfillFormat | None
) -> None:
    assert detect_infill(special_id) == dialect


@pytest.mark.parametrize("dialect", [STARCODER, STARCODER2, SMOLLM2, SANTACODER])
def test_a_middle_ends_at_end_of_text_and_at_every_token_that_leaks(dialect: InfillFormat) -> None:
    stops = set(dialect.stop_tokens)
    assert {dialect.prefix, dialect.suffix, dialect.middle, "<|endoftext|>"} <= stops
    assert {"<file_sep>", "<repo_name>", "<filename>", "<reponame>"} <= stops
    assert {"<fim_pad>", "<fim-pad>"} & stops


PIECE = st.text(max_size=20).filter(lambda text: FILL_MARKER not in text)


@given(prefix=PIECE, suffix=PIECE)
def test_one_marker_splits_the_text_unchanged(prefix: str, suffix: str) -> None:
    text = prefix + FILL_MARKER + suffix
    assert "".join(split_fill_marker(text)) == prefix + suffix


def test_no_marker_is_refused_with_what_to_add() -> None:
    with pytest.raises(PromptError) as caught:
        split_fill_marker("def f(): pass")
    assert "Add <FILL_HERE>" in caught.value.advice


def test_several_markers_are_counted() -> None:
    with pytest.raises(PromptError, match="holds 3 <FILL_HERE> markers"):
        split_fill_marker("<FILL_HERE>" * 3)

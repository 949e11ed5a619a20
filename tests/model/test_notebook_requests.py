"""Notebooks: cells in their tokens, the next one opened or the last gone on with, and trimmed."""

from __future__ import annotations

from dataclasses import replace

import pytest

from model.engine.base import ResidentModel
from model.errors import CapabilityError, ContextLengthError, PromptError
from model.fitting import fit, measure
from model.prompts.metadata import NotebookCell
from model.prompts.segments import Special, Text, render
from model.requests import NotebookRequest
from model.sampling import SamplingParams
from model.trimming import Dropped
from tests.model.residents import CONTEXT_LENGTH, build_families

PARAMS = SamplingParams(max_new_tokens=20)
CELLS = (NotebookCell("text", "Add"), NotebookCell("code", "1 + 1"), NotebookCell("output", "2"))


@pytest.fixture(scope="module")
def residents(tmp_path_factory: pytest.TempPathFactory) -> dict[str, ResidentModel]:
    return build_families(tmp_path_factory.mktemp("tiny"))


@pytest.fixture
def starcoder(residents: dict[str, ResidentModel]) -> ResidentModel:
    return residents["StarCoder"]


@pytest.mark.parametrize("family", ["StarCoder", "StarCoder 2", "SmolLM2"])
def test_the_cells_stand_in_their_tokens_and_the_next_one_is_opened(
    residents: dict[str, ResidentModel], family: str
) -> None:
    fitted = fit(NotebookRequest(CELLS, "text", PARAMS), residents[family], overflow="refuse")
    assert render(fitted.prompt) == (
        "<jupyter_start><jupyter_text>Add<jupyter_code>1 + 1<jupyter_output>2<jupyter_text>"
    )


def test_the_text_ends_where_the_model_opens_another_cell(
    residents: dict[str, ResidentModel],
) -> None:
    cells = {"<jupyter_start>", "<jupyter_text>", "<jupyter_code>", "<jupyter_output>"}
    script = {"StarCoder": set(), "StarCoder 2": {"<jupyter_script>"}}
    for family, more in script.items():
        resident = residents[family]
        for kind in ("code", None):
            fitted = fit(NotebookRequest(CELLS, kind, PARAMS), resident, overflow="refuse")
            ids = fitted.generation.stop_token_ids
            ends = {resident.tokenizer.token_text(id_) for id_ in ids}
            assert ends == {"<|endoftext|>", "<empty_output>", *cells, *more}


def test_the_last_cell_can_be_gone_on_with_and_its_white_space_is_healed(
    starcoder: ResidentModel,
) -> None:
    cells = (*CELLS, NotebookCell("code", "def f():\n    "))
    request = NotebookRequest(cells, None, PARAMS)
    fitted = fit(request, starcoder, overflow="refuse")
    before = "<jupyter_start><jupyter_text>Add<jupyter_code>1 + 1<jupyter_output>2<jupyter_code>"
    assert render(fitted.prompt) == f"{before}def f():\n    "
    assert not starcoder.can_heal
    healer = replace(starcoder, can_heal=True)
    healed = fit(request, healer, overflow="refuse")
    assert render(healed.prompt) == f"{before}def f():"
    assert healed.generation.healed == "\n    "
    closed = fit(NotebookRequest(cells, "code", PARAMS), healer, overflow="refuse")
    assert closed.generation.healed == ""


def test_a_last_cell_without_text_is_one_that_was_just_opened(starcoder: ResidentModel) -> None:
    cells = (*CELLS, NotebookCell("output", ""))
    going_on = fit(NotebookRequest(cells, None, PARAMS), starcoder, overflow="refuse")
    assert render(going_on.prompt).endswith("<jupyter_output>2<jupyter_output>")
    closed = fit(NotebookRequest(cells, "code", PARAMS), starcoder, overflow="refuse")
    assert render(closed.prompt).endswith("<jupyter_output><empty_output><jupyter_code>")


def test_typed_tokens_stay_text(starcoder: ResidentModel) -> None:
    request = NotebookRequest((NotebookCell("code", "<jupyter_code>"),), "code", PARAMS)
    fitted = fit(request, starcoder, overflow="refuse")
    assert fitted.prompt == (
        *(Special("<jupyter_start>"), Special("<jupyter_code>")),
        *(Text("<jupyter_code>", "cell"), Special("<jupyter_code>")),
    )
    assert len(fitted.generation.prompt_ids) == 3 + len("<jupyter_code>")


def test_whole_old_cells_are_left_out_and_an_output_goes_with_its_code(
    starcoder: ResidentModel,
) -> None:
    cells = (
        NotebookCell("code", "a" * 30),
        NotebookCell("output", "b" * 30),
        NotebookCell("text", "c" * 30),
        NotebookCell("code", "d" * 10),
    )
    request = NotebookRequest(cells, "code", PARAMS)
    fitted = fit(request, starcoder, overflow="trim")
    kept = f"<jupyter_start><jupyter_text>{'c' * 30}<jupyter_code>{'d' * 10}<jupyter_code>"
    assert render(fitted.prompt) == kept
    assert fitted.dropped == (Dropped("cells", "start", 62),)
    assert measure(request, starcoder).dropped == fitted.dropped
    with pytest.raises(ContextLengthError):
        fit(request, starcoder, overflow="refuse")


@pytest.mark.parametrize("next_kind", ["code", None])
def test_of_a_last_cell_that_is_too_long_by_itself_the_head_goes(
    starcoder: ResidentModel, next_kind: str | None
) -> None:
    cells = (*CELLS, NotebookCell("code", "head" + "x" * 200 + "tail"))
    request = NotebookRequest(cells, next_kind, PARAMS)  # type: ignore[arg-type]
    fitted = fit(request, starcoder, overflow="trim")
    assert len(fitted.generation.prompt_ids) == CONTEXT_LENGTH - PARAMS.max_new_tokens
    text = render(fitted.prompt)
    assert "head" not in text
    assert "Add" not in text
    assert ("tail<jupyter_code>" if next_kind else "tail") in text
    cells_dropped, cell_dropped = fitted.dropped
    assert (cells_dropped.part, cell_dropped.part) == ("cells", "cell")
    whole = measure(request, starcoder).prompt_tokens
    num_dropped = cells_dropped.num_tokens + cell_dropped.num_tokens
    assert whole - num_dropped == len(fitted.generation.prompt_ids)


@pytest.mark.parametrize("cells", [(), (NotebookCell("code", ""),)])
def test_a_notebook_without_text_is_nothing_to_carry_on_from(
    starcoder: ResidentModel, cells: tuple[NotebookCell, ...]
) -> None:
    for kind in ("code", None):
        with pytest.raises(PromptError, match="notebook is empty"):
            fit(NotebookRequest(cells, kind, PARAMS), starcoder, overflow="trim")
        assert measure(NotebookRequest(cells, kind, PARAMS), starcoder).prompt_tokens == 0


def test_a_model_without_notebook_tokens_refuses_and_says_which_can(
    residents: dict[str, ResidentModel],
) -> None:
    with pytest.raises(CapabilityError, match="no notebook tokens") as caught:
        fit(NotebookRequest(CELLS, "code", PARAMS), residents["SantaCoder"], overflow="trim")
    assert "StarCoder" in caught.value.advice

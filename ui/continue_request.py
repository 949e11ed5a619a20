"""What Continue asks for: of the values of its components, the request in the chosen form."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from model.prompts.metadata import Header
from model.requests import CompletionRequest, EditRequest, NotebookRequest
from model.sampling import SamplingParams
from ui.block_stop import Ending, read_ending, stop_at_end
from ui.code_header import read_header
from ui.controls import CONTINUE_DEFAULTS, FIELDS, read_max_new_tokens, read_params
from ui.edit_form import Edit, read_edit
from ui.meter import Reading
from ui.notebook_form import read_next_cell
from ui.percent_cells import NextCell, plan_text, told_cells
from ui.progress import Progress
from ui.prompt_panel import Wanted
from ui.token_view import num_alternatives


@dataclass(frozen=True, slots=True)
class Asked:
    """
    Attributes:
        completion: the form's that is plain text.
        ending: where the run is to stop; None for the text's own end.
        told: what stands beside the editor.
    """

    completion: CompletionRequest
    ending: Ending | None
    language: str
    told: Beside

    @property
    def settings(self) -> tuple[Any, ...]:
        return self.told.settings

    @property
    def as_text(self) -> Asked:
        """The same as plain text."""
        edit = replace(self.told.edit, form="text")
        return replace(self, told=replace(self.told, edit=edit))

    @property
    def request(self) -> CompletionRequest | EditRequest | NotebookRequest:
        return self.told.request(self.completion.prompt, self.completion.params)

    async def follow(
        self, steps: AsyncGenerator[Progress, None], cancel: Callable[[], None]
    ) -> AsyncGenerator[Progress, None]:
        """`steps` up to the end that was asked for, with the text as the editor gets it."""
        new = None
        if self.told.edit.form == "notebook":
            new = plan_text(self.completion.prompt, self.told.next_cell)
        async for progress in stop_at_end(steps, self.ending, cancel):
            yield replace(progress, text=new.write(progress.text)) if new else progress


@dataclass(frozen=True, slots=True)
class Beside:
    """What stands beside the editor: the header, the edit, which cell comes next, and the controls'
    values."""

    header: Header
    edit: Edit
    next_cell: NextCell
    settings: tuple[Any, ...]

    def request(
        self, text: str, params: SamplingParams
    ) -> CompletionRequest | EditRequest | NotebookRequest:
        """What Generate asks for."""
        match self.edit.form:
            case "edit":
                return EditRequest(text, self.edit.instruction, params)
            case "notebook":
                kind = None if self.next_cell == "same" else self.next_cell
                return NotebookRequest(told_cells(text, self.next_cell), kind, params)
            case _:
                return CompletionRequest(text, params, self.header)


def read_asked(prompt: str, values: Sequence[Any]) -> Asked:
    """
    Raises:
        SamplingParamsError: a setting cannot be used.
        BlockLanguageError: where a block ends in that language is not known.
    """
    language, stop_at, wants_tokens, *rest = values
    told = read_beside(rest)
    params, ending = read_params(told.settings), None
    if told.edit.form == "text":
        params = replace(params, logprobs=num_alternatives(wants_tokens))
        ending = read_ending(stop_at, prompt, language)
    return Asked(CompletionRequest(prompt, params, told.header), ending, language, told)


def read_measured(prompt: str, max_new_tokens: Any, *values: Any) -> list[Reading]:
    params = read_max_new_tokens(max_new_tokens, CONTINUE_DEFAULTS)
    return [Reading(read_beside([*values, *[None] * len(FIELDS)]).request(prompt, params))]


def read_wanted(prompt: str, *values: Any) -> list[Wanted]:
    told = read_beside(values)
    return [Wanted(told.request(prompt, read_params(told.settings)))]


def read_beside(values: Sequence[Any]) -> Beside:
    """Of the values of the header's fields, the edit's, the notebook's, and the controls."""
    *told, choice, instruction, proposal, next_cell = values[: len(values) - len(FIELDS)]
    edit, settings = read_edit(choice, instruction, proposal), values[len(values) - len(FIELDS) :]
    return Beside(read_header(*told), edit, read_next_cell(next_cell), tuple(settings))

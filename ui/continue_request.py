"""What Continue asks for: of the values of its components, the request in the chosen form."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from model.prompts.metadata import Header
from model.requests import CompletionRequest, EditRequest
from model.sampling import SamplingParams
from ui.block_stop import Ending, read_ending
from ui.code_header import read_header
from ui.controls import CONTINUE_DEFAULTS, FIELDS, read_max_new_tokens, read_params
from ui.edit_form import Edit, read_edit
from ui.meter import Reading
from ui.prompt_panel import Wanted
from ui.token_view import num_alternatives


@dataclass(frozen=True, slots=True)
class Asked:
    """
    Attributes:
        ending: where the run is to stop; None for the text's own end.
        settings: the controls' values.
    """

    completion: CompletionRequest
    ending: Ending | None
    language: str
    settings: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Beside:
    """What stands beside the editor: the header, the edit, and the controls' values."""

    header: Header
    edit: Edit
    settings: tuple[Any, ...]

    def request(self, text: str, params: SamplingParams) -> CompletionRequest | EditRequest:
        """What Generate asks for."""
        if self.edit.form == "edit":
            return EditRequest(text, self.edit.instruction, params)
        return CompletionRequest(text, params, self.header)


def read_asked(prompt: str, values: Sequence[Any]) -> Asked:
    """
    Raises:
        SamplingParamsError: a setting cannot be used.
        BlockLanguageError: where a block ends in that language is not known.
    """
    language, stop_at, wants_tokens, *rest = values
    told = read_beside(rest)
    params = replace(read_params(told.settings), logprobs=num_alternatives(wants_tokens))
    ending = read_ending(stop_at, prompt, language) if told.edit.form == "text" else None
    return Asked(CompletionRequest(prompt, params, told.header), ending, language, told.settings)


def read_measured(prompt: str, max_new_tokens: Any, *values: Any) -> list[Reading]:
    params = read_max_new_tokens(max_new_tokens, CONTINUE_DEFAULTS)
    return [Reading(read_beside([*values, *[None] * len(FIELDS)]).request(prompt, params))]


def read_wanted(prompt: str, *values: Any) -> list[Wanted]:
    told = read_beside(values)
    return [Wanted(told.request(prompt, read_params(told.settings)))]


def read_beside(values: Sequence[Any]) -> Beside:
    """Of the values of the header's fields, the edit's, and the controls."""
    *told, choice, instruction, proposal = values[: len(values) - len(FIELDS)]
    edit = read_edit(choice, instruction, proposal)
    return Beside(read_header(*told), edit, tuple(values[len(values) - len(FIELDS) :]))

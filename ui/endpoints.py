"""Named endpoints for `gradio_client`: /continue, /edit, /notebook, /infill and /chat.

Each yields the text so far.

`settings` takes the fields of `SamplingParams`, such as `{"temperature": 0, "stop": ["def "]}`.
What it leaves out is, for /chat, as the answering model's card recommends.
"""

from __future__ import annotations

import itertools
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import asdict
from typing import Any

import gradio as gr

from model.engine.events import Failed
from model.errors import InvalidInputError, PlaygroundError, SamplingParamsError
from model.loading.assistant_prompt import AssistantPromptSource
from model.prompts import assistant
from model.prompts.infill import InfillOrder, RepositoryFile
from model.prompts.metadata import CellKind, Header, NotebookCell
from model.requests import (
    CompletionRequest,
    EditRequest,
    InfillRequest,
    NotebookRequest,
    PlaygroundRequest,
)
from model.sampling import SamplingParams
from model.service import GenerationService
from ui.answerers import Answerer, Answerers
from ui.controls import CONTINUE_DEFAULTS, INFILL_DEFAULTS, chat_defaults
from ui.conversation import read_messages
from ui.conversation import say as say_turn
from ui.runs import MakeRequest, Runs


class Endpoints:
    """Registers the endpoints with the Blocks in which it is built."""

    def __init__(
        self, service: GenerationService, runs: Runs, prompts: AssistantPromptSource
    ) -> None:
        self._residency = service.residency
        self._runs = runs
        self._answerers = Answerers(service.residency, prompts)
        self._numbers = itertools.count(1)
        gr.api(self.carry_on, api_name="continue", concurrency_limit=None)
        gr.api(self.edit, api_name="edit", concurrency_limit=None)
        gr.api(self.notebook, api_name="notebook", concurrency_limit=None)
        gr.api(self.infill, api_name="infill", concurrency_limit=None)
        gr.api(self.chat, api_name="chat", concurrency_limit=None)

    async def carry_on(
        self,
        request: gr.Request,
        prompt: str,
        settings: dict[str, Any] | None = None,
        path: str = "",
        repo_name: str = "",
        stars: int | None = None,
        exercise: bool = False,
    ) -> AsyncGenerator[str, None]:
        """Carry on from `prompt`.

        A model whose family knows headers also takes the `path` of the file, the repository's
        `repo_name` and its number of `stars`, and whether the code answers an `exercise`.
        """
        params = _read_settings(CONTINUE_DEFAULTS, settings)
        header = Header(
            str(path), str(repo_name), "" if stars is None else str(stars), bool(exercise)
        )
        completion = CompletionRequest(str(prompt), params, header)
        async with aclosing(self._texts(request, completion)) as texts:
            async for text in texts:
                yield text

    async def edit(
        self,
        request: gr.Request,
        code: str,
        instruction: str,
        settings: dict[str, Any] | None = None,
    ) -> AsyncGenerator[str, None]:
        """Write `code` as it is once `instruction` is done, with a model that knows commits.

        `max_new_tokens` counts what the answer has beyond the code's own length.
        """
        params = _read_settings(CONTINUE_DEFAULTS, settings)
        edit = EditRequest(str(code), str(instruction), params)
        async with aclosing(self._texts(request, edit)) as texts:
            async for text in texts:
                yield text

    async def notebook(
        self,
        request: gr.Request,
        cells: list[dict[str, Any]],
        next_cell: str,  # no default: Gradio's page would look "code" up as a label
        settings: dict[str, Any] | None = None,
    ) -> AsyncGenerator[str, None]:
        """Write the cell after `cells`, `{"kind": ..., "text": ...}` each, with a model that knows
        notebooks.

        A kind is "code", "text" or "output"; an output without text was empty. `next_cell` is a
        kind, or "same" for more of the last one of `cells`.
        """
        params = _read_settings(CONTINUE_DEFAULTS, settings)
        wanted = NotebookRequest(_read_cells(cells), _read_next_kind(next_cell), params)
        async with aclosing(self._texts(request, wanted)) as texts:
            async for text in texts:
                yield text

    async def infill(
        self,
        request: gr.Request,
        prefix: str,
        suffix: str,
        settings: dict[str, Any] | None = None,
        order: str | None = None,
        path: str = "",
        repo_name: str = "",
        context: list[dict[str, Any]] | None = None,
    ) -> AsyncGenerator[str, None]:
        """Write what stands between `prefix` and `suffix`.

        `order` of the prompt is "psm" or "spm"; the model's own where there is none. A model that
        knows repositories also takes the `path` of the file, the repository's `repo_name`, and as
        `context` other files of it, `{"path": ..., "text": ...}` each.
        """
        params = _read_settings(INFILL_DEFAULTS, settings)
        infill = InfillRequest(
            *(str(prefix), str(suffix), params, _read_order(order), str(path), str(repo_name)),
            context=_read_files(context),
        )
        async with aclosing(self._texts(request, infill)) as texts:
            async for text in texts:
                yield text

    async def chat(
        self,
        request: gr.Request,
        message: str,
        history: list[dict[str, Any]] | None = None,
        system: str = "",
        settings: dict[str, Any] | None = None,
        answered_by: str = "chat",
    ) -> AsyncGenerator[str, None]:
        """Answer `message`, after a `history` of `{"role": ..., "content": ...}` turns.

        `answered_by` is "chat", or "assistant" for the Tech Assistant: the base model behind a
        long prompt, to which `system` does not apply.
        """
        answerer = _read_answerer(answered_by)
        params = _read_settings(self._chat_defaults(answerer), settings)
        try:
            messages = say_turn(read_messages(history), "user", str(message))
        except (KeyError, TypeError, AttributeError) as error:
            shape = '{"role": "user" or "assistant", "content": "text"}'
            raise _client_error(InvalidInputError(f"Each turn of history is {shape}.")) from error
        wanted = self._answerers.ask(answerer, system, messages, params)
        async with aclosing(self._texts(request, wanted)) as texts:
            async for text in texts:
                yield text

    def _chat_defaults(self, answerer: Answerer) -> SamplingParams:
        if answerer == "assistant":
            return assistant.SAMPLING
        return chat_defaults(self._residency.preset("chat"))

    async def _texts(
        self, request: gr.Request, wanted: PlaygroundRequest | MakeRequest
    ) -> AsyncGenerator[str, None]:
        """The text so far, at each update; a beat repeats it.

        Raises:
            gr.Error: with the message that the page would show.
        """
        # A client may run several at once: each has a place of its own.
        place = f"endpoint-{next(self._numbers)}"
        steps = self._runs.start(wanted, str(request.session_hash), place)
        async with aclosing(steps) as progresses:
            async for progress in progresses:
                if isinstance(progress.outcome, Failed):
                    raise _client_error(progress.outcome.error)
                yield progress.text


def _read_answerer(value: str) -> Answerer:
    if value == "assistant":
        return "assistant"
    if value == "chat":
        return "chat"
    known = 'answered_by is "chat" or "assistant".'
    raise _client_error(InvalidInputError(f"Nobody goes by {str(value)[:40]!r}.", known))


def _read_order(value: str | None) -> InfillOrder | None:
    match value:
        case None | "psm" | "spm":
            return value
        case _:
            known = 'order is "psm" or "spm".'
            raise _client_error(InvalidInputError(f"There is no order {str(value)[:40]!r}.", known))


def _read_files(files: list[dict[str, Any]] | None) -> tuple[RepositoryFile, ...]:
    try:
        return tuple(RepositoryFile(str(file["path"]), str(file["text"])) for file in files or ())
    except (KeyError, TypeError) as error:
        shape = '{"path": "a/name.py", "text": "its text"}'
        raise _client_error(InvalidInputError(f"Each file of context is {shape}.")) from error


def _read_cells(cells: list[dict[str, Any]]) -> tuple[NotebookCell, ...]:
    try:
        told = [(cell["kind"], str(cell["text"])) for cell in cells]
    except (KeyError, TypeError) as error:
        shape = '{"kind": "code", "text": "its text"}'
        raise _client_error(InvalidInputError(f"Each of the cells is {shape}.")) from error
    return tuple(NotebookCell(_read_kind(kind), text) for kind, text in told)


def _read_next_kind(value: str) -> CellKind | None:
    return None if value == "same" else _read_kind(value)


def _read_kind(value: object) -> CellKind:
    match value:
        case "code" | "text" | "output":
            return value
        case _:
            known = 'A kind is "code", "text" or "output"; next_cell may be "same", too.'
            raise _client_error(
                InvalidInputError(f"There are no cells of kind {str(value)[:40]!r}.", known)
            )


def _read_settings(defaults: SamplingParams, settings: dict[str, Any] | None) -> SamplingParams:
    try:
        fields = asdict(defaults) | (settings or {})
        if unknown := fields.keys() - asdict(defaults).keys():
            name = min(unknown)
            raise SamplingParamsError(name, f"There is no setting {name!r}.")
        return SamplingParams(**fields | {"stop": _as_stop(fields["stop"])})
    except InvalidInputError as error:
        raise _client_error(error) from error


def _as_stop(stop: object) -> Any:
    """As JSON has it: a list, or one string."""
    if isinstance(stop, str):
        return (stop,)
    return tuple(stop) if isinstance(stop, list) else stop


def _client_error(error: PlaygroundError) -> Exception:
    # Gradio passes the text of its own error type on, and of no other.
    problem: Exception = gr.Error(str(error), print_exception=False)
    return problem

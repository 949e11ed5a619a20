"""Tabby's clients: `POST /v1/completions` with `segments`, and what `/v1/health` tells them.

Sources: TabbyML/tabby:crates/tabby/src/services/{completion,health}.rs and services/completion/
completion_prompt.rs. The path is OpenAI's too; `api.openai.completions` tells bodies
apart. `/v1/health` is llama.cpp's too, and `api.server` answers both with one body.
"""

from __future__ import annotations

import os
import platform
import uuid
from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from fastapi import Request
from fastapi.responses import JSONResponse, Response
from pydantic import Field

from api.asking import Asker, Completion, client_name
from api.hang_up import unless_gone
from api.sampling_fields import seed_or_none, with_given
from api.strict_body import StrictBody
from model.engine.base import ResidentModel
from model.errors import PromptError
from model.loading.residency import Residency
from model.prompts.infill import RepositoryFile
from model.prompts.segments import render
from model.requests import InfillRequest, RawRequest
from model.sampling import SamplingParams
from model.served import served_models

# Either makes a body one of Tabby's.
KEYS = frozenset({"segments", "debug_options"})

# Tabby's own: max_decoding_tokens of its configuration, and its sampling temperature.
DEFAULTS = SamplingParams(max_new_tokens=64, temperature=0.1)

EXAMPLE: dict[str, Any] = {
    "language": "python",
    "segments": {
        "prefix": "def fib(n):\n    ",
        "suffix": "\n        return fib(n - 1) + fib(n - 2)",
    },
}


class Snippet(StrictBody):
    """A part of another file. The files' order says how near each is; `score` is not used."""

    filepath: str
    body: str
    score: float | None = None


class Segments(StrictBody):
    """What stands around the caret, and what the editor found elsewhere."""

    prefix: str
    suffix: str = ""
    filepath: str = ""
    git_url: str = ""
    declarations: list[Snippet] = Field(default_factory=list)
    relevant_snippets_from_changed_files: list[Snippet] = Field(default_factory=list)
    relevant_snippets_from_recently_opened_files: list[Snippet] = Field(default_factory=list)

    # Tabby keeps it for its log and shows it to no model.
    tolerated: ClassVar[frozenset[str]] = frozenset({"clipboard"})

    def files(self) -> tuple[RepositoryFile, ...]:
        """The other files, the most telling last."""
        snippets = (
            *self.declarations,
            *self.relevant_snippets_from_changed_files,
            *self.relevant_snippets_from_recently_opened_files,
        )
        return tuple(RepositoryFile(each.filepath, each.body) for each in reversed(snippets))


class DebugOptions(StrictBody):
    """`raw_prompt` takes the place of the segments."""

    raw_prompt: str | None = None
    return_snippets: bool = False
    return_prompt: bool = False
    disable_retrieval_augmented_code_completion: bool = False


class TabbyBody(StrictBody):
    segments: Segments | None = None
    debug_options: DebugOptions = DebugOptions()
    temperature: float | None = None
    seed: int | None = None
    mode: Literal["standard"] = "standard"

    # The language picks Tabby's own stop words; here the model ends the middle.
    tolerated: ClassVar[frozenset[str]] = frozenset({"language", "user"})
    neutral: ClassVar[Mapping[str, tuple[object, ...]]] = {"stream": (False,)}

    @property
    def has_crlf(self) -> bool:
        segments = self.segments
        return segments is not None and "\r\n" in segments.prefix + segments.suffix

    def request(self, resident: ResidentModel) -> InfillRequest | RawRequest:
        """
        Raises:
            PromptError: there is neither a raw prompt nor segments.
            SamplingParamsError: a value is outside its interval.
        """
        params = with_given(DEFAULTS, temperature=self.temperature, seed=seed_or_none(self.seed))
        if self.debug_options.raw_prompt is not None:
            return RawRequest(self.debug_options.raw_prompt, params)
        if self.segments is None:
            raise PromptError("There are no segments.", "Send what stands before the caret.")
        prefix, suffix = self.segments.prefix, self.segments.suffix
        if self.has_crlf:
            prefix, suffix = (text.replace("\r\n", "\n") for text in (prefix, suffix))
        # At a file's end Tabby shows the model a line's end, so that it is asked for a middle.
        request = InfillRequest(prefix, suffix or "\n", params)
        if resident.infill is None or resident.infill.file_sep is None:
            return request
        segments = self.segments
        is_alone = self.debug_options.disable_retrieval_augmented_code_completion
        return InfillRequest(
            *(request.prefix, request.suffix, params),
            path=segments.filepath,
            context=() if is_alone else segments.files(),
        )


async def answer(asker: Asker, request: Request, body: TabbyBody) -> Response:
    """One choice, in Tabby's form. A prompt over the context is shortened, as Tabby does.

    Raises:
        PlaygroundError: the request cannot be run, or failed.
        ClientDisconnect: the client is gone.
    """
    completion = await unless_gone(request.receive, _complete(asker, body, client_name(request)))
    text = completion.text.replace("\n", "\r\n") if body.has_crlf else completion.text
    answer: dict[str, Any] = {
        "id": f"cmpl-{uuid.uuid4()}",
        "choices": [{"index": 0, "text": text}],
    }
    options = body.debug_options
    if options.return_prompt or options.return_snippets:
        answer["debug_data"] = {
            **({"snippets": []} if options.return_snippets else {}),
            **({"prompt": render(completion.fitted.prompt)} if options.return_prompt else {}),
        }
    return JSONResponse(answer)


async def _complete(asker: Asker, body: TabbyBody, client: str) -> Completion:
    async with asker.model("base") as resident:
        request = body.request(resident)
    async with asker.ask(request, client, overflow="trim") as answer:
        return await answer.whole()


def health(residency: Residency) -> dict[str, Any]:
    """What Tabby's clients read at `GET /v1/health` before they show themselves as connected."""
    models = {slot: model for model in served_models(residency) for slot in model.slots}
    base, chat = models.get("base"), models.get("chat")
    resident = base.resident if base else None
    is_on_gpu = resident is not None and resident.device.startswith("cuda")
    return {
        "model": base.id if base else "",
        "chat_model": chat.id if chat else None,
        "device": "cuda" if is_on_gpu else "cpu",
        "arch": platform.machine(),
        "cpu_info": platform.processor() or "unknown",
        "cpu_count": os.cpu_count() or 1,
        "cuda_devices": [],
        "version": dict.fromkeys(("build_date", "build_timestamp", "git_sha", "git_describe"), ""),
    }

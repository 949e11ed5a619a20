"""Where llm-vscode asks whether code near the caret stands in a corpus: POST /overlap.

Request `{"document": text}`, answer `{"spans": [[start, end], ...]}` in characters
(huggingface/llm-vscode:src/extension.ts). It says "No code found in the stack" on an empty list
and nothing on an error, so a server that cannot look must not answer with an empty list.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Protocol

from fastapi import APIRouter
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field

from api.errors import OWN, Kind, Problem, answer_problem
from safety.attribution.index import AttributionError

REASON = (
    "This server has no index to look code up in: its operator can make one "
    "(python -m safety.attribution build) and name it with --attribution-index. Or leave "
    "llm.attributionEndpoint at its default, which asks https://stack.dataportraits.org."
)


class Corpus(Protocol):
    """See `safety.attribution.index.Index` and `safety.attribution.portraits.Portraits`."""

    def find(self, text: str) -> Sequence[tuple[int, int]]:
        """The places of `text` that stand there, `text[start:end]`.

        Raises:
            AttributionError: it cannot be looked up.
        """
        ...


def problem_of_corpus(reason: str) -> Problem:
    return Problem(Kind.UNAVAILABLE, f"{reason}.", "AttributionError")


class OverlapRequest(BaseModel):
    document: str = Field(
        description="Code around the caret.", examples=["def fibonacci(n):\n    "]
    )


class Overlaps(BaseModel):
    spans: list[tuple[int, int]] = Field(
        description="From and up to which character: code that stands in the index."
    )


def build_routes(corpus: Corpus | None) -> APIRouter:
    router = APIRouter(tags=["Server"])
    # One at a time, beside the event loop: looking up is work for a processor.
    turn = asyncio.Lock()

    @router.post("/overlap", response_model=Overlaps)
    async def overlap(body: OverlapRequest) -> Overlaps | JSONResponse:
        """Which parts of a text stand in this server's index of code, for llm-vscode."""
        if corpus is None:
            return answer_problem(Problem(Kind.NOT_SERVED, REASON, "NotServed"), OWN)
        try:
            async with turn:
                spans = await asyncio.to_thread(corpus.find, body.document)
        except AttributionError as error:
            return answer_problem(problem_of_corpus(str(error)), OWN)
        return Overlaps(spans=list(spans))

    return router

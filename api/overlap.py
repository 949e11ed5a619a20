"""Where llm-vscode asks whether code near the caret stands in The Stack: POST /overlap.

Request `{"document": text}`, answer `{"spans": [[start, end], ...]}` in characters
(huggingface/llm-vscode:src/extension.ts). It says "No code found in the stack" on an empty list
and nothing on an error, so a server that cannot look must not answer with an empty list.
"""

from __future__ import annotations

from fastapi import APIRouter
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field

from api.errors import OWN, Kind, Problem, answer_problem

REASON = (
    "This server cannot look code up in The Stack yet. Leave llm.attributionEndpoint at its "
    "default, which asks https://stack.dataportraits.org."
)


class OverlapRequest(BaseModel):
    document: str = Field(
        description="Code around the caret.", examples=["def fibonacci(n):\n    "]
    )


def build_routes() -> APIRouter:
    router = APIRouter(tags=["Server"])

    @router.post("/overlap")
    async def overlap(body: OverlapRequest) -> JSONResponse:
        """Which parts of a text stand in The Stack, for llm-vscode. Not served yet: 501."""
        return answer_problem(Problem(Kind.NOT_SERVED, REASON, "NotServed"), OWN)

    return router

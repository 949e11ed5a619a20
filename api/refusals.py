"""What a route refuses by itself: a field or a name that the model's own errors know nothing of."""

from __future__ import annotations

from fastapi import Request
from fastapi.responses import JSONResponse

from api.errors import Kind, Problem, answer_problem, protocol_of


class RefusedError(Exception):
    """A request that is answered with `problem`, in the form of its path's protocol."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.message)
        self.problem = problem


def unserved(field: str, message: str) -> RefusedError:
    """`field` asks for what this server does not do; `message` says so, and what it does."""
    return RefusedError(Problem(Kind.VALIDATION, message, "NotServed", field))


async def answer_refusal(request: Request, error: Exception) -> JSONResponse:
    """FastAPI's exception handler for `RefusedError`."""
    assert isinstance(error, RefusedError)
    return answer_problem(error.problem, protocol_of(request.method, request.url.path))

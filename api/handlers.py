"""What FastAPI and Starlette raise, as answers in the protocol of the path."""

from __future__ import annotations

from http import HTTPStatus

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from api.errors import (
    Kind,
    Problem,
    answer_playground_error,
    answer_problem,
    protocol_of,
)
from api.refusals import RefusedError, answer_refusal
from model.errors import PlaygroundError

# nginx's number for a client that hung up; nobody reads it.
CLIENT_GONE = 499

KIND_BY_STATUS = {
    400: Kind.VALIDATION,
    401: Kind.UNAUTHORIZED,
    404: Kind.NOT_FOUND,
    405: Kind.NOT_ALLOWED,
    413: Kind.TOO_LARGE,
}


def add_handlers(app: FastAPI) -> None:
    """Every error that routes raise on purpose becomes an answer that the path's clients can read;
    `api.middleware.Faults` answers for the others."""
    app.add_exception_handler(PlaygroundError, answer_playground_error)
    app.add_exception_handler(RefusedError, answer_refusal)
    app.add_exception_handler(RequestValidationError, _answer_invalid)
    app.add_exception_handler(HTTPException, _answer_http)
    app.add_exception_handler(ClientDisconnect, _answer_nobody)


async def _answer_invalid(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    # ("body", "messages", 0, "role"); a malformed body has the place of the fault there instead.
    is_malformed = first["type"] == "json_invalid"
    # Which of two protocols' bodies it was read as is no part of the place (`api.shared`).
    place = [str(part) for part in first["loc"][1:] if not str(part).startswith("form:")]
    field = "" if is_malformed else ".".join(place)
    what = first["ctx"]["error"] if is_malformed else first["msg"]
    message = f"The body is not JSON: {what}." if is_malformed else f"{field or 'body'}: {what}."
    return _answer(request, Problem(Kind.VALIDATION, message, "InvalidRequest", field))


async def _answer_http(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    kind = KIND_BY_STATUS.get(error.status_code, Kind.GENERATION)
    phrase = HTTPStatus(error.status_code).phrase
    problem = Problem(kind, str(error.detail), phrase.title().replace(" ", ""))
    answer = _answer(request, problem)
    # A body that cannot even be decoded is FastAPI's 400, and each protocol's own status here.
    if kind is not Kind.VALIDATION:
        answer.status_code = error.status_code
    for name, value in (error.headers or {}).items():
        answer.headers[name] = value
    return answer


async def _answer_nobody(request: Request, error: Exception) -> Response:
    return Response(status_code=CLIENT_GONE)


def _answer(request: Request, problem: Problem) -> JSONResponse:
    return answer_problem(problem, protocol_of(request.method, request.url.path))

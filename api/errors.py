"""Errors of the playground as HTTP answers: one table."""

from __future__ import annotations

from fastapi import Request
from fastapi.responses import JSONResponse

from model.errors import (
    GenerationError,
    InvalidInputError,
    ModelLoadError,
    OutOfMemoryError,
    PlaygroundError,
    UnavailableError,
)

RETRY_AFTER_SECONDS = 2

# The nearest ancestor in the table counts, so a new error has a status from its first day.
STATUS_BY_ERROR: dict[type[PlaygroundError], int] = {
    InvalidInputError: 422,
    UnavailableError: 503,
    ModelLoadError: 503,
    GenerationError: 500,
    OutOfMemoryError: 503,
}


def status_of(error_type: type[PlaygroundError]) -> int:
    """The HTTP status for errors of this type; 500 for one that the table says nothing of."""
    for ancestor in error_type.__mro__:
        if ancestor in STATUS_BY_ERROR:
            return STATUS_BY_ERROR[ancestor]
    return 500


def retry_headers(error: PlaygroundError) -> dict[str, str]:
    """`Retry-After` where the same request may work in a moment."""
    return {"Retry-After": str(RETRY_AFTER_SECONDS)} if isinstance(error, UnavailableError) else {}


async def answer_playground_error(request: Request, error: Exception) -> JSONResponse:
    """FastAPI's exception handler for `PlaygroundError`."""
    assert isinstance(error, PlaygroundError)
    return JSONResponse(
        {"detail": str(error), "error_type": type(error).__name__},
        status_code=status_of(type(error)),
        headers=retry_headers(error),
    )

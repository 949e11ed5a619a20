from __future__ import annotations

from collections.abc import Iterator

import pytest

from api.errors import STATUS_BY_ERROR, answer_playground_error, retry_headers, status_of
from model import errors
from model.errors import PlaygroundError


def every_error(root: type[PlaygroundError] = PlaygroundError) -> Iterator[type[PlaygroundError]]:
    for child in root.__subclasses__():
        yield child
        yield from every_error(child)


@pytest.mark.parametrize(
    "error_type", list(every_error()), ids=lambda error_type: error_type.__name__
)
def test_every_error_of_the_tree_has_a_row_of_its_own_or_an_ancestors(
    error_type: type[PlaygroundError],
) -> None:
    assert set(error_type.__mro__) & set(STATUS_BY_ERROR)


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (errors.ContextLengthError(9000, 8192), 422),
        (errors.CapabilityError("This model cannot fill in."), 422),
        (errors.SamplingParamsError("top_p", "top_p must be at most 1."), 422),
        (errors.ModelNotReadyError("downloading"), 503),
        (errors.QueueFullError(32), 503),
        (errors.EngineClosedError("The engine has stopped."), 503),
        (errors.CheckpointError("No checkpoint there."), 503),
        (errors.GenerationError("The model failed."), 500),
        (errors.OutOfMemoryError("Out of memory."), 503),
        (PlaygroundError("Something else."), 500),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else value,
)
def test_the_status_of_an_error(error: PlaygroundError, status: int) -> None:
    assert status_of(type(error)) == status


def test_only_what_may_work_in_a_moment_says_when_to_come_back() -> None:
    assert retry_headers(errors.QueueFullError(32)) == {"Retry-After": "2"}
    assert retry_headers(errors.ContextLengthError(9000, 8192)) == {}


async def test_the_answer_holds_message_and_advice() -> None:
    response = await answer_playground_error(None, errors.QueueFullError(32))  # type: ignore[arg-type]
    assert response.status_code == 503
    assert response.headers["retry-after"] == "2"
    assert b"The queue is full: 32 requests wait already. Try again soon." in response.body
    assert b"QueueFullError" in response.body

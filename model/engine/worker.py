"""The one thread that owns an engine's models: it loads them and runs requests, one at a time."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar

from model.admission import Admission
from model.engine.base import Health
from model.engine.events import Failed, Finished, FinishReason, Timings, Usage
from model.engine.generation import Generation, GenerationRequest
from model.errors import EngineClosedError, GenerationError, PlaygroundError

logger = logging.getLogger(__name__)

P = ParamSpec("P")
R = TypeVar("R")


class Worker:
    """Runs admitted generations and calls, in order, on one thread of its own.

    Args:
        run: runs one generation to its `Finished` event, on the thread. What it raises becomes
            the generation's `Failed` event, and the next request runs all the same.
        max_waiting: bound of the line.
    """

    def __init__(self, run: Callable[[Generation], None], max_waiting: int) -> None:
        self._run = run
        self._admission = Admission(max_waiting)
        self._executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix="model")
        self._is_closed = False
        self._last_error: str | None = None

    @property
    def health(self) -> Health:
        return Health(
            is_alive=not self._is_closed,
            num_running=self._admission.num_running,
            num_waiting=self._admission.num_waiting,
            last_error=self._last_error,
            max_waiting=self._admission.max_waiting,
        )

    def call(self, function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Run `function` on the thread, after what was asked before, and wait for its result."""
        try:
            future = self._executor.submit(function, *args, **kwargs)
        except RuntimeError as error:
            raise _closed() from error
        return future.result()

    def submit(self, request: GenerationRequest) -> Generation:
        """Queue `request`; see `Engine.submit`."""
        generation = Generation(request)
        generation.on_interrupt(lambda: self._withdraw(generation))
        self._admission.enter(generation)
        try:
            self._executor.submit(self._run_next)
        except RuntimeError as error:
            self._admission.withdraw(generation)
            raise _closed() from error
        return generation

    def close(self) -> None:
        """Cancel what waits and runs, and wait for the thread to end."""
        self._is_closed = True
        for generation in self._admission.close():
            generation.cancel()
        self._executor.shutdown(wait=True)

    def _withdraw(self, generation: Generation) -> None:
        if self._admission.withdraw(generation):
            generation.publish(finish_unrun(generation))

    def _run_next(self) -> None:
        generation = self._admission.next()
        if generation is None:  # it was withdrawn while it waited
            return
        failure: PlaygroundError | None = None
        try:
            if generation.should_stop:
                generation.publish(finish_unrun(generation))
            else:
                self._run(generation)
                self._last_error = None
        except PlaygroundError as error:
            failure = error
        except BaseException as error:  # SystemExit too: a reader must never be left waiting
            logger.exception("%s failed", generation.request.request_id)
            failure = GenerationError(
                f"The model failed: {type(error).__name__}.",
                "The terminal has the details; the next request starts afresh.",
            )
        finally:
            self._admission.leave(generation)
        if failure is not None:
            self._last_error = failure.message
            generation.publish(Failed(_without_frames(failure)))


def finish_unrun(generation: Generation) -> Finished:
    """The end of a generation that was stopped before the model saw it."""
    reason = FinishReason.CANCELLED if generation.is_cancelled else FinishReason.DEADLINE
    request = generation.request
    waited = time.monotonic() - generation.submitted_at
    usage = Usage(len(request.prompt_ids), reused_tokens=0, completion_tokens=0)
    timings = Timings(queued=waited, time_to_first_token=None, total=0.0)
    return Finished(reason, usage, timings, request.params.seed)


def _without_frames(error: PlaygroundError) -> PlaygroundError:
    """Frames of a traceback hold tensors; a reader that keeps the error must not keep them."""
    error.__cause__ = error.__context__ = None
    return error.with_traceback(None)


def _closed() -> EngineClosedError:
    return EngineClosedError("The engine has stopped.", "Restart the app.")

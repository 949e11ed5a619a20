"""One request from what a person asks for to the last event: what page and routes both call."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import dataclass

from model.engine.base import Engine, LoadProgress
from model.engine.events import Event, Finished
from model.engine.generation import Generation
from model.errors import CapabilityError
from model.fitting import FittedRequest, fit
from model.loading.residency import Residency
from model.requests import Overflow, PlaygroundRequest, slot_of


@dataclass(frozen=True, slots=True)
class Waiting:
    """The slot's model is not there yet."""

    progress: LoadProgress


@dataclass(frozen=True, slots=True)
class Revoked:
    """The model has to leave at once; the text so far stands, and `Finished` follows."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """The prompt is built and fits, and the engine has taken it; what follows are its events."""

    fitted: FittedRequest


RunEvent = Waiting | Prepared | Revoked | Event


class Run:
    """One request under way.

    `async for event in run.events()` gives `Waiting*`, `Prepared`, then the engine's events, with
    `Revoked` before the last of them where the model had to leave.
    Closing that iterator, or cancelling the task that reads it, cancels the generation too: a
    reader that is gone leaves nothing running.
    """

    def __init__(
        self,
        service: GenerationService,
        request: PlaygroundRequest,
        client: str,
        overflow: Overflow,
        deadline: float | None,
    ) -> None:
        self._service = service
        self._request = request
        self._client = client
        self._overflow = overflow
        self._deadline = deadline
        self._generation: Generation | None = None
        self._is_cancelled = False
        self._is_revoked = False

    @property
    def is_cancelled(self) -> bool:
        """Whether `cancel` was called."""
        return self._is_cancelled and not self._is_revoked

    def cancel(self) -> None:
        """Stop. The iterator goes on to `Finished(CANCELLED)`; before `Prepared` it just ends."""
        self._is_cancelled = True
        if self._generation is not None:
            self._generation.cancel()

    def _revoke(self) -> None:
        if not self._is_cancelled:
            self._is_revoked = True
        self.cancel()

    async def events(self) -> AsyncGenerator[RunEvent, None]:
        """
        Raises:
            PlaygroundError: before `Prepared`, for a request that cannot be run or a model that
                could not be loaded. After it, failures come as `Failed`.
        """
        slot = slot_of(self._request)
        async with self._service.residency.queue(slot, self._revoke) as lease:
            async for progress in lease.wait():
                if self._is_cancelled:
                    return
                yield Waiting(progress)
            self._service.check_capable(self._request)
            # On a thread: a long paste takes a second to encode.
            fitted = await asyncio.to_thread(
                fit, self._request, lease.resident, overflow=self._overflow, deadline=self._deadline
            )
            if self._is_cancelled:
                yield Prepared(fitted)
                if self._is_revoked:
                    yield Revoked()
                return
            self._generation = self._service.engine.submit(fitted.generation, self._client)
            try:
                yield Prepared(fitted)
                async for event in self._generation:
                    if self._is_revoked and isinstance(event, Finished):
                        yield Revoked()
                    yield event
            finally:
                self._generation.cancel()


class GenerationService:
    """Runs requests on the resident models."""

    def __init__(self, residency: Residency, engine: Engine) -> None:
        self.residency = residency
        self.engine = engine

    def start(
        self,
        request: PlaygroundRequest,
        client: str,
        *,
        overflow: Overflow,
        deadline: float | None = None,
    ) -> Run:
        """A run of `request` for `client`; nothing happens until its events are read.

        Args:
            overflow: what to do with a prompt over the context: "trim" it or "refuse".
            deadline: seconds after which the generation is cut off; None is never.
        """
        return Run(self, request, client, overflow, deadline)

    def check_capable(self, request: PlaygroundRequest) -> None:
        """
        Raises:
            CapabilityError: the engine cannot do what `request` asks for.
        """
        if request.params.logprobs is not None and not self.engine.capabilities.alternatives:
            raise CapabilityError(
                "This engine does not tell how likely its tokens are.",
                "Ask without token probabilities.",
            )

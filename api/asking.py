"""A client's request on its way through the service: whole, or event by event."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass

from starlette.requests import Request

from model.engine.base import ResidentModel
from model.engine.events import Failed, Finished, FinishReason, Token
from model.engine.generation import Slot
from model.errors import ModelNotReadyError, PlaygroundError, UnavailableError
from model.fitting import FittedRequest
from model.loading.slot import LoadFailed, Loading, Ready, SlotStatus
from model.requests import Overflow, PlaygroundRequest, slot_of
from model.service import GenerationService, Prepared, Revoked, Run

# Is told of each generation how it ended; None is one that was left before its end.
Observer = Callable[[Slot, Finished | PlaygroundError | None], None]


@dataclass(frozen=True, slots=True)
class Completion:
    """A generation that has ended.

    Attributes:
        tokens: what was generated, the token that ended it included; their texts put together
            are the text.
    """

    fitted: FittedRequest
    tokens: tuple[Token, ...]
    finished: Finished

    @property
    def text(self) -> str:
        return "".join(token.text for token in self.tokens)


class Answer:
    """The answer to one request, from when the engine has taken it.

    `fitted` is known from the start, and so is `resident`, the model that answers. Iterate for
    each `Token` and then the one `Finished`; what ends because the app goes down is an error. Close
    it (or cancel the task that reads it) and the generation stops.

    Args:
        stop: asks the generation to end; its `Finished` follows soon.
    """

    def __init__(
        self,
        fitted: FittedRequest,
        resident: ResidentModel,
        events: AsyncIterator[Token | Finished],
        stop: Callable[[], None],
    ) -> None:
        self.fitted = fitted
        self.resident = resident
        self.stop = stop
        self._events = events

    def __aiter__(self) -> AsyncIterator[Token | Finished]:
        return self._events

    async def whole(self) -> Completion:
        """Read to the end.

        Raises:
            PlaygroundError: the generation failed.
        """
        tokens: list[Token] = []
        async for event in self._events:
            if isinstance(event, Finished):
                return Completion(self.fitted, tuple(tokens), event)
            tokens.append(event)
        raise _called_off()


class Asker:
    """Puts the requests of HTTP clients to the service.

    Args:
        deadline: seconds after which a generation is cut off; None is never.
        observers: told of each generation's end.
    """

    def __init__(
        self,
        service: GenerationService,
        deadline: float | None = None,
        observers: Sequence[Observer] = (),
    ) -> None:
        self.service = service
        self._deadline = deadline
        self._observers = tuple(observers)

    @contextlib.asynccontextmanager
    async def ask(
        self, request: PlaygroundRequest, client: str, *, overflow: Overflow = "refuse"
    ) -> AsyncIterator[Answer]:
        """The answer to `request`, which stops being generated when the block is left.

        A model that is still on its way is not waited for: editors ask again at the next key.
        One that is parked is.

        Args:
            overflow: what to do with a prompt over the context. "trim" is for protocols whose
                clients count on it.

        Raises:
            PlaygroundError: the request cannot be run; the prompt is too long, say.
        """
        slot = slot_of(request)
        self.check_ready(slot)
        run = self.service.start(request, client, overflow=overflow, deadline=self._deadline)
        async with aclosing(self._watch(slot, _read(run))) as events:
            prepared = await anext(events, None)
            if not isinstance(prepared, Prepared):
                raise _called_off()
            # The run holds the slot's lease, so this is the model that it runs on.
            resident = _resident(self.service.residency.status(slot))
            yield Answer(prepared.fitted, resident, _only_answers(events), run.cancel)

    async def _watch(
        self, slot: Slot, events: AsyncGenerator[Prepared | Token | Finished, None]
    ) -> AsyncGenerator[Prepared | Token | Finished, None]:
        end: Finished | PlaygroundError | None = None
        try:
            async with aclosing(events):
                async for event in events:
                    if isinstance(event, Finished):
                        end = event
                    yield event
        except PlaygroundError as error:
            end = error
            raise
        finally:
            for observe in self._observers:
                observe(slot, end)

    @contextlib.asynccontextmanager
    async def model(self, slot: Slot) -> AsyncIterator[ResidentModel]:
        """The slot's model, which stays there until the block is left. One that is parked is
        waited for.

        Raises:
            ModelNotReadyError: it is still loading.
            PlaygroundError: it could not be loaded.
        """
        self.check_ready(slot)
        async with self.service.residency.queue(slot) as lease:
            async for _ in lease.wait():
                pass
            yield lease.resident

    def check_ready(self, slot: Slot) -> None:
        """
        Raises:
            ModelNotReadyError: the slot's model is still loading.
            PlaygroundError: it could not be loaded.
        """
        match self.service.residency.status(slot):
            case Loading(progress):
                raise ModelNotReadyError(progress.stage)
            case LoadFailed(error):
                raise error.with_traceback(None)
            case _:
                pass


def _resident(status: SlotStatus) -> ResidentModel:
    assert isinstance(status, Ready)
    return status.resident


async def _read(run: Run) -> AsyncGenerator[Prepared | Token | Finished, None]:
    """What a client is told of a run. What it raises ends it, before its start or after."""
    async with aclosing(run.events()) as events:
        async for event in events:
            match event:
                case Finished(reason=FinishReason.CANCELLED) if not run.is_cancelled:
                    raise _called_off()
                case Prepared() | Token() | Finished():
                    yield event
                case Failed(error):
                    raise error
                case Revoked():
                    raise UnavailableError("The model was changed meanwhile.", "Try again.")
                case _:
                    pass


def _called_off() -> UnavailableError:
    return UnavailableError("The generation was called off.", "Try again.")


async def _only_answers(
    events: AsyncIterator[Prepared | Token | Finished],
) -> AsyncIterator[Token | Finished]:
    async for event in events:
        if not isinstance(event, Prepared):
            yield event


def client_name(request: Request) -> str:
    """Who asks, for the engine's line: an opaque name."""
    return f"http-{request.client.host}" if request.client else "http"

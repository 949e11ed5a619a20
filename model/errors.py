"""Everything that can go wrong, as types.

PlaygroundError
├── InvalidInputError            what was sent cannot be used; nothing was computed
│   ├── SamplingParamsError      a sampling setting outside its interval
│   ├── PromptError              text that no tokenizer can take, or an empty prompt
│   ├── ContextLengthError       the prompt is longer than the model's window
│   └── CapabilityError          the resident model cannot do what was asked
├── UnavailableError             asked at the wrong moment; trying again may work
│   ├── ModelNotReadyError       the slot's model is still loading
│   ├── QueueFullError           too many requests wait already
│   └── EngineClosedError        the engine has stopped, or its thread is gone
├── ModelLoadError               a model could not be made resident
│   ├── CheckpointError          the folder holds no usable checkpoint
│   ├── EmbeddedModelError       the embedded model could not be obtained or verified
│   ├── DoesNotFitError          the device has too little memory for it; nothing was fetched
│   ├── LoadMemoryError          the device ran out of memory while it was loaded
│   ├── LoadCancelledError       somebody called the load off
│   ├── SwitchingError           the model may not be changed, or not to this one
│   └── HubError                 the hub did not hand the checkpoint out
│       ├── TokenMissingError        it is gated, and there is no token
│       ├── TokenRejectedError       the hub does not know the token, or no longer
│       ├── TokenScopeError          the token may not read gated repositories
│       ├── LicenseNotAcceptedError  the account has not been let in
│       ├── RepositoryNotFoundError  there is no such repository, or it is private
│       ├── HubOfflineError          offline, and not in the cache
│       ├── HubUnavailableError      the hub is down, out of reach or asks to wait
│       └── DiskFullError            the disk has no room for the files
├── RemoteError                  a model on another machine did not answer as it should
│   ├── RemoteUnreachableError   no connection, or no word for too long
│   ├── RemoteKeyError           the server does not accept our key
│   ├── RemoteModelError         it has no such model, or no completions
│   ├── RemoteBusyError          it takes no more requests for now
│   ├── RemoteRefusedError       it refuses the request itself
│   └── RemoteAnswerError        it failed, broke off or answered something else
└── GenerationError              the model failed while it ran this request
    └── OutOfMemoryError         ... for want of memory

`message` says what happened, `advice` what to do about it; both are fit for a user's eyes and
hold no prompt text. The mapping to HTTP lives in `api.errors`, the one to the page in `ui.notices`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from model.loading.memory_plan import MemoryPlan


class PlaygroundError(Exception):
    """Root of the tree.

    Args:
        message: one sentence, what happened.
        advice: one sentence, what the reader can do. May be empty.
    """

    def __init__(self, message: str, advice: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.advice = advice

    def __str__(self) -> str:
        return f"{self.message} {self.advice}".strip()


class InvalidInputError(PlaygroundError):
    """What was sent cannot be used."""


class SamplingParamsError(InvalidInputError):
    """A sampling setting lies outside its interval. `field` names it."""

    def __init__(self, field: str, message: str, advice: str = "") -> None:
        super().__init__(message, advice)
        self.field = field


class PromptError(InvalidInputError):
    """The prompt is empty or holds text that cannot be encoded."""


class ContextLengthError(InvalidInputError):
    """The prompt holds `num_tokens` tokens where the window has room for `limit`."""

    def __init__(self, num_tokens: int, limit: int, advice: str = "Shorten the prompt.") -> None:
        excess = num_tokens - limit
        super().__init__(
            f"The prompt is {num_tokens:,} tokens long, {excess:,} over the {limit:,} that fit.",
            advice,
        )
        self.num_tokens = num_tokens
        self.limit = limit


class CapabilityError(InvalidInputError):
    """The resident model cannot do what was asked."""


class UnavailableError(PlaygroundError):
    """The request came at the wrong moment."""


class ModelNotReadyError(UnavailableError):
    """The slot's model is still loading; `stage` says how far it is."""

    def __init__(self, stage: str) -> None:
        super().__init__(f"The model is currently loading: {stage}.", "Try again in a moment.")
        self.stage = stage


class QueueFullError(UnavailableError):
    """The waiting line is full at `limit` requests."""

    def __init__(self, limit: int) -> None:
        super().__init__(f"The queue is full: {limit} requests wait already.", "Try again soon.")
        self.limit = limit


class EngineClosedError(UnavailableError):
    """The engine is shut down, or the thread that owns the models is gone."""


class ModelLoadError(PlaygroundError):
    """A model could not be made resident."""


class CheckpointError(ModelLoadError):
    """The folder holds no checkpoint that can be used."""


class EmbeddedModelError(ModelLoadError):
    """The embedded model could not be obtained, verified or converted."""


class DoesNotFitError(ModelLoadError):
    """The device has too little memory for the model; `plan` has the figures."""

    def __init__(self, message: str, advice: str, plan: MemoryPlan) -> None:
        super().__init__(message, advice)
        self.plan = plan


class LoadMemoryError(ModelLoadError):
    """The device ran out of memory while the model was loaded."""


class LoadCancelledError(ModelLoadError):
    """Somebody called the load off."""


class SwitchingError(ModelLoadError):
    """The resident model may not be changed here, or not to the one that was asked for."""


class HubError(ModelLoadError):
    """The hub did not hand a checkpoint out."""


class TokenMissingError(HubError):
    """The repository is gated, and no token is set."""


class TokenRejectedError(HubError):
    """The hub does not accept the token: misspelt, expired or revoked."""


class TokenScopeError(HubError):
    """The token lacks the permission to read gated repositories."""


class LicenseNotAcceptedError(HubError):
    """The token's account has not been let in to a gated repository."""


class RepositoryNotFoundError(HubError):
    """There is no such repository or revision, or it is private."""


class HubOfflineError(HubError):
    """The hub's library is set offline, and the checkpoint is not in the cache."""


class HubUnavailableError(HubError):
    """The hub is down, cannot be reached or asks to wait."""


class DiskFullError(HubError):
    """The disk has no room for the files."""


class RemoteError(PlaygroundError):
    """A model on another machine did not answer as it should."""


class RemoteUnreachableError(RemoteError):
    """The server cannot be reached, or has sent nothing for too long."""


class RemoteKeyError(RemoteError):
    """The server does not accept the key."""


class RemoteModelError(RemoteError):
    """The server has no such model, or no completions."""


class RemoteBusyError(RemoteError):
    """The server takes no more requests for now. `retry_after`: seconds, where it says so."""

    def __init__(self, message: str, advice: str = "", retry_after: float | None = None) -> None:
        super().__init__(message, advice)
        self.retry_after = retry_after


class RemoteRefusedError(RemoteError):
    """The server refuses the request, such as for a setting that it does not know."""


class RemoteAnswerError(RemoteError):
    """The server failed, broke off or answered something that is no completion."""


class GenerationError(PlaygroundError):
    """The model raised while it ran the request."""


class OutOfMemoryError(GenerationError):
    """The device had too little memory for the request."""

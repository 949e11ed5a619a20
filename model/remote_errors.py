"""What can go wrong with a remote model, as errors that say what to do."""

from __future__ import annotations

import httpx2

from model.errors import (
    RemoteAnswerError,
    RemoteBusyError,
    RemoteError,
    RemoteKeyError,
    RemoteModelError,
    RemoteRefusedError,
    RemoteUnreachableError,
)

_OWNER = "Whoever runs this page can"


def error_of_status(status: int, host: str, said: str) -> RemoteError:
    """
    Args:
        said: what the server says of it, with a space before it; "" where it says nothing.
    """
    if status in (401, 403):
        # What it says often repeats the key.
        return RemoteKeyError(
            f"{host} does not accept the key of this page.",
            f"{_OWNER} set another in STARCODER_REMOTE_KEY.",
        )
    if status in (404, 405):
        return RemoteModelError(
            f"{host} has no such model, or no completions.{said}",
            f"{_OWNER} check STARCODER_REMOTE_MODEL, and that STARCODER_REMOTE_URL ends in /v1.",
        )
    if status == 429:
        return RemoteBusyError(
            f"{host} takes no more requests for now.{said}", "Try again in a while."
        )
    if 400 <= status < 500:
        return RemoteRefusedError(
            f"{host} refuses the request.{said}",
            "Turn top-k, min-p and the repetition penalty off, which not every server knows, or "
            "shorten the prompt.",
        )
    return RemoteAnswerError(f"{host} failed with status {status}.{said}", "Try again later.")


def error_of_failure(error: httpx2.HTTPError, host: str, patience: float) -> RemoteError:
    """
    Args:
        patience: seconds that were waited for the next word.
    """
    if isinstance(error, httpx2.ConnectError | httpx2.ConnectTimeout | httpx2.ProxyError):
        return RemoteUnreachableError(
            f"{host} cannot be reached.", "Check the network, or try again later."
        )
    if isinstance(error, httpx2.TimeoutException):
        return RemoteUnreachableError(
            f"{host} has sent nothing for {patience:g} s.", "Try again later."
        )
    return broken_off(host)


def broken_off(host: str) -> RemoteError:
    return RemoteAnswerError(f"The answer of {host} broke off before its end.", "Try again.")


def no_stream(host: str) -> RemoteError:
    return RemoteAnswerError(
        f"{host} answered with something that is no stream of completions.",
        f"{_OWNER} check STARCODER_REMOTE_URL.",
    )

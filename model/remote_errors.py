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
from model.remote_host import RemoteHost

_OWNER = "Whoever runs this page can"


def error_of_status(
    status: int, host: RemoteHost, said: str, retry_after: float | None = None
) -> RemoteError:
    """
    Args:
        said: what the server says of it, with a space before it; "" where it says nothing.
        retry_after: seconds after which it wants to be asked again, where it says so.
    """
    name = host.name
    if status in (401, 403):
        # What it says often repeats the key.
        return RemoteKeyError(
            f"{name} does not accept the key of this page.",
            f"{_OWNER} set another in {host.settings}_KEY.",
        )
    if status in (404, 405):
        return RemoteModelError(
            f"{name} has no such model, or no completions.{said}",
            f"{_OWNER} check {host.settings}_MODEL, and that {host.settings}_URL ends in /v1.",
        )
    if status == 429:
        return RemoteBusyError(
            f"{name} takes no more requests for now.{said}",
            "Try again in a while.",
            retry_after,
        )
    if 400 <= status < 500:
        return RemoteRefusedError(
            f"{name} refuses the request.{said}",
            "Turn top-k, min-p and the repetition penalty off, which not every server knows, or "
            "shorten the prompt.",
        )
    return RemoteAnswerError(f"{name} failed with status {status}.{said}", "Try again later.")


def error_of_failure(error: httpx2.HTTPError, host: RemoteHost, patience: float) -> RemoteError:
    """
    Args:
        patience: seconds that were waited for the next word.
    """
    if isinstance(error, httpx2.ConnectError | httpx2.ConnectTimeout | httpx2.ProxyError):
        return RemoteUnreachableError(
            f"{host.name} cannot be reached.", "Check the network, or try again later."
        )
    if isinstance(error, httpx2.TimeoutException):
        return silent(host, patience)
    return broken_off(host)


def silent(host: RemoteHost, patience: float) -> RemoteError:
    return RemoteUnreachableError(
        f"{host.name} has sent nothing for {patience:g} s.", "Try again later."
    )


def broken_off(host: RemoteHost) -> RemoteError:
    return RemoteAnswerError(f"The answer of {host.name} broke off before its end.", "Try again.")


def no_stream(host: RemoteHost) -> RemoteError:
    return RemoteAnswerError(
        f"{host.name} answered with something that is no stream of completions.",
        f"{_OWNER} check {host.settings}_URL.",
    )

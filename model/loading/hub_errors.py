"""What the hub or its library raised, as our errors: what happened, and the exact next step.

Read from status, headers and the chain of causes rather than from huggingface_hub's classes: it
tells a rejected token from an unknown repository only for `https` addresses
(`utils/_http.py:175`, `REPO_API_REGEX`), and transformers wraps its errors in a plain `OSError`.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal

import httpx2
from huggingface_hub import constants
from huggingface_hub.errors import (
    FileMetadataError,
    HfHubHTTPError,
    HFValidationError,
    OfflineModeIsEnabled,
)
from huggingface_hub.utils import parse_ratelimit_headers

from model.errors import (
    DiskFullError,
    HubError,
    HubOfflineError,
    HubUnavailableError,
    LicenseNotAcceptedError,
    PlaygroundError,
    RepositoryNotFoundError,
    TokenMissingError,
    TokenRejectedError,
    TokenScopeError,
)

# The disk, a quota, or the process's own limit on the size of a file.
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_MAY_NOT_WRITE = (errno.EACCES, errno.EPERM, errno.EROFS)


@dataclass(frozen=True, slots=True)
class HubRepo:
    """A repository on the hub, at a revision; None is its main branch."""

    repo_id: str
    revision: str | None = None
    kind: Literal["model", "dataset"] = "model"

    @property
    def page(self) -> str:
        """Its address on the hub, where its licence is accepted."""
        return f"{constants.ENDPOINT}/{'datasets/' if self.kind == 'dataset' else ''}{self.repo_id}"


@dataclass(frozen=True, slots=True)
class Account:
    """Whom the token belongs to.

    `reads_gated`: the permission of a fine-grained token; None where the hub does not tell.
    """

    name: str
    reads_gated: bool | None = None


@contextmanager
def hub_errors(repo: HubRepo, account: Account | None = None) -> Iterator[None]:
    """Raise what the hub's library raises inside as our own.

    Raises:
        HubError: the subclass that fits.
    """
    try:
        yield
    except PlaygroundError:
        raise
    except UnicodeEncodeError:
        # A header that cannot be written. `from None`: the original holds the token.
        raise _token_rejected() from None
    except (httpx2.HTTPError, httpx2.InvalidURL, OSError, ValueError, RuntimeError) as error:
        explained = explain(error, repo, account)
        if isinstance(error, httpx2.LocalProtocolError):
            raise explained from None
        raise explained from error


def explain(error: BaseException, repo: HubRepo, account: Account | None = None) -> HubError:
    """The error to show for `error`, its causes looked at too.

    Args:
        error: from huggingface_hub, from transformers while it used it, or from the file system.
    """
    chain = list(_causes(error))
    for cause in chain:
        if isinstance(cause, HubError):
            return cause
        if isinstance(cause, HfHubHTTPError):
            return _explain_answer(cause, repo, account)
        if isinstance(cause, OfflineModeIsEnabled):
            return offline(repo)
        if isinstance(cause, HFValidationError):
            return invalid_name(repo)
        if isinstance(cause, httpx2.LocalProtocolError):
            return _token_rejected()
        if isinstance(cause, (httpx2.HTTPError, httpx2.InvalidURL)):
            return _unreachable(cause)
        if isinstance(cause, OSError) and cause.errno in (*_NO_ROOM, *_MAY_NOT_WRITE):
            return _explain_file_system(cause, repo)
    if any(isinstance(cause, (FileMetadataError, ValueError)) for cause in chain):
        return not_a_hub()
    return HubError(
        f"{repo.repo_id} could not be fetched ({type(error).__name__}).",
        "Check the connection and the disk, then retry; finished files are kept.",
    )


def offline(repo: HubRepo) -> HubOfflineError:
    return HubOfflineError(
        f"{repo.repo_id} is not whole in the cache, and HF_HUB_OFFLINE forbids fetching it.",
        "Start once without HF_HUB_OFFLINE to fetch it, or choose a model that is here.",
    )


def invalid_name(repo: HubRepo) -> RepositoryNotFoundError:
    return RepositoryNotFoundError(
        f"{repo.repo_id} is neither a local folder nor a repository's name.",
        "Give owner/name, a preset's name or the path of a checkpoint folder.",
    )


def not_a_hub() -> HubUnavailableError:
    return HubUnavailableError(
        f"What answers at {constants.ENDPOINT} does not speak as a hub does.",
        "Check HF_ENDPOINT, a proxy or a network's sign-in page, then retry.",
    )


def disk_full(repo: HubRepo, num_missing: int, num_free: int, margin: int) -> DiskFullError:
    """Sizes are bytes. `margin` is to stay free."""
    short = num_missing + margin - num_free
    return DiskFullError(
        f"{repo.repo_id} needs {num_missing / 1e9:,.1f} GB more, and the disk of the Hugging Face "
        f"cache has {num_free / 1e9:,.1f} GB free. Nothing was fetched.",
        f"Free at least {max(short / 1e9, 0.1):,.1f} GB there and retry, or start with HF_HOME set "
        "to a folder on a larger disk.",
    )


def _explain_answer(error: HfHubHTTPError, repo: HubRepo, account: Account | None) -> HubError:
    """What a status and the hub's own headers mean."""
    response = error.response
    code = response.headers.get("X-Error-Code", "")
    said = f"{response.headers.get('X-Error-Message', '')} {error.server_message or ''}".lower()
    had_token = "authorization" in response.request.headers
    match response.status_code:
        case _ if code == "RevisionNotFound":
            return _revision_not_found(repo)
        case _ if code == "EntryNotFound":
            return RepositoryNotFoundError(
                f"{repo.repo_id} lacks a file that its listing names.",
                f"Look at {repo.page}/tree/{repo.revision or 'main'}; its authors may have moved "
                "it.",
            )
        case 401 if not had_token:
            return _token_missing(repo) if code == "GatedRepo" else _not_found(repo, None)
        case 401:
            return _token_rejected()
        case 403 if "fine-grained token settings" in said:
            return _token_scope(account)
        case 403 if code == "GatedRepo":
            return _not_let_in(said, repo, account)
        case 403 if "resource is disabled" in said:
            return RepositoryNotFoundError(
                f"{repo.repo_id} has been disabled on the hub.",
                f"{repo.page} may say why. Choose another model.",
            )
        case 404:
            return _not_found(repo, account)
        case 429:
            return _asked_to_wait(response)
        case status if status >= 500:
            return HubUnavailableError(
                f"The hub at {constants.ENDPOINT} is out of order: it answered {status}.",
                "Retry in a few minutes; finished files are kept.",
            )
        case status:
            return HubError(
                f"The hub refused a request for {repo.repo_id} with status {status}.",
                f"Open {repo.page} in a browser to see whether it is there for you, then retry.",
            )


def _not_let_in(said: str, repo: HubRepo, account: Account | None) -> HubError:
    who = account.name if account else "this account"
    if "awaiting a review" in said:
        return LicenseNotAcceptedError(
            f"{repo.repo_id} is gated, and the request of {who} awaits its authors' review.",
            f"Retry once they have let you in; {repo.page} shows where the request stands.",
        )
    if "rejected" in said:
        return LicenseNotAcceptedError(
            f"{repo.repo_id} is gated, and its authors have rejected the request of {who}.",
            f"Ask them at {repo.page}/discussions, or choose another model.",
        )
    if account and account.reads_gated is False:
        return _token_scope(account)
    return LicenseNotAcceptedError(
        f"{repo.repo_id} is gated, and {who} has not been let in.",
        f"Open {repo.page} as {account.name if account else 'the owner of the token'}, accept its "
        "licence, then retry.",
    )


def _token_missing(repo: HubRepo) -> TokenMissingError:
    return TokenMissingError(
        f"{repo.repo_id} is gated, and no Hugging Face token is set on this machine.",
        f"Accept its licence at {repo.page}, make a read token at {_tokens_page()}, run "
        "`hf auth login` with it on this machine and retry; or start again with HF_TOKEN set.",
    )


def _token_rejected() -> TokenRejectedError:
    way = (
        "start again with HF_TOKEN set to it"
        if os.environ.get("HF_TOKEN")
        else "run `hf auth login` with it on this machine and retry"
    )
    return TokenRejectedError(
        "The hub does not accept this machine's Hugging Face token: it is misspelt, expired or "
        "revoked.",
        f"Make a read token at {_tokens_page()} and {way}.",
    )


def _token_scope(account: Account | None) -> TokenScopeError:
    whose = f"The token of {account.name}" if account else "This machine's Hugging Face token"
    return TokenScopeError(
        f"{whose} is fine-grained and may not read gated repositories.",
        f"At {_tokens_page()} edit it, tick “Read access to contents of all public gated repos you "
        "can access”, save, then retry.",
    )


def _not_found(repo: HubRepo, account: Account | None) -> RepositoryNotFoundError:
    hidden = f"it is private and {account.name} may not see it" if account else "it is private"
    return RepositoryNotFoundError(
        f"The hub knows no {repo.kind} {repo.repo_id}, or {hidden}.",
        "Check the name. For a private one, run `hf auth login` with a token that may read it and "
        "retry; or start again with HF_TOKEN set.",
    )


def _revision_not_found(repo: HubRepo) -> RepositoryNotFoundError:
    return RepositoryNotFoundError(
        f"{repo.repo_id} has no revision {repo.revision or 'main'}.",
        f"Choose a branch, a tag or a commit that {repo.page}/commits/main lists.",
    )


def _asked_to_wait(response: httpx2.Response) -> HubUnavailableError:
    limits = parse_ratelimit_headers(response.headers)
    retry_after = response.headers.get("Retry-After", "")
    if limits is not None and limits.remaining == 0:
        seconds = limits.reset_in_seconds
    elif retry_after.strip().isdigit():
        seconds = int(retry_after)
    else:
        return HubUnavailableError(
            "The hub has had too many requests from here and asks to wait.",
            "Retry in a few minutes; finished files are kept.",
        )
    return HubUnavailableError(
        f"The hub has had too many requests from here and asks to wait {seconds} seconds.",
        f"Retry in {seconds} seconds; finished files are kept.",
    )


def _unreachable(error: Exception) -> HubUnavailableError:
    how = "did not answer in time" if isinstance(error, httpx2.TimeoutException) else None
    how = how or ("broke off" if isinstance(error, httpx2.RemoteProtocolError) else None)
    return HubUnavailableError(
        f"The hub at {constants.ENDPOINT} {how or 'cannot be reached'}.",
        "Check the connection, a proxy and HF_ENDPOINT, then retry; finished files are kept.",
    )


def _explain_file_system(error: OSError, repo: HubRepo) -> HubError:
    if error.errno in _NO_ROOM:
        return DiskFullError(
            f"The disk filled up while {repo.repo_id} was fetched.",
            "Free some room on the disk of the Hugging Face cache and retry, or start with HF_HOME "
            "set to a folder on a larger disk; finished files are kept.",
        )
    return HubError(
        f"The Hugging Face cache cannot be written to ({os.strerror(error.errno or 0)}).",
        "Give this account the right to write there and retry, or start with HF_HOME set to a "
        "folder of its own.",
    )


def _tokens_page() -> str:
    return f"{constants.ENDPOINT}/settings/tokens"


def _causes(error: BaseException) -> Iterator[BaseException]:
    """`error` and what led to it, nearest first."""
    seen: set[int] = set()
    current: BaseException | None = error
    while current is not None and id(current) not in seen:
        seen.add(id(current))
        yield current
        current = current.__cause__ or current.__context__

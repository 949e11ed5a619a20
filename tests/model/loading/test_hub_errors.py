"""Each refusal by its real cause: huggingface_hub's client, against a hub that refuses."""

from __future__ import annotations

import errno
import traceback
from collections.abc import Callable
from pathlib import Path

import pytest
from huggingface_hub import constants
from transformers import AutoConfig

from model.errors import (
    DiskFullError,
    HubError,
    HubOfflineError,
    HubUnavailableError,
    LicenseNotAcceptedError,
    RepositoryNotFoundError,
    TokenMissingError,
    TokenRejectedError,
    TokenScopeError,
)
from model.loading.hub import HubCheckpoint, access_to
from model.loading.hub_errors import HubRepo, explain
from model.loading.job import LoadJob
from tests.hub import HubServer
from tests.hub_client import HUB_DOWN, use_hub

REPO = "bigcode/starcoder"
TOKEN = "hf_thisIsTheSecretToken"


@pytest.fixture
def gated(hub: HubServer, home: Path, checkpoint: Path) -> HubServer:
    hub.add_model(REPO, checkpoint, gated="auto")
    return hub


def refusal(repo_id: str = REPO) -> HubError:
    """What a look at the repository is refused with; the quick look must say the same."""
    error = look(repo_id)
    with pytest.raises(HubError) as quick:
        access_to(repo_id)
    assert type(quick.value) is type(error)
    assert str(quick.value) == str(error)
    return error


def look(repo_id: str, revision: str | None = None) -> HubError:
    with pytest.raises(HubError) as caught:
        HubCheckpoint(repo_id, revision).describe(LoadJob(lambda progress: None))
    return caught.value


def test_a_gated_model_without_a_token_names_all_the_steps(gated: HubServer) -> None:
    error = refusal()
    assert type(error) is TokenMissingError
    assert not any("/resolve/" in request.path for request in gated.requests)
    assert error.message == f"{REPO} is gated, and no Hugging Face token is set on this machine."
    for step in (f"{gated.url}/{REPO}", f"{gated.url}/settings/tokens", "`hf auth login`"):
        assert step in error.advice
    assert "HF_TOKEN" in error.advice


def test_addresses_are_those_of_the_real_hub_unless_another_is_set() -> None:
    assert HubRepo(REPO).page == f"https://huggingface.co/{REPO}"
    assert HubRepo("bigcode/ta-prompt", kind="dataset").page.endswith("/datasets/bigcode/ta-prompt")


def test_a_token_that_the_hub_does_not_know_is_told_apart_from_a_missing_model(
    gated: HubServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    error = refusal()
    assert type(error) is TokenRejectedError
    assert "misspelt, expired or revoked" in error.message
    assert f"{gated.url}/settings/tokens" in error.advice
    assert "start again with HF_TOKEN set to it" in error.advice


def test_a_rejected_token_of_hf_auth_login_is_replaced_without_a_restart(
    gated: HubServer, home: Path
) -> None:
    home.mkdir()
    (home / "token").write_text(TOKEN)
    assert "run `hf auth login` with it on this machine and retry" in refusal().advice
    gated.add_account("hf_new", "alice", granted={REPO})
    (home / "token").write_text("hf_new")
    described = HubCheckpoint(REPO).describe(LoadJob(lambda progress: None))
    assert described.account == "alice"


def test_a_token_revoked_between_the_look_and_the_download_is_named(
    gated: HubServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    gated.add_account(TOKEN, "alice", granted={REPO})
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    checkpoint = HubCheckpoint(REPO)
    checkpoint.describe(LoadJob(lambda progress: None))
    gated.revoke(TOKEN)
    with pytest.raises(TokenRejectedError, match="revoked"):
        checkpoint.fetch(LoadJob(lambda progress: None))


@pytest.mark.parametrize("token", ["hf_s\xe9cret", "hf_s\0cret"])
def test_a_token_that_cannot_be_sent_at_all_is_rejected_and_not_shown(
    gated: HubServer, home: Path, token: str
) -> None:
    home.mkdir()
    (home / "token").write_text(token)
    error = refusal()
    assert type(error) is TokenRejectedError
    shown = "".join(traceback.format_exception(error))
    assert "hf_s" not in shown
    assert "cret" not in shown


def test_a_fine_grained_token_without_the_permission_is_told_which_box_to_tick(
    gated: HubServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    gated.add_account(TOKEN, "alice", granted={REPO}, reads_gated=False)
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    error = refusal()
    assert type(error) is TokenScopeError
    assert error.message == (
        "The token of alice is fine-grained and may not read gated repositories."
    )
    assert "Read access to contents of all public gated repos you can access" in error.advice


@pytest.mark.parametrize(
    ("standing", "message", "advice"),
    [
        ({}, "alice has not been let in", "accept its licence, then retry"),
        ({"pending": {REPO}}, "request of alice awaits its authors' review", "Retry once"),
        ({"rejected": {REPO}}, "rejected the request of alice", "Ask them at"),
    ],
)
def test_an_account_that_is_not_let_in_is_told_where_it_stands(
    gated: HubServer,
    monkeypatch: pytest.MonkeyPatch,
    standing: dict[str, set[str]],
    message: str,
    advice: str,
) -> None:
    gated.add_account(TOKEN, "alice", **standing)
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    error = refusal()
    assert type(error) is LicenseNotAcceptedError
    assert message in error.message
    assert advice in error.advice
    assert f"{gated.url}/{REPO}" in error.advice


def test_an_unknown_model_may_be_misspelt_or_private(
    hub: HubServer, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    error = refusal("bigcode/starcodr")
    assert type(error) is RepositoryNotFoundError
    assert error.message == "The hub knows no model bigcode/starcodr, or it is private."
    hub.add_account(TOKEN, "alice")
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    error = refusal("bigcode/starcodr")
    assert type(error) is RepositoryNotFoundError
    assert "or it is private and alice may not see it" in error.message


def test_a_private_model_is_hidden_from_strangers(
    hub: HubServer, home: Path, checkpoint: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub.add_model(REPO, checkpoint, is_private=True)
    assert type(refusal()) is RepositoryNotFoundError
    hub.add_account(TOKEN, "alice", granted={REPO})
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    access_to(REPO)


def test_a_revision_that_is_not_there_is_named(
    hub: HubServer, home: Path, checkpoint: Path
) -> None:
    hub.add_model(REPO, checkpoint)
    error = look(REPO, "v9")
    assert type(error) is RepositoryNotFoundError
    assert error.message == f"{REPO} has no revision v9."
    assert f"{hub.url}/{REPO}/commits/main" in error.advice


def test_offline_says_so_and_asks_nobody(
    hub: HubServer, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    error = refusal()
    assert type(error) is HubOfflineError
    assert "HF_HUB_OFFLINE" in error.message
    assert hub.requests == []


@pytest.mark.timeout(10)
def test_a_hub_that_nobody_answers_for_is_given_up_in_seconds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_hub(monkeypatch, HUB_DOWN, tmp_path, token=TOKEN)
    error = refusal()
    assert type(error) is HubUnavailableError
    assert error.message == f"The hub at {HUB_DOWN} cannot be reached."
    assert "retry" in error.advice


@pytest.mark.parametrize("status", [500, 502, 503])
def test_a_hub_that_is_down_is_told_apart_from_a_refusal(
    hub: HubServer, home: Path, status: int
) -> None:
    hub.fail("/api/", status, message="Internal Error - We're working hard to fix this")
    error = refusal()
    assert type(error) is HubUnavailableError
    assert error.message == f"The hub at {hub.url} is out of order: it answered {status}."


@pytest.mark.parametrize(
    ("headers", "wait"),
    [
        ({"Retry-After": "120"}, "120 seconds"),
        ({"RateLimit": '"api";r=0;t=55', "Retry-After": "9"}, "55 seconds"),
        ({"RateLimit": '"api";r=3;t=55'}, "a few minutes"),
        ({}, "a few minutes"),
    ],
)
def test_too_many_requests_say_how_long_to_wait(
    hub: HubServer, home: Path, headers: dict[str, str], wait: str
) -> None:
    hub.fail("/api/", 429, headers=headers)
    error = refusal()
    assert type(error) is HubUnavailableError
    assert "asks to wait" in error.message
    assert error.advice.startswith(f"Retry in {wait}")


def test_what_is_no_hub_is_found_out(hub: HubServer, home: Path) -> None:
    hub.answer_with("/api/", b"<html>Please sign in to this network</html>")
    error = look(REPO)
    assert type(error) is HubUnavailableError
    assert "does not speak as a hub does" in error.message


def test_a_disabled_model_says_so(hub: HubServer, home: Path) -> None:
    hub.fail("/api/", 403, message="Access to this resource is disabled.")
    assert "has been disabled on the hub" in refusal().message


def test_any_other_refusal_keeps_its_status(hub: HubServer, home: Path) -> None:
    hub.fail("/api/", 451, message="Unavailable for legal reasons")
    assert "with status 451" in refusal().message


@pytest.mark.parametrize("name", ["a/b/c", "../secret", "white space", "", "-x"])
def test_a_name_that_no_repository_can_have_asks_nobody(
    hub: HubServer, home: Path, name: str
) -> None:
    error = refusal(name)
    assert type(error) is RepositoryNotFoundError
    assert "neither a local folder nor a repository's name" in error.message
    assert hub.requests == []


def test_a_hub_that_does_not_tell_whose_the_token_is_still_serves(
    gated: HubServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    gated.add_account(TOKEN, "alice", granted={REPO})
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    gated.fail("/api/whoami-v2", 429, headers={"Retry-After": "3600"})
    described = HubCheckpoint(REPO).describe(LoadJob(lambda progress: None))
    assert described.account is None


def test_no_refusal_ever_holds_the_token(
    gated: HubServer, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    situations: list[Callable[[], None]] = [
        lambda: None,
        lambda: gated.add_account(TOKEN, "alice"),
        lambda: gated.add_account(TOKEN, "alice", pending={REPO}),
        lambda: gated.add_account(TOKEN, "alice", reads_gated=False),
        lambda: gated.fail("/api/models", 503, times=2),
        lambda: gated.fail("/api/", 429),
        lambda: monkeypatch.setattr(constants, "ENDPOINT", HUB_DOWN),
    ]
    for prepare in situations:
        prepare()
        error = look(REPO)
        assert TOKEN not in "".join(traceback.format_exception(error))
    assert TOKEN not in caplog.text
    assert any(request.had_token for request in gated.requests)
    assert not any(TOKEN in request.path for request in gated.requests)


def test_what_transformers_wraps_is_explained_by_its_cause(gated: HubServer) -> None:
    with pytest.raises(OSError, match="gated repo") as caught:
        AutoConfig.from_pretrained(REPO)
    assert not isinstance(caught.value, HubError)
    assert type(explain(caught.value, HubRepo(REPO))) is TokenMissingError


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_a_disk_without_room_is_a_full_disk(number: int) -> None:
    assert type(explain(OSError(number, "no room"), HubRepo(REPO))) is DiskFullError


def test_a_cache_that_may_not_be_written_to_says_so() -> None:
    error = explain(PermissionError(errno.EACCES, "denied", "/secret/path"), HubRepo(REPO))
    assert "cannot be written to (Permission denied)" in error.message
    assert "/secret/path" not in str(error)

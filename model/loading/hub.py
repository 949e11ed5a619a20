"""Checkpoints and single files from a hub: looked at first, then fetched into its library's cache.

The account is that of `HF_TOKEN` or of `hf auth login`; huggingface_hub reads the token for each
request, so after `hf auth login` a retry needs no restart. The token itself is never in our hands.
"""

from __future__ import annotations

import logging
import shutil
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

from huggingface_hub import HfApi, constants, get_session, try_to_load_from_cache
from huggingface_hub.errors import HfHubHTTPError
from huggingface_hub.utils import build_hf_headers, hf_raise_for_status, validate_repo_id

from model.engine.base import LoadProgress
from model.errors import HubError, HubOfflineError, HubUnavailableError
from model.licenses import License
from model.loading.card import license_of, read_license
from model.loading.hub_download import POLL_SECONDS, TIMEOUT, HubDownload
from model.loading.hub_errors import (
    Account,
    HubRepo,
    disk_full,
    hub_errors,
    not_a_hub,
    offline,
)
from model.loading.hub_files import (
    CARD,
    CachedRepo,
    HubFile,
    choose_files,
    is_text,
    plan_files,
)
from model.loading.job import LoadJob

logger = logging.getLogger(__name__)

# Left free on the disk: for what the system, logs and other programs write meanwhile.
DISK_MARGIN = 500_000_000

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Description:
    """What is known of a checkpoint before any of its weights are here.

    Attributes:
        config_folder: with config.json and, where the repository has them, the weights' index and
            generation_config.json; the whole checkpoint where nothing is missing.
        num_missing_bytes: to download; 0 where the checkpoint is whole in the cache.
        account: whom the token belongs to; None without a token, and where nothing was asked.
        license: None where the repository names none.
    """

    config_folder: Path
    num_missing_bytes: int
    account: str | None = None
    license: License | None = None


@dataclass(frozen=True, slots=True)
class _Survey:
    """What the hub said.

    Attributes:
        files: of the commit; at first all, later those that are wanted.
        is_closed: gated or private.
    """

    commit: str
    files: tuple[HubFile, ...]
    account: Account | None
    license: License | None
    is_closed: bool


class HubCheckpoint:
    """A model repository at a revision; None is what its main branch is when it is fetched.

    A whole snapshot in the cache is used as it is, without any request.
    """

    def __init__(self, repo_id: str, revision: str | None = None) -> None:
        self.repo = HubRepo(repo_id, revision)
        self._survey: _Survey | None = None

    def describe(self, job: LoadJob) -> Description:
        """Everything before the first byte of weights: access, sizes, room, the config.

        Raises:
            HubError: with the next step.
            CheckpointError: the repository holds no weights that are ever read.
            LoadCancelledError: `job` was called off.
        """
        cached = _cached_checkpoint(self.repo)
        if cached is not None:
            return Description(cached, 0, license=read_license(cached, self.repo.page))
        stage = f"asking the hub about {self.repo.repo_id}"
        job.report(LoadProgress(stage))
        survey = _watched(job, lambda: _survey(self.repo))
        here = CachedRepo(self.repo)
        folder = here.snapshot(survey.commit)
        config_files = plan_files(survey.files)
        _check_room(self.repo, here.num_bytes_missing(survey.commit, config_files))
        self._download(survey, config_files, config_files, job, stage)
        files = tuple(choose_files(self.repo, survey.files, folder))
        num_missing = here.num_bytes_missing(survey.commit, files)
        _check_room(self.repo, num_missing)
        self._survey = replace(survey, files=files)
        account = survey.account.name if survey.account else None
        return Description(folder, num_missing, account, survey.license)

    def fetch(self, job: LoadJob) -> Path:
        """The folder of the whole checkpoint, once what was missing is downloaded.

        Raises: as `describe`.
        """
        cached = _cached_checkpoint(self.repo)
        if cached is not None:
            return cached
        if self._survey is None:
            self.describe(job)
        survey = self._survey
        assert survey is not None
        stage = f"downloading {self.repo.repo_id}"
        # Weights last: where they are, nothing else lacks.
        texts = [file for file in survey.files if not file.name.endswith(".safetensors")]
        weights = [file for file in survey.files if file not in texts]
        for files in (texts, weights):
            self._download(survey, files, survey.files, job, stage)
        with hub_errors(self.repo):
            CachedRepo(self.repo).remember(survey.commit)
        # Access may change until somebody asks again.
        self._survey = None
        return CachedRepo(self.repo).snapshot(survey.commit)

    def fetch_texts(self, job: LoadJob) -> Path:
        """A folder with the checkpoint's config and tokenizer, and no weights that were not there
        before.

        What an earlier call fetched serves where the hub cannot be asked.

        Raises: as `describe`.
        """
        here = CachedRepo(self.repo)
        try:
            cached = _cached_checkpoint(self.repo)
            if cached is not None:
                return cached
            stage = f"asking the hub about {self.repo.repo_id}"
            job.report(LoadProgress(stage))
            survey = _watched(job, lambda: _survey(self.repo))
        except (HubUnavailableError, HubOfflineError):
            folder = here.texts()
            if folder is None:
                raise
            return folder
        files = tuple(file for file in survey.files if is_text(file.name) or file.name == CARD)
        _check_room(self.repo, here.num_bytes_missing(survey.commit, files))
        self._download(
            survey, files, files, job, f"downloading the tokenizer of {self.repo.repo_id}"
        )
        with hub_errors(self.repo):
            here.remember(survey.commit)
        return here.snapshot(survey.commit)

    def _download(
        self,
        survey: _Survey,
        files: Sequence[HubFile],
        whole: Sequence[HubFile],
        job: LoadJob,
        stage: str,
    ) -> None:
        """Bring `files` here and report progress on all that `whole` holds."""
        here = CachedRepo(self.repo)
        total = sum(file.num_bytes for file in whole)
        num_here = total - here.num_bytes_missing(survey.commit, whole)
        download = HubDownload(self.repo, survey.commit, survey.account, num_here, total)
        download.run(files, job, stage)


def is_cached(repo_id: str, revision: str | None = None) -> bool:
    """A load would make no request. Neither does this."""
    try:
        return _cached_checkpoint(HubRepo(repo_id, revision)) is not None
    except HubError:
        return False


def access_to(repo_id: str, revision: str | None = None) -> None:
    """Return if this machine could load `repo_id` now: from the cache, or as its account may.

    One request, or two where access is refused and there is a token to explain it by. `revision`
    is looked for in the cache only.

    Raises:
        HubError: why not, as `HubCheckpoint.describe` would.
    """
    repo = HubRepo(repo_id, revision)
    if _cached_checkpoint(repo) is not None:
        return
    with hub_errors(repo):
        try:
            _check_access(repo)
        except HfHubHTTPError as error:
            if error.response.status_code not in (403, 404):
                raise
            with hub_errors(repo, _account()):
                raise


def fetch_dataset_file(repo_id: str, filename: str, revision: str, job: LoadJob) -> Path:
    """One file of a dataset's repository at a commit, from the cache or downloaded into it.

    Args:
        revision: the commit's full hash, so that what lies in the cache never changes.

    Raises:
        HubError: with the next step.
        LoadCancelledError: `job` was called off.
    """
    repo = HubRepo(repo_id, revision, "dataset")
    with hub_errors(repo):
        validate_repo_id(repo_id)
        cached = try_to_load_from_cache(repo_id, filename, revision=revision, repo_type="dataset")
    if isinstance(cached, str):
        return Path(cached)
    if constants.is_offline_mode():
        raise offline(repo)
    survey = _watched(job, lambda: _list_files(repo, None))
    files = [file for file in survey.files if file.name == filename]
    if not files:
        raise HubError(
            f"{repo_id} has no file {filename} at {revision[:7]}.",
            f"Look at {repo.page}/tree/{revision}.",
        )
    _check_room(repo, files[0].num_bytes)
    HubDownload(repo, survey.commit, None, 0, files[0].num_bytes).run(
        files, job, f"downloading {filename} of {repo_id}"
    )
    return CachedRepo(repo).snapshot(survey.commit) / filename


def _cached_checkpoint(repo: HubRepo) -> Path | None:
    """The whole checkpoint in the cache.

    Raises:
        HubError: it is not there and may not be asked for, or the name is none.
    """
    with hub_errors(repo):
        validate_repo_id(repo.repo_id)
        folder = CachedRepo(repo).whole_checkpoint()
    if folder is None and constants.is_offline_mode():
        raise offline(repo)
    return folder


def _survey(repo: HubRepo) -> _Survey:
    """Who asks, what there is, and whether they may have it: at most three requests."""
    with hub_errors(repo):
        account = _account()
    survey = _list_files(repo, account)
    if survey.is_closed:
        with hub_errors(repo, account):
            _check_access(repo)
    return survey


def _list_files(repo: HubRepo, account: Account | None) -> _Survey:
    """The commit of the revision and its files; the hub tells these of gated ones to all."""
    with hub_errors(repo, account):
        ask = HfApi().model_info if repo.kind == "model" else HfApi().dataset_info
        try:
            info = ask(repo.repo_id, revision=repo.revision, files_metadata=True, timeout=TIMEOUT)
            files = tuple(
                HubFile(
                    sibling.rfilename,
                    sibling.size or 0,
                    sibling.lfs.sha256 if sibling.lfs else None,
                )
                for sibling in info.siblings
            )
            card = info.card_data.to_dict() if info.card_data else {}
        except (KeyError, TypeError, AttributeError) as error:
            raise not_a_hub() from error
        if not info.sha:
            raise not_a_hub()
    is_closed = bool(info.gated or info.private)
    return _Survey(info.sha, files, account, license_of(card, repo.page), is_closed)


def _check_access(repo: HubRepo) -> None:
    """As `HfApi.auth_check` (`hf_api.py:12116`), which waits without a limit."""
    _get(f"/api/{repo.kind}s/{repo.repo_id}/auth-check")


def _account() -> Account | None:
    """As `HfApi.whoami` (`hf_api.py:2260`), which waits without a limit. None without a token."""
    if "authorization" not in build_hf_headers():
        return None
    try:
        told = _get("/api/whoami-v2").json()
    except HfHubHTTPError as error:
        # It is limited more strictly than the rest, and only a rejected token matters.
        if error.response.status_code == 401:
            raise
        logger.warning("the hub does not tell whose token is used: %s", type(error).__name__)
        return None
    try:
        fine_grained = ((told.get("auth") or {}).get("accessToken") or {}).get("fineGrained")
        reads_gated = fine_grained.get("canReadGatedRepos") if fine_grained else None
        return Account(str(told["name"]), reads_gated)
    except (KeyError, TypeError, AttributeError) as error:
        raise not_a_hub() from error


def _get(path: str) -> Any:
    response = get_session().get(
        f"{constants.ENDPOINT}{path}", headers=build_hf_headers(), timeout=TIMEOUT
    )
    hf_raise_for_status(response)
    return response


def _check_room(repo: HubRepo, num_missing: int) -> None:
    """
    Raises:
        DiskFullError: with the figures.
    """
    num_free = shutil.disk_usage(CachedRepo(repo).nearest_folder()).free
    if num_missing and num_missing + DISK_MARGIN > num_free:
        raise disk_full(repo, num_missing, num_free, DISK_MARGIN)


def _watched(job: LoadJob, ask: Callable[[], T]) -> T:
    """What `ask` returns or raises, or at once a `LoadCancelledError` when `job` is called off."""
    outcome: list[T] = []
    failure: list[Exception] = []

    def work() -> None:
        try:
            outcome.append(ask())
        except Exception as error:  # noqa: BLE001 a thread's border: raised below
            failure.append(error)

    # A daemon, for the reason that the download's threads are.
    thread = threading.Thread(target=work, name="hub-request", daemon=True)
    thread.start()
    while thread.is_alive():
        job.check()
        thread.join(POLL_SECONDS)
    job.check()
    if failure:
        raise failure[0]
    return outcome[0]

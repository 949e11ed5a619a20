"""Downloads: progress, calling off, lines that break, disks that fill."""

from __future__ import annotations

import re
import resource
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from model.engine.base import LoadProgress
from model.errors import (
    DiskFullError,
    HubError,
    HubUnavailableError,
    LoadCancelledError,
    TokenRejectedError,
)
from model.loading import hub_download
from model.loading.hub import HubCheckpoint
from model.loading.hub_download import describe_transfer
from model.loading.hub_errors import HubRepo
from model.loading.hub_files import CachedRepo
from model.loading.job import LoadJob
from tests.hub import HubServer
from tests.hub_repos import StoredFile

REPO = "bigcode/starcoder"
FIRST, SECOND = "model-a.safetensors", "model-b.safetensors"
PATIENCE_SECONDS = 10


def quiet() -> LoadJob:
    return LoadJob(lambda progress: None)


@pytest.fixture
def served(hub: HubServer, home: Path, checkpoint: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder that the hub serves."""
    hub.add_model(REPO, checkpoint)
    monkeypatch.setattr(hub_download, "RETRY_SECONDS", 0.01)
    return checkpoint


def assert_whole(fetched: Path, served: Path) -> None:
    for file in served.iterdir():
        assert (fetched / file.name).read_bytes() == file.read_bytes(), file.name


@contextmanager
def fetching(job: LoadJob) -> Iterator[Callable[[], Exception | Path]]:
    """A fetch on a thread; what is yielded waits for its end."""
    outcome: list[Exception | Path] = []

    def work() -> None:
        try:
            outcome.append(HubCheckpoint(REPO).fetch(job))
        except HubError as error:
            outcome.append(error)
        except LoadCancelledError as error:
            outcome.append(error)

    thread = threading.Thread(target=work)
    thread.start()

    def wait() -> Exception | Path:
        thread.join(PATIENCE_SECONDS)
        return outcome[0]

    yield wait
    thread.join(PATIENCE_SECONDS)


def watching(served: Path, num_bytes_held_back: int) -> tuple[LoadJob, threading.Event]:
    """A job, and what is set once all else has arrived."""
    total = sum(file.stat().st_size for file in served.iterdir())
    arrived = threading.Event()

    def report(progress: LoadProgress) -> None:
        is_download = progress.stage.startswith("downloading")
        if is_download and round((progress.fraction or 0) * total) >= total - num_bytes_held_back:
            arrived.set()

    return LoadJob(report), arrived


def test_bytes_are_reported_and_only_grow(hub: HubServer, served: Path) -> None:
    seen: list[LoadProgress] = []
    hub.throttle(FIRST, bytes_per_second=400_000)
    assert_whole(HubCheckpoint(REPO).fetch(LoadJob(seen.append)), served)
    seen = [progress for progress in seen if progress.stage == f"downloading {REPO}"]
    fractions = [progress.fraction or 0.0 for progress in seen]
    assert fractions == sorted(fractions)
    assert fractions[-1] == 1.0
    # In small steps, not a file at a time.
    assert len(set(fractions)) >= 5
    assert seen[-1].detail.startswith("505.")
    assert re.fullmatch(r"[\d.]+ of 505.\d\d kB · [\d.]+ [kM]B/s · \d+ s left", seen[-2].detail)


def test_figures_are_in_units_that_suit_the_whole() -> None:
    assert describe_transfer(1_230_000_000, 31_000_000_000, 85e6) == (
        "1.23 of 31.00 GB · 85.0 MB/s · 6 min left"
    )
    assert describe_transfer(0, 2_000_000, 0) == "0.00 of 2.00 MB"
    assert describe_transfer(0, 70_000_000_000, 4e6) == "0.00 of 70.00 GB · 4.0 MB/s · 4.9 h left"


def test_files_come_several_at_a_time(hub: HubServer, served: Path) -> None:
    stalls = [hub.stall(FIRST), hub.stall(SECOND)]
    with fetching(quiet()) as wait:
        for stall in stalls:
            assert stall.reached.wait(PATIENCE_SECONDS)
        for stall in stalls:
            stall.release()
        assert isinstance(wait(), Path)


def test_a_download_is_called_off_within_a_second_even_where_nothing_arrives(
    hub: HubServer, served: Path
) -> None:
    stall = hub.stall(FIRST, after=100_000)
    job, arrived = watching(served, num_bytes_held_back=200_000)
    with fetching(job) as wait:
        assert stall.reached.wait(PATIENCE_SECONDS)
        assert arrived.wait(PATIENCE_SECONDS)
        started = time.monotonic()
        job.cancel()
        outcome = wait()
        assert time.monotonic() - started < 1
    assert isinstance(outcome, LoadCancelledError)
    assert outcome.advice == (
        "Finished files are kept. Retry goes on with model-a.safetensors after 100.00 of 300.00 kB."
    )


def test_after_a_cancel_only_what_is_missing_is_fetched(hub: HubServer, served: Path) -> None:
    stall = hub.stall(FIRST, after=100_000)
    job, arrived = watching(served, num_bytes_held_back=200_000)
    with fetching(job) as wait:
        assert stall.reached.wait(PATIENCE_SECONDS)
        assert arrived.wait(PATIENCE_SECONDS)
        job.cancel()
        assert isinstance(wait(), LoadCancelledError)
    hub.requests.clear()
    checkpoint = HubCheckpoint(REPO)
    assert checkpoint.describe(quiet()).num_missing_bytes == 200_000
    assert_whole(checkpoint.fetch(quiet()), served)
    bodies = [r for r in hub.requests if r.method == "GET" and r.status in (200, 206)]
    files = [(r.host, r.byte_range) for r in bodies if "/api/" not in r.path]
    assert files == [("cdn", "bytes=100000-")]
    stall.release()


def test_a_look_is_called_off_within_a_second_where_the_hub_does_not_answer(
    hub: HubServer, served: Path
) -> None:
    stall = hub.stall(f"/api/models/{REPO}")
    job = quiet()
    with fetching(job) as wait:
        assert stall.reached.wait(PATIENCE_SECONDS)
        started = time.monotonic()
        job.cancel()
        assert isinstance(wait(), LoadCancelledError)
        assert time.monotonic() - started < 1


def test_a_line_that_breaks_once_is_taken_up_where_it_broke(hub: HubServer, served: Path) -> None:
    hub.cut(FIRST, after=150_000)
    assert_whole(HubCheckpoint(REPO).fetch(quiet()), served)
    ranges = [r.byte_range for r in hub.requested(FIRST) if r.host == "cdn"]
    assert ranges == [None, "bytes=150000-"]


def test_a_server_that_knows_no_ranges_sends_the_file_again(hub: HubServer, served: Path) -> None:
    hub.ignores_ranges = True
    hub.cut(FIRST, after=150_000)
    seen: list[LoadProgress] = []
    assert_whole(HubCheckpoint(REPO).fetch(LoadJob(seen.append)), served)
    assert seen[-1].fraction == 1.0


def test_a_line_that_stays_broken_says_what_is_kept_and_retry_goes_on_there(
    hub: HubServer, served: Path
) -> None:
    hub.cut(FIRST, after=150_000)
    hub.cut(FIRST, after=0, times=None)
    checkpoint = HubCheckpoint(REPO)
    with pytest.raises(HubUnavailableError, match="broke off") as caught:
        checkpoint.fetch(quiet())
    assert "Retry goes on with model-a.safetensors after 150.00 of 300.00 kB" in caught.value.advice
    hub.heal()
    hub.requests.clear()
    assert_whole(checkpoint.fetch(quiet()), served)
    assert [r.byte_range for r in hub.requested(FIRST) if r.host == "cdn"] == ["bytes=150000-"]


def test_a_server_error_that_passes_is_got_over(hub: HubServer, served: Path) -> None:
    sha256 = StoredFile(served / FIRST).sha256
    hub.fail(f"/{sha256}/", 502, times=2)
    hub.fail("/resolve/", 503, times=2)
    assert_whole(HubCheckpoint(REPO).fetch(quiet()), served)


def test_a_token_that_is_revoked_while_files_come_is_named(
    hub: HubServer, home: Path, checkpoint: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub.add_model(REPO, checkpoint, gated="auto")
    hub.add_account("hf_alice", "alice", granted={REPO})
    monkeypatch.setenv("HF_TOKEN", "hf_alice")
    hub.after("/resolve/", lambda: hub.revoke("hf_alice"))
    with pytest.raises(TokenRejectedError):
        HubCheckpoint(REPO).fetch(quiet())


def test_a_file_that_arrives_damaged_is_not_used(hub: HubServer, served: Path) -> None:
    stored = StoredFile(served / FIRST)
    partial = CachedRepo(HubRepo(REPO)).partial(stored.sha256)
    partial.parent.mkdir(parents=True)
    partial.write_bytes(b"damaged" * 1000)
    checkpoint = HubCheckpoint(REPO)
    with pytest.raises(HubError, match=r"model-a\.safetensors of .* arrived damaged"):
        checkpoint.fetch(quiet())
    assert_whole(checkpoint.fetch(quiet()), served)


def test_a_disk_without_room_is_found_before_anything_is_fetched(
    hub: HubServer, served: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    free = shutil.disk_usage("/")._replace(free=500_300_000)
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: free)
    with pytest.raises(DiskFullError, match=r"needs 0\.0 GB more, .* has 0\.5 GB free") as caught:
        HubCheckpoint(REPO).describe(quiet())
    assert "Free at least 0.1 GB" in caught.value.advice
    assert not [request for request in hub.requests if request.path.endswith(".safetensors")]


def test_a_disk_that_fills_up_is_told_and_what_arrived_is_kept(
    hub: HubServer, served: Path
) -> None:
    checkpoint = HubCheckpoint(REPO)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    # The system refuses further bytes, as it does on a full disk.
    resource.setrlimit(resource.RLIMIT_FSIZE, (250_000, limits[1]))
    try:
        with pytest.raises(DiskFullError, match="disk filled up") as caught:
            checkpoint.fetch(quiet())
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert "Retry goes on with model-a.safetensors after 250.00 of 300.00 kB" in caught.value.advice
    assert_whole(checkpoint.fetch(quiet()), served)


def test_two_downloads_of_the_same_model_do_not_disturb_each_other(
    hub: HubServer, served: Path
) -> None:
    hub.throttle(FIRST, bytes_per_second=1_000_000)
    with fetching(quiet()) as first, fetching(quiet()) as second:
        for wait in (first, second):
            fetched = wait()
            assert isinstance(fetched, Path)
            assert_whole(fetched, served)


def test_the_host_that_hands_out_large_files_never_sees_the_token(
    hub: HubServer, home: Path, checkpoint: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub.add_model(REPO, checkpoint, gated="auto")
    hub.add_account("hf_alice", "alice", granted={REPO})
    monkeypatch.setenv("HF_TOKEN", "hf_alice")
    HubCheckpoint(REPO).fetch(quiet())
    hosts = {(request.host, request.had_token) for request in hub.requests}
    assert hosts == {("hub", True), ("cdn", False)}

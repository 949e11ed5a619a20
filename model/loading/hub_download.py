"""Several files at a time from the hub into huggingface_hub's cache, byte by byte in our hands.

Requests, their headers and errors are huggingface_hub's, and so is the cache. Its own download
loop is not used: it hands on 10 MiB at a time (`constants.py:40`), so on a slow line it can be
neither followed nor called off for minutes, and it deletes what it has when it fails
(`file_download.py:2046`). Here a file grows under one name, goes on where it was cut, and is held
against the SHA-256 that the hub lists.
"""

from __future__ import annotations

import hashlib
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

import httpx2
from huggingface_hub import get_hf_file_metadata, get_session, hf_hub_download, hf_hub_url
from huggingface_hub.errors import HfHubHTTPError
from huggingface_hub.utils import build_hf_headers, hf_raise_for_status

from model.engine.base import LoadProgress
from model.errors import HubError, LoadCancelledError, PlaygroundError
from model.loading.hub_errors import Account, HubRepo, hub_errors, not_a_hub
from model.loading.hub_files import CachedRepo, HubFile, is_safe_etag
from model.loading.job import LoadJob

NUM_AT_ONCE = 4
POLL_SECONDS = 0.2
TIMEOUT = httpx2.Timeout(10.0, connect=5.0)
# A connection that is cut is taken up again; so often without a single new byte between.
NUM_ATTEMPTS = 4
RETRY_SECONDS = 1.0
SPEED_WINDOW_SECONDS = 5.0
_BLOCK = 1 << 20

T = TypeVar("T")


class _StoppedError(Exception):
    """This download is over: called off, or another of its files failed."""


class HubDownload:
    """Brings files of one commit into the cache and reports their bytes. Use it once.

    Args:
        num_bytes_here: of the whole that the progress is of, what was in the cache before.
        total: bytes, of the whole.
    """

    def __init__(
        self,
        repo: HubRepo,
        commit: str,
        account: Account | None,
        num_bytes_here: int,
        total: int,
    ) -> None:
        self._repo = repo
        self._commit = commit
        self._account = account
        self._cached = CachedRepo(repo)
        self._meter = _Meter(num_bytes_here, total)
        self._queue: deque[HubFile] = deque()
        self._under_way: dict[str, _GrowingFile] = {}
        self._failure: Exception | None = None
        self._stop = threading.Event()

    def run(self, files: Sequence[HubFile], job: LoadJob, stage: str) -> None:
        """Fetch `files`; returns when all are in the snapshot. Reports `stage` on this thread.

        Raises:
            LoadCancelledError: `job` was called off; at most `POLL_SECONDS` ago.
            HubError: with what was kept in its advice.
        """
        self._queue.extend(files)
        # Daemons, because a read of a stalled connection ends only with its time-out, and neither
        # who cancelled nor the interpreter's end should wait for it.
        threads = [
            threading.Thread(target=self._work, name=f"hub-download-{n}", daemon=True)
            for n in range(min(NUM_AT_ONCE, len(files)))
        ]
        for thread in threads:
            thread.start()
        try:
            while self._failure is None and (alive := [t for t in threads if t.is_alive()]):
                job.report(self._meter.progress(stage))
                alive[0].join(POLL_SECONDS)
            job.report(self._meter.progress(stage))
        except LoadCancelledError as error:
            raise LoadCancelledError(error.message, self._what_is_kept()) from None
        finally:
            self._stop.set()
        if self._failure is not None:
            self._raise(self._failure)

    def _raise(self, failure: Exception) -> None:
        try:
            with hub_errors(self._repo, self._account):
                raise failure
        except HubError as error:
            if not isinstance(failure, PlaygroundError):
                error.advice = f"{error.advice} {self._what_is_under_way()}".strip()
            raise

    def _what_is_kept(self) -> str:
        return f"Finished files are kept. {self._what_is_under_way()}".strip()

    def _what_is_under_way(self) -> str:
        begun = [file for file in self._under_way.values() if file.position]
        if not begun:
            return ""
        first = max(begun, key=lambda file: file.position)
        more = f", and {len(begun) - 1} more where they are" if len(begun) > 1 else ""
        return (
            f"Retry goes on with {first.name} after {format_bytes(first.position, first.size)}"
            f"{more}."
        )

    def _work(self) -> None:
        """One thread: file after file until none is left or one failed."""
        while not self._stop.is_set():
            try:
                file = self._queue.popleft()
            except IndexError:
                return
            try:
                self._fetch(file)
            except _StoppedError:
                return
            except Exception as error:  # noqa: BLE001 a thread's border: `run` raises it
                self._failure = self._failure or error
                self._stop.set()
                return

    def _fetch(self, file: HubFile) -> None:
        address = {
            "repo_id": self._repo.repo_id,
            "filename": file.name,
            "repo_type": self._repo.kind,
            "revision": self._commit,
        }
        if not (self._cached.snapshot(self._commit) / file.name).is_file():
            url = hf_hub_url(**address)
            metadata = self._persist(lambda: get_hf_file_metadata(url, timeout=TIMEOUT))
            if not is_safe_etag(metadata.etag) or metadata.commit_hash is None:
                raise not_a_hub()
            blob = self._cached.blob(metadata.etag)
            if not blob.exists():
                self._grow(file, url, self._cached.partial(metadata.etag), blob)
        # Links it into the snapshot; the bytes are there.
        hf_hub_download(**address)

    def _grow(self, file: HubFile, url: str, partial: Path, blob: Path) -> None:
        blob.parent.mkdir(parents=True, exist_ok=True)
        with _GrowingFile(file, partial, self._check) as growing:
            self._under_way[file.name] = growing
            if file.sha256 is None:
                # The survey did not count what there is of a file without a hash.
                self._meter.add(growing.position)
            if growing.position < growing.size:
                self._persist(lambda: self._stream(growing, url), lambda: growing.position)
        if not growing.is_sound:
            partial.unlink(missing_ok=True)
            self._meter.add(-growing.position)
            growing.position = 0
            raise HubError(
                f"{file.name} of {self._repo.repo_id} arrived damaged: it is not what the hub "
                "lists.",
                "Retry fetches it again; if that fails too, look for a proxy that changes files.",
            )
        try:
            partial.replace(blob)
        except FileNotFoundError:
            # Another process was faster with the same bytes under the same name.
            if not blob.exists():
                raise
        del self._under_way[file.name]

    def _persist(self, step: Callable[[], T], num_bytes: Callable[[], int] = lambda: 0) -> T:
        """What `step` returns, tried again where what stops it may pass.

        Args:
            num_bytes: what there is; an attempt that added to it was no failure.
        """
        num_failed = 0
        while True:
            before = num_bytes()
            try:
                return step()
            except (httpx2.TransportError, HfHubHTTPError) as error:
                num_failed = 1 if num_bytes() > before else num_failed + 1
                if num_failed >= NUM_ATTEMPTS or not _may_pass(error):
                    raise
                self._stop.wait(RETRY_SECONDS)
                self._check()

    def _stream(self, growing: _GrowingFile, url: str) -> None:
        headers = build_hf_headers(headers={"Accept-Encoding": "identity"})
        start = growing.position
        if start:
            headers["Range"] = f"bytes={start}-"
        session = get_session()
        with session.stream("GET", url, headers=headers, timeout=TIMEOUT) as response:
            hf_raise_for_status(response)
            if start and response.status_code != httpx2.codes.PARTIAL_CONTENT:
                growing.restart()
                self._meter.add(-start)
            for chunk in response.iter_bytes():
                self._check()
                growing.write(chunk)
                self._meter.add(len(chunk))
            if growing.position < growing.size:
                raise httpx2.RemoteProtocolError("the answer ended early")

    def _check(self) -> None:
        if self._stop.is_set():
            raise _StoppedError


class _GrowingFile:
    """A file under way: so many bytes from its start are on the disk.

    Bytes are written at their place. Two that fetch the same file (an attempt that was called off
    and still sits in a read, or another process) write the same bytes to the same places.

    Args:
        check: raises when hashing what is there should stop.
    """

    def __init__(self, file: HubFile, path: Path, check: Callable[[], None]) -> None:
        self.name = file.name
        self.size = file.num_bytes
        self.position = 0
        self._sha256 = file.sha256
        self._path = path
        self._check = check
        self._hash: Any = hashlib.sha256()
        self._file: BinaryIO | None = None

    def __enter__(self) -> _GrowingFile:
        with suppress(FileExistsError):
            self._path.touch(exist_ok=False)
        # Without a buffer: what `position` counts has been handed to the system.
        self._file = self._path.open("r+b", buffering=0)
        while block := self._file.read(_BLOCK):
            self._check()
            self._hash.update(block)
            self.position += len(block)
        if self.position > self.size:
            self.restart()
        return self

    def __exit__(self, *exception: object) -> None:
        if self._file is not None:
            self._file.close()

    @property
    def is_sound(self) -> bool:
        """It has the size and, where the hub lists one, the SHA-256 that it should have."""
        return self.position == self.size and self._sha256 in (None, self._hash.hexdigest())

    def restart(self) -> None:
        assert self._file is not None
        self._file.seek(0)
        self._file.truncate()
        self.position = 0
        self._hash = hashlib.sha256()

    def write(self, chunk: bytes) -> None:
        assert self._file is not None
        rest = memoryview(chunk)
        while rest:
            # Near a full disk the system may take a part only.
            num_taken = self._file.write(rest)
            self._hash.update(rest[:num_taken])
            self.position += num_taken
            rest = rest[num_taken:]


class _Meter:
    """Counts bytes on any thread; tells how far and how fast."""

    def __init__(self, num_bytes_here: int, total: int) -> None:
        self._done = num_bytes_here
        self._total = total
        self._lock = threading.Lock()
        self._samples: deque[tuple[float, int]] = deque([(time.monotonic(), num_bytes_here)])

    def add(self, num_bytes: int) -> None:
        with self._lock:
            self._done += num_bytes

    def progress(self, stage: str) -> LoadProgress:
        now = time.monotonic()
        with self._lock:
            done = self._done
        self._samples.append((now, done))
        while now - self._samples[0][0] > SPEED_WINDOW_SECONDS and len(self._samples) > 2:
            self._samples.popleft()
        start, before = self._samples[0]
        speed = (done - before) / (now - start) if now > start else 0.0
        fraction = min(done / self._total, 1.0) if self._total else None
        return LoadProgress(stage, fraction, describe_transfer(done, self._total, speed))


def describe_transfer(done: int, total: int, speed: float) -> str:
    """ "1.23 of 31.00 GB · 85.0 MB/s · 6 min left"; `speed` in bytes per second."""
    parts = [format_bytes(done, total)]
    if speed > 0:
        parts.append(f"{speed / 1e6:,.1f} MB/s" if speed >= 1e5 else f"{speed / 1e3:,.1f} kB/s")
        parts.append(f"{_format_duration((total - done) / speed)} left")
    return " · ".join(parts)


def format_bytes(done: int, total: int) -> str:
    """ "1.23 of 31.00 GB", both in the total's unit."""
    scale, unit = next(
        ((scale, unit) for scale, unit in ((1e9, "GB"), (1e6, "MB")) if total >= scale),
        (1e3, "kB"),
    )
    return f"{done / scale:,.2f} of {total / scale:,.2f} {unit}"


def _format_duration(seconds: float) -> str:
    if seconds < 60:
        return f"{max(seconds, 0):.0f} s"
    if seconds < 90 * 60:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h"


def _may_pass(error: Exception) -> bool:
    """Trying again soon may help; a refusal stays one."""
    if isinstance(error, HfHubHTTPError):
        return bool(error.response.status_code >= 500)
    return not isinstance(error, httpx2.LocalProtocolError | httpx2.UnsupportedProtocol)

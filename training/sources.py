"""Python sources of packages: as they are installed here, or out of a downloaded wheel."""

from __future__ import annotations

import importlib.metadata
import json
import subprocess
import sys
import sysconfig
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from email.message import Message
from email.parser import HeaderParser
from pathlib import Path

PACKAGES_FILE = Path(__file__).parent / "packages.json"
STANDARD_LIBRARY = "python"
MAX_FILE_BYTES = 400_000
# What others wrote under licences of their own, what was generated, what nobody would write.
_SKIPPED_FOLDERS = {
    *("_vendor", "vendor", "vendored", "_vendored", "third_party", "externals", "extern", "ext"),
    *("site-packages", "__pycache__", "migrations", "locale", "locales", "lib2to3", "idlelib"),
    *("turtledemo", "ensurepip", "tests", "test"),
}


@dataclass(frozen=True, slots=True)
class Pin:
    """A package by name and exact version."""

    name: str
    version: str

    @classmethod
    def parse(cls, text: str) -> Pin:
        name, _, version = text.partition("==")
        return cls(name, version)


@dataclass(frozen=True, slots=True)
class PinnedPackages:
    """What is learned from, what the curve is measured on, what the judge is kept for."""

    train: tuple[Pin, ...]
    validation: tuple[Pin, ...]
    held_out: tuple[Pin, ...]

    def __post_init__(self) -> None:
        names = [pin.name.lower() for pin in (*self.train, *self.validation, *self.held_out)]
        if twice := {name for name in names if names.count(name) > 1}:
            raise ValueError(f"named twice: {', '.join(sorted(twice))}")


@dataclass(frozen=True, slots=True)
class SourcePackage:
    """One package's metadata, and its Python files as (path, text), in the order of paths."""

    pin: Pin
    metadata: Message
    files: tuple[tuple[str, str], ...]


def read_pins(path: Path = PACKAGES_FILE) -> PinnedPackages:
    lists = json.loads(path.read_text("utf-8"))
    return PinnedPackages(
        *(tuple(map(Pin.parse, lists[part])) for part in ("train", "validation", "held_out"))
    )


def read_package(pin: Pin, wheels: Path) -> SourcePackage:
    """`pin`'s sources; downloads its wheel into `wheels` where it is not installed as pinned.

    Raises:
        subprocess.CalledProcessError: pip cannot get it.
    """
    if pin.name == STANDARD_LIBRARY:
        return _read_standard_library(pin)
    try:
        installed = importlib.metadata.distribution(pin.name)
    except importlib.metadata.PackageNotFoundError:
        return _read_wheel(pin, _download(pin, wheels))
    if installed.version.partition("+")[0] != pin.version:  # "2.13.0+cpu" is 2.13.0
        return _read_wheel(pin, _download(pin, wheels))
    paths = {str(path): Path(str(path.locate())) for path in installed.files or ()}
    metadata = HeaderParser().parsestr(installed.read_text("METADATA") or "")
    texts = ((name, paths[name].read_bytes()) for name in _python_paths(paths))
    return SourcePackage(pin, metadata, _decode(texts))


def _read_standard_library(pin: Pin) -> SourcePackage:
    root = Path(sysconfig.get_path("stdlib"))
    paths = {str(path.relative_to(root)): path for path in root.rglob("*.py")}
    metadata = Message()
    metadata["License-Expression"] = "PSF-2.0"
    texts = ((name, paths[name].read_bytes()) for name in _python_paths(paths))
    return SourcePackage(pin, metadata, _decode(texts))


def _download(pin: Pin, wheels: Path) -> Path:
    """The wheel, taken from `wheels` if it is there. Nothing is installed, nothing is run."""
    stem = f"{pin.name.replace('-', '_').lower()}-{pin.version}-"

    def find() -> Path | None:
        found = (path for path in wheels.glob("*.whl") if path.name.lower().startswith(stem))
        return next(found, None)

    if (wheel := find()) is None:
        wheels.mkdir(parents=True, exist_ok=True)
        options = ("--no-deps", "--only-binary=:all:", "--quiet", "--disable-pip-version-check")
        command = [sys.executable, "-m", "pip", "download", *options, "--dest", str(wheels)]
        subprocess.run([*command, f"{pin.name}=={pin.version}"], check=True)
        wheel = find()
    if wheel is None:
        raise FileNotFoundError(f"pip left no {stem}*.whl in {wheels}")
    return wheel


def _read_wheel(pin: Pin, wheel: Path) -> SourcePackage:
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        [metadata_name] = (name for name in names if name.endswith(".dist-info/METADATA"))
        metadata = HeaderParser().parsestr(archive.read(metadata_name).decode("utf-8"))
        texts = ((name, archive.read(name)) for name in _python_paths(names))
        return SourcePackage(pin, metadata, _decode(texts))


def _python_paths(paths: Iterable[str]) -> list[str]:
    return sorted(
        path
        for path in paths
        if path.endswith(".py")
        and not path.startswith("..")
        and not _SKIPPED_FOLDERS & set(path.split("/")[:-1])
    )


def _decode(files: Iterator[tuple[str, bytes]]) -> tuple[tuple[str, str], ...]:
    decoded = []
    for path, content in files:
        if len(content) > MAX_FILE_BYTES:
            continue
        try:
            decoded.append((path, content.decode("utf-8").replace("\r\n", "\n")))
        except UnicodeDecodeError:
            continue
    return tuple(decoded)

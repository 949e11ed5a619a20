"""Reports e-mail addresses, public IP addresses and keys in files, and writes copies without them.
With --starpii names, user names and passwords too.

Nothing leaves the machine, and no file is changed in place. Exit status: 0 when nothing was found,
1 when something was, 2 when it was called wrongly or StarPII could not be loaded.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import shutil
import signal
import sys
import tempfile
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TextIO

from model.errors import PlaygroundError
from safety.detector import PatternDetector
from safety.files import (
    UNREADABLE,
    Encoding,
    Finding,
    SkippedFileError,
    find_encoding,
    read_blocks,
    why_skipped,
)
from safety.redaction import redact
from safety.spans import Detector
from safety.starpii import STARPII, TERMS, load_starpii
from safety.tree import Found, Tree, real_path
from safety.union import UnionDetector

PROGRAM = "python -m safety.pii"
NOTHING, SOMETHING, BAD_USE = 0, 1, 2


def main(argv: Sequence[str] | None = None) -> int:
    parser = _build_parser()
    options = parser.parse_args(argv)
    target = options.redact_to
    if problem := _find_problem(options.paths, target) or _find_model_problem(options.starpii):
        parser.error(problem)
    detector: Detector = PatternDetector()
    if options.starpii is not None:
        if not options.accept_starpii_terms:
            sys.stderr.write(f"{TERMS}\nIf you agree, add --accept-starpii-terms.\n")
            return BAD_USE
        starpii = _load_starpii(options.starpii, options.starpii_device)
        if starpii is None:
            return BAD_USE
        detector = UnionDetector([detector, starpii])
    report: Report = JsonReport(sys.stdout) if options.json else TextReport(sys.stdout, sys.stderr)
    _scan_all(options.paths, detector, report, target)
    report.end()
    return SOMETHING if report.num_findings else NOTHING


def _build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog=PROGRAM, description=__doc__)
    parser.add_argument("paths", nargs="+", type=Path, metavar="PATH", help="a file or a folder")
    parser.add_argument("--json", action="store_true", help="report as one JSON object")
    parser.add_argument(
        "--redact-to",
        type=Path,
        metavar="DIR",
        help="write a redacted copy of each text file there, in the same tree",
    )
    parser.add_argument(
        "--starpii",
        nargs="?",
        const=STARPII,
        metavar="MODEL",
        help=f"ask StarPII as well: the repository MODEL, or MODEL@REVISION, by default {STARPII}, "
        "or a folder with its safetensors. Name the PATHs first",
    )
    parser.add_argument(
        "--accept-starpii-terms",
        action="store_true",
        help="you agree to StarPII's terms of use, which --starpii alone shows",
    )
    parser.add_argument(
        "--starpii-device", default="cpu", metavar="DEVICE", help='"cpu" or "cuda", by default cpu'
    )
    return parser


def _find_model_problem(model: str | None) -> str:
    """A path that was meant to be scanned may stand where the model's name does."""
    if model is None or not os.path.lexists(model):
        return ""
    if (Path(model) / "config.json").is_file():
        return ""
    return f"{model} is no folder of a model: name what is to be scanned before --starpii"


def _load_starpii(name: str, device: str) -> Detector | None:
    """None after it was said why it cannot be had."""
    try:
        return load_starpii(name, device, lambda stage: sys.stderr.write(f"{stage}\n"))
    except PlaygroundError as error:
        sys.stderr.write(f"{PROGRAM}: {error}\n")
        return None


def _scan_all(
    paths: Sequence[Path], detector: Detector, report: Report, target: Path | None
) -> None:
    tree = Tree(real_path(target) if target else None)
    # A value that is taken for a key here and for a password there gets one replacement.
    given: dict[str, str] = {}
    for path in paths:
        for found in tree.walk(path):
            try:
                _scan(found, detector, report, target, given)
            except UNREADABLE as error:
                report.skip(found.path, why_skipped(error))


def _find_problem(paths: Sequence[Path], target: Path | None) -> str:
    """What is wrong with the arguments; copies must have places of their own."""
    for path in paths:
        if not os.path.lexists(path):
            return f"{path} does not exist"
    if target is None:
        return ""
    folder = real_path(target)
    for path in paths:
        if real_path(path).is_relative_to(folder):
            return f"{target} holds {path}, which is never changed in place: name another folder"
    names = [real_path(path).name for path in paths]
    if len(set(names)) < len(names):
        return "two of these paths have the same name, and so would their copies"
    try:
        target.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        return f"no copies can be written to {target}: {error.strerror}"
    return ""


def _scan(
    found: Found,
    detector: Detector,
    report: Report,
    target: Path | None,
    given: dict[str, str],
) -> None:
    if found.problem:
        raise SkippedFileError(found.problem)
    encoding = find_encoding(found.path)
    if target is None:
        for block in read_blocks(found.path, encoding, detector):
            report.add(found.path, block.findings)
        return
    with _copy(target, found, encoding) as copy:
        for block in read_blocks(found.path, encoding, detector):
            report.add(found.path, block.findings)
            text = redact(block.text, (finding.span for finding in block.findings), given)
            copy.write(text.encode(encoding.codec))


@contextmanager
def _copy(target: Path, source: Found, encoding: Encoding) -> Iterator[IO[bytes]]:
    """A file that takes its name, and its source's rights, when it is whole. Links in `target` are
    not followed out of it."""
    folder = (target / source.place).parent
    folder.mkdir(parents=True, exist_ok=True)
    if not real_path(folder).is_relative_to(real_path(target)):
        raise SkippedFileError(f"its copy would lie outside {target}")
    with tempfile.NamedTemporaryFile(dir=folder, delete=False) as copy:
        try:
            copy.write(encoding.mark)
            yield copy
            copy.close()
            shutil.copymode(source.path, copy.name)
            os.replace(copy.name, folder / source.place.name)
        except BaseException:
            Path(copy.name).unlink(missing_ok=True)
            raise


class Report(ABC):
    """Counts, and is told each finding and each file that was not scanned."""

    def __init__(self) -> None:
        self.num_findings = 0

    def add(self, path: Path, findings: Sequence[Finding]) -> None:
        for finding in findings:
            self.num_findings += 1
            self.show(path, finding)

    @abstractmethod
    def show(self, path: Path, finding: Finding) -> None: ...

    @abstractmethod
    def skip(self, path: Path, reason: str) -> None: ...

    @abstractmethod
    def end(self) -> None: ...


class TextReport(Report):
    """A line a finding, as compilers write them. Keys and passwords are shown by their first
    characters, at most a quarter of them."""

    def __init__(self, output: TextIO, errors: TextIO) -> None:
        super().__init__()
        self._output, self._errors = output, errors

    def show(self, path: Path, finding: Finding) -> None:
        span = finding.span
        value = span.value
        if span.kind in ("KEY", "PASSWORD"):
            value = f"{value[: min(4, len(value) // 4)]}… ({len(value)} characters)"
        place = f"{path}:{finding.line}:{finding.column}"
        self._output.write(f"{_printable(place)}: {span.kind} {value} ({span.confidence:.2f})\n")

    def skip(self, path: Path, reason: str) -> None:
        self._errors.write(f"{_printable(str(path))}: skipped: {reason}\n")

    def end(self) -> None:
        self._errors.write(f"{self.num_findings} found\n")


class JsonReport(Report):
    """`{"findings": [...], "skipped": [...]}`, written as it is found."""

    def __init__(self, output: TextIO) -> None:
        super().__init__()
        self._output = output
        self._skipped: list[dict[str, str]] = []

    def show(self, path: Path, finding: Finding) -> None:
        span = finding.span
        told = {
            "file": _printable(str(path)),
            "kind": span.kind,
            "line": finding.line,
            "column": finding.column,
            "value": span.value,
            "confidence": span.confidence,
        }
        start = '{"findings": [\n' if self.num_findings == 1 else ",\n"
        self._output.write(start + json.dumps(told))

    def skip(self, path: Path, reason: str) -> None:
        self._skipped.append({"file": _printable(str(path)), "reason": reason})

    def end(self) -> None:
        start = "\n" if self.num_findings else '{"findings": ['
        self._output.write(f'{start}], "skipped": {json.dumps(self._skipped)}}}\n')


def _printable(path: str) -> str:
    """A name that is no UTF-8, with its bytes escaped."""
    return path.encode("utf-8", "backslashreplace").decode()


if __name__ == "__main__":
    # A reader that has seen enough, such as `head`, ends this program as it ends others.
    if hasattr(signal, "SIGPIPE"):
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    sys.exit(main())

"""Reports e-mail addresses, public IP addresses and keys in files, and writes copies without them.

Nothing leaves the machine, and no file is changed in place. Exit status: 0 when nothing was found,
1 when something was, 2 when it was called wrongly.
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
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TextIO

from safety.detector import PatternDetector
from safety.files import Encoding, Finding, SkippedFileError, find_encoding, read_blocks
from safety.redaction import redact
from safety.spans import Detector
from safety.tree import Found, Tree, real_path

NOTHING, SOMETHING, BAD_USE = 0, 1, 2


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m safety.pii", description=__doc__)
    parser.add_argument("paths", nargs="+", type=Path, metavar="PATH", help="a file or a folder")
    parser.add_argument("--json", action="store_true", help="report as one JSON object")
    parser.add_argument(
        "--redact-to",
        type=Path,
        metavar="DIR",
        help="write a redacted copy of each text file there, in the same tree",
    )
    options = parser.parse_args(argv)
    target = options.redact_to
    if problem := _find_problem(options.paths, target):
        parser.error(problem)
    report: Report = JsonReport(sys.stdout) if options.json else TextReport(sys.stdout, sys.stderr)
    tree = Tree(real_path(target) if target else None)
    detector = PatternDetector()
    for path in options.paths:
        for found in tree.walk(path):
            try:
                _scan(found, detector, report, target)
            except SkippedFileError as error:
                report.skip(found.path, str(error))
            except UnicodeDecodeError:
                report.skip(found.path, "changed while it was read")
            except OSError as error:
                report.skip(found.path, error.strerror or "cannot be read")
    report.end()
    return SOMETHING if report.num_findings else NOTHING


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


def _scan(found: Found, detector: Detector, report: Report, target: Path | None) -> None:
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
            text = redact(block.text, (finding.span for finding in block.findings))
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


class Report:
    """Counts, and is told each finding and each file that was not scanned."""

    def __init__(self) -> None:
        self.num_findings = 0

    def add(self, path: Path, findings: Sequence[Finding]) -> None:
        for finding in findings:
            self.num_findings += 1
            self.show(path, finding)

    def show(self, path: Path, finding: Finding) -> None:
        raise NotImplementedError

    def skip(self, path: Path, reason: str) -> None:
        raise NotImplementedError

    def end(self) -> None:
        raise NotImplementedError


class TextReport(Report):
    """A line a finding, as compilers write them. Keys are shown by their first characters."""

    def __init__(self, output: TextIO, errors: TextIO) -> None:
        super().__init__()
        self._output, self._errors = output, errors

    def show(self, path: Path, finding: Finding) -> None:
        span = finding.span
        value = span.value
        if span.kind in ("KEY", "PASSWORD"):
            value = f"{value[:4]}… ({len(value)} characters)"
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

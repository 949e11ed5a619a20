"""Whether code stands in a corpus: builds an index of folders of code, and looks files up in it.

Nothing leaves the machine. Exit status of check: 0 when nothing was found, 1 when something was,
2 when it was called wrongly.
"""

from __future__ import annotations

import argparse
import json
import sqlite3
import sys
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

from safety.attribution.building import Builder, Plan, roots_problem
from safety.attribution.fingerprints import GUARANTEED
from safety.attribution.index import AttributionError, Index, load_index
from safety.attribution.matches import Match, look_up
from safety.attribution.progress import Progress
from safety.attribution.sources import Sources, sources_path
from safety.files import SkippedFileError
from safety.tree import Tree

NOTHING, SOMETHING, BAD_USE = 0, 1, 2
INTERRUPTED = 130


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m safety.attribution", description=__doc__)
    acts = parser.add_subparsers(dest="act", required=True)
    build = acts.add_parser("build", help="make an index of folders of code")
    build.add_argument("roots", nargs="+", type=Path, metavar="DIR")
    build.add_argument("--out", required=True, type=Path, metavar="FILE")
    build.add_argument(
        "--false-positive-rate",
        type=_rate,
        default=1e-6,
        metavar="P",
        help="how often a fingerprint is found that is not there; default %(default)s",
    )
    build.add_argument(
        "--sources",
        action="store_true",
        help="remember which file each match is of, and its licence, in FILE.sources (large)",
    )
    check = acts.add_parser("check", help="look files up in an index")
    check.add_argument("index", type=Path, metavar="FILE")
    check.add_argument("paths", nargs="+", type=Path, metavar="PATH")
    check.add_argument("--json", action="store_true", help="report as one JSON object")
    options = parser.parse_args(argv)
    try:
        if options.act == "build":
            return _build(parser, options)
        return _check(parser, options)
    except AttributionError as error:
        parser.error(str(error))
    except OSError as error:
        parser.error(f"{error.filename or options.act}: {error.strerror}")
    except sqlite3.Error as error:  # such as a full disk
        parser.error(f"the files and licences of the index: {error}")


def _rate(text: str) -> float:
    rate = float(text)
    if not 1e-12 <= rate <= 0.5:
        raise argparse.ArgumentTypeError("must be from 1e-12 to 0.5")
    return rate


def _build(parser: argparse.ArgumentParser, options: argparse.Namespace) -> int:
    if problem := roots_problem(options.roots, options.out):
        parser.error(problem)
    plan = Plan(tuple(options.roots), options.out, options.false_positive_rate, options.sources)
    progress = Progress(sys.stderr)
    builder = Builder(plan, progress.tell, progress.skip)
    progress.total_bytes = builder.total_bytes
    progress.begin(builder.index.facts)
    try:
        index = builder.build()
    except KeyboardInterrupt:
        sys.stderr.write(f"\nInterrupted. The same command goes on from {plan.part}.\n")
        return INTERRUPTED
    progress.end()
    sys.stdout.write(f"{describe(index, options.out.stat().st_size)}\n")
    if options.sources:
        beside = sources_path(options.out)
        sys.stdout.write(f"{beside}: files and licences, {beside.stat().st_size:,} bytes\n")
    return NOTHING


def describe(index: Index, num_bytes: int) -> str:
    facts = index.facts
    megabytes = facts.num_bytes / 1e6
    each = f", {num_bytes / megabytes:,.0f} bytes per MB of code" if megabytes else ""
    return (
        f"{facts.num_files:,} files, {megabytes:,.1f} MB, {facts.num_fingerprints:,} "
        f"fingerprints: {num_bytes:,} bytes{each}. No match of {GUARANTEED} characters is missed; "
        f"one fingerprint in {1 / facts.false_positive_rate:,.0f} is found that is not there."
    )


def _check(parser: argparse.ArgumentParser, options: argparse.Namespace) -> int:
    for path in options.paths:
        if not path.exists():
            parser.error(f"{path} does not exist")
    tree = Tree()
    matches: list[Match] = []
    skipped = []
    index, opened = load_index(options.index), _open_sources(options.index)
    with opened as sources:
        if sources:
            sources.check(index.facts)
        for found in (found for path in options.paths for found in tree.walk(path)):
            try:
                in_file = look_up(index, found, sources)
            except SkippedFileError as error:
                skipped.append({"file": str(found.path), "reason": str(error)})
                continue
            matches += in_file
            if not options.json:
                sys.stdout.writelines(f"{match}\n" for match in in_file)
    if options.json:
        report = {"matches": [match.to_json() for match in matches], "skipped": skipped}
        sys.stdout.write(f"{json.dumps(report, ensure_ascii=False)}\n")
    sys.stderr.writelines(f"left out: {each['file']}: {each['reason']}\n" for each in skipped)
    return SOMETHING if matches else NOTHING


def _open_sources(index: Path) -> AbstractContextManager[Sources | None]:
    """Those beside the index, if there are any."""
    path = sources_path(index)
    return Sources(path) if path.exists() else nullcontext()


if __name__ == "__main__":
    sys.exit(main())

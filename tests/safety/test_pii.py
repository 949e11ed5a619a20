"""The command reports what is in files, and writes redacted copies of them, never in place."""

from __future__ import annotations

import codecs
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from safety.pii import main

KEY = "gh" + "p_" + "aB3dE6gH9jK2mN5pQ8sT1vW4yZ7bC0eF3hI6"
TEXT = f"# eva@velomat.io\nTOKEN = '{KEY}'\n"
CLEAN = "print('hello')\n"


@pytest.fixture
def source(tmp_path: Path) -> Path:
    folder = tmp_path / "src"
    (folder / "in").mkdir(parents=True)
    (folder / "in" / "a.py").write_text(TEXT, encoding="utf-8")
    (folder / "clean.py").write_text(CLEAN, encoding="utf-8")
    (folder / "x.bin").write_bytes(b"\0\1eva@velomat.io")
    return folder


def test_findings_are_a_line_each_with_keys_cut_short(
    source: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([str(source)]) == 1
    told = capsys.readouterr()
    path = source / "in" / "a.py"
    assert told.out.splitlines() == [
        f"{path}:1:3: EMAIL eva@velomat.io (0.95)",
        f"{path}:2:10: KEY {KEY[:4]}… (40 characters) (0.98)",
    ]
    assert f"{source / 'x.bin'}: skipped: binary" in told.err


def read_json(capsys: pytest.CaptureFixture[str]) -> Any:
    return json.loads(capsys.readouterr().out)


def test_json_names_file_kind_place_value_and_confidence(
    source: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--json", str(source)]) == 1
    told = read_json(capsys)
    path = str(source / "in" / "a.py")
    assert told["findings"] == [
        {"file": path, "kind": "EMAIL", "line": 1, "column": 3, "value": "eva@velomat.io"}
        | {"confidence": 0.95},
        {"file": path, "kind": "KEY", "line": 2, "column": 10, "value": KEY, "confidence": 0.98},
    ]
    assert told["skipped"] == [{"file": str(source / "x.bin"), "reason": "binary"}]


def test_nothing_found_is_0_and_an_empty_list(
    source: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--json", str(source / "clean.py")]) == 0
    assert read_json(capsys) == {"findings": [], "skipped": []}


def test_copies_mirror_the_tree_and_the_sources_stay(source: Path, tmp_path: Path) -> None:
    before = {path: path.read_bytes() for path in source.rglob("*") if path.is_file()}
    out = tmp_path / "out"
    assert main(["--redact-to", str(out), str(source)]) == 1
    copies = {str(path.relative_to(out)) for path in out.rglob("*") if path.is_file()}
    assert copies == {"src/in/a.py", "src/clean.py"}
    assert (out / "src/in/a.py").read_text("utf-8") == "# <EMAIL>\nTOKEN = '<KEY>'\n"
    assert (out / "src/clean.py").read_text("utf-8") == CLEAN
    assert before == {path: path.read_bytes() for path in source.rglob("*") if path.is_file()}


@pytest.mark.parametrize(
    ("mark", "codec"),
    [
        (b"", "utf-8"),
        (codecs.BOM_UTF8, "utf-8"),
        (codecs.BOM_UTF16_LE, "utf-16-le"),
        (codecs.BOM_UTF16_BE, "utf-16-be"),
        (b"", "latin-1"),
    ],
)
def test_a_copy_has_its_sources_encoding_and_line_ends(
    tmp_path: Path, mark: bytes, codec: str
) -> None:
    file = tmp_path / "file.txt"
    text = "Größe für eva@velomat.io\r\nzweite\rdritte\n"
    file.write_bytes(mark + text.encode(codec))
    main(["--redact-to", str(tmp_path / "out"), str(file)])
    expected = text.replace("eva@velomat.io", "<EMAIL>")
    assert (tmp_path / "out" / "file.txt").read_bytes() == mark + expected.encode(codec)


def test_copies_within_a_scanned_folder_are_not_scanned_again(
    source: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["--json", "--redact-to", str(source / "out"), str(source)]
    assert main(arguments) == main(arguments) == 1
    assert (source / "out/src/in/a.py").is_file()
    assert not (source / "out/src/out").exists()


@pytest.mark.parametrize("arguments", [[], ["nowhere"], ["--redact-to"], ["--what", "."]])
def test_a_wrong_call_is_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(arguments)
    assert stopped.value.code == 2
    assert "usage" in capsys.readouterr().err


def test_a_target_that_holds_the_source_is_refused(
    source: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for target, path in [
        (source.parent, source),
        (source, source),
        (source / "in", source / "in" / "a.py"),
    ]:
        with pytest.raises(SystemExit) as stopped:
            main(["--redact-to", str(target), str(path)])
        assert stopped.value.code == 2
    assert "in place" in capsys.readouterr().err
    assert (source / "in" / "a.py").read_text("utf-8") == TEXT


def test_a_target_that_cannot_be_a_folder_is_refused(
    source: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["--redact-to", str(source / "clean.py"), str(source / "in")])
    assert stopped.value.code == 2
    assert "no copies can be written" in capsys.readouterr().err


def test_two_paths_of_one_name_are_refused(
    source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "other" / "src").mkdir(parents=True)
    with pytest.raises(SystemExit):
        main(["--redact-to", str(tmp_path / "out"), str(source), str(tmp_path / "other" / "src")])
    assert "same name" in capsys.readouterr().err


def test_a_link_in_the_target_is_not_written_through(
    source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    (out / "src").mkdir(parents=True)
    (out / "src" / "in").symlink_to(source / "in")
    (out / "src" / "clean.py").symlink_to(source / "in" / "a.py")
    main(["--redact-to", str(out), str(source)])
    assert "outside" in capsys.readouterr().err
    assert (source / "in" / "a.py").read_text("utf-8") == TEXT
    assert (out / "src" / "clean.py").read_text("utf-8") == CLEAN


def test_a_file_that_cannot_be_read_is_told_and_the_rest_is_scanned(
    source: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (source / "broken.py").symlink_to("nowhere")
    (source / "device").symlink_to("/proc/self/mem")  # a file whose reading fails
    assert main(["--json", str(source)]) == 1
    told = read_json(capsys)
    assert len(told["findings"]) == 2
    names = {Path(one["file"]).name for one in told["skipped"]}
    assert names == {"broken.py", "device", "x.bin"}


def test_it_runs_as_a_module_and_takes_a_name_that_is_no_utf_8(tmp_path: Path) -> None:
    (tmp_path / "caf\udce9.txt").write_bytes(b"eva@velomat.io\n")
    for flags in ([], ["--json"]):
        done = subprocess.run(
            [sys.executable, "-m", "safety.pii", *flags, str(tmp_path)],
            capture_output=True,
            check=False,
        )
        assert done.returncode == 1, done.stderr
        assert b"eva@velomat.io" in done.stdout


def test_a_reader_that_goes_away_leaves_no_traceback(tmp_path: Path) -> None:
    (tmp_path / "many.txt").write_bytes(b"eva@velomat.io\n" * 50_000)
    command = f"{sys.executable} -m safety.pii {tmp_path} | head -1"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False)
    assert "EMAIL" in done.stdout
    assert "Traceback" not in done.stderr


def test_a_link_to_itself_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "self").symlink_to("self")
    assert main(["--redact-to", str(tmp_path / "out"), str(tmp_path / "self")]) == 0
    assert "self: skipped: Too many levels of symbolic links" in capsys.readouterr().err


def test_a_copy_may_be_run_where_its_source_may(tmp_path: Path) -> None:
    (tmp_path / "run.sh").write_text("#!/bin/sh\n")
    (tmp_path / "run.sh").chmod(0o755)
    main(["--redact-to", str(tmp_path / "out"), str(tmp_path / "run.sh")])
    assert (tmp_path / "out" / "run.sh").stat().st_mode & 0o777 == 0o755


def test_a_value_that_the_terminal_cannot_show_is_escaped(tmp_path: Path) -> None:
    (tmp_path / "mail.txt").write_text("jürgen@velomat.io\n", encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "safety.pii", str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONIOENCODING": "ascii"},
    )
    assert done.returncode == 1
    assert r"j\xfcrgen@velomat.io" in done.stdout

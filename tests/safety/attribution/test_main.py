"""The command: builds an index and looks files up in it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from safety.attribution.__main__ import main
from safety.attribution.index import Facts
from safety.attribution.progress import Progress
from tests.safety.attribution.corpora import write_corpus


@pytest.fixture
def code(tmp_path: Path) -> Path:
    write_corpus(tmp_path / "code", 5)
    return tmp_path / "code"


@pytest.fixture
def index(code: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    path = code.parent / "index"
    assert main(["build", str(code), "--out", str(path)]) == 0
    capsys.readouterr()
    return path


def test_build_says_what_it_made(code: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = code.parent / "index"
    assert main(["build", str(code), "--out", str(out), "--false-positive-rate", "1e-3"]) == 0
    said = capsys.readouterr().out
    size = out.stat().st_size
    megabytes = sum(path.stat().st_size for path in code.iterdir()) / 1e6
    assert said.startswith("5 files, ")
    assert f"{size:,} bytes, {size / megabytes:,.0f} bytes per MB of code" in said
    assert "one fingerprint in 1,000 is found" in said


def test_check_lists_what_stands_there_with_line_and_column(
    code: Path, index: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    copied = " ".join((code / "0002.py").read_text().split())[:300]
    asked = tmp_path / "mine.py"
    asked.write_text(f"# mine\nx = 1\nyy {copied}\n")
    assert main(["check", str(index), str(asked)]) == 1
    (line,) = capsys.readouterr().out.splitlines()
    assert line.startswith(f"{asked}:3:")
    assert 4 <= int(line.split(":")[2]) <= 14
    asked.write_text("print('nothing of the kind')\n" * 9)
    assert main(["check", str(index), str(asked)]) == 0
    assert capsys.readouterr().out == ""


def test_check_as_json_gives_characters_and_what_was_left_out(
    code: Path, index: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = tmp_path / "asked"
    asked.mkdir()
    text = (code / "0001.py").read_text()
    (asked / "a.py").write_bytes(text.encode())
    (asked / "b.bin").write_bytes(b"\0")
    assert main(["check", "--json", str(index), str(asked)]) == 1
    report = json.loads(capsys.readouterr().out)
    (match,) = report["matches"]
    assert match["text"] == (asked / "a.py").read_bytes().decode()[match["start"] : match["end"]]
    assert report["skipped"] == [{"file": str(asked / "b.bin"), "reason": "binary"}]


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["build", "none", "--out", "index"], "none does not exist"),
        (["build", ".", "--out", "."], "is a folder"),
        (["build", ".", "--out", "none/index"], "no folder none"),
        (["build", ".", "--out", "i", "--false-positive-rate", "2"], "1e-12 to 0.5"),
        (["check", "none", "."], "none: No such file"),
        (["check", "index", "none"], "none does not exist"),
    ],
)
def test_a_wrong_call_says_what_is_wrong(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    argv: list[str],
    message: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as ended:
        main(argv)
    assert ended.value.code == 2
    assert message in capsys.readouterr().err


def test_an_interrupted_build_goes_on_with_the_same_command(
    code: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    out = code.parent / "index"
    command = ["build", str(code), "--out", str(out)]

    def interrupt(progress: Progress, facts: Facts) -> None:
        if facts.num_seen == 3:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Progress, "tell", interrupt)
        assert main(command) == 130
    assert f"goes on from {out}.part" in capsys.readouterr().err
    assert main(command) == 0
    assert "Goes on after 3 files." in capsys.readouterr().err
    assert not out.with_name("index.part").exists()


def test_it_is_a_module_to_run(code: Path) -> None:
    command = [sys.executable, "-m", "safety.attribution", "build", str(code), "--out", "index"]
    root = Path(__file__).parents[3]
    environment = os.environ | {"PYTHONPATH": str(root)}
    done = subprocess.run(
        command, cwd=code.parent, env=environment, check=False, capture_output=True, text=True
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("5 files, ")

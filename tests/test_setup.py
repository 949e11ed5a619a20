"""Setting up: what make does with the environment, and that the lists of packages are whole."""

from __future__ import annotations

import re
import subprocess
import sys
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

from tests.architecture import read_project

ROOT = Path(__file__).parents[1]
REQUIREMENT = re.compile(r"(?P<name>[\w.-]+)==(?P<version>[\w.]+)(?:\s+#.*)?")


def requirements(file: str) -> dict[str, str]:
    """Names, as packages are compared, to lines. Comments and included files are left out."""
    lines = (ROOT / file).read_text("utf-8").splitlines()
    wanted = [line for line in lines if line and not line.startswith(("#", "-r"))]
    return {re.sub(r"[-_.]+", "-", re.split("[=<> ]", line)[0]).lower(): line for line in wanted}


def make(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["make", "-C", str(ROOT), *arguments], capture_output=True, text=True, check=False
    )


def fake_python(folder: Path, script: str) -> str:
    path = folder / "python"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return str(path)


@pytest.mark.parametrize("file", ["requirements.txt", "requirements-dev.txt"])
def test_every_requirement_is_pinned_exactly(file: str) -> None:
    assert [line for line in requirements(file).values() if not REQUIREMENT.fullmatch(line)] == []


def test_everything_that_the_program_imports_is_required() -> None:
    pinned = requirements("requirements.txt")
    modules = read_project(ROOT, ("app", "settings", "model", "ui", "api", "safety"))
    imported = {name.split(".")[0] for module in modules.values() for name in module.imports}
    foreign = imported - set(sys.stdlib_module_names) - {name.split(".")[0] for name in modules}
    owners = packages_distributions()
    missing = {
        name
        for name in foreign
        if not {owner.lower().replace("_", "-") for owner in owners.get(name, [])} & pinned.keys()
    }
    assert missing == set()


def test_a_python_out_of_range_is_refused_with_advice(tmp_path: Path) -> None:
    venv = tmp_path / "venv"
    result = make(f"VENV={venv}", f"PYTHON={fake_python(tmp_path, 'exit 1')}", f"{venv}/.created")
    assert result.returncode != 0
    assert "not Python 3.11 to 3.13" in result.stderr
    assert not venv.exists()


def test_a_python_without_venv_names_debians_package(tmp_path: Path) -> None:
    venv = tmp_path / "venv"
    only_new_enough = 'case "$2" in *version_info*) exit 0;; *) exit 1;; esac'
    python = fake_python(tmp_path, only_new_enough)
    result = make(f"VENV={venv}", f"PYTHON={python}", f"{venv}/.created")
    assert result.returncode != 0
    assert "apt-get install python3-venv" in result.stderr


def test_a_fresh_machine_gets_an_environment_and_then_the_app(tmp_path: Path) -> None:
    plan = make("-n", f"VENV={tmp_path / 'venv'}", "ARGS=--port 7861", "run").stdout
    steps = ["-m venv --clear", "pip install", "app.py --port 7861"]
    assert [plan.index(step) for step in steps] == sorted(plan.index(step) for step in steps)


def test_a_second_run_installs_nothing(tmp_path: Path) -> None:
    (tmp_path / ".created").touch()
    (tmp_path / ".installed").touch()
    plan = make("-n", f"VENV={tmp_path}", "run").stdout
    assert "app.py" in plan
    assert "pip install" not in plan


def test_the_ci_and_the_readme_run_the_same_tests() -> None:
    assert "make test" in (ROOT / ".ci" / "run").read_text()
    assert re.search(r"^\s*make test\b", (ROOT / "README.md").read_text("utf-8"), re.MULTILINE)


def test_help_lists_every_target() -> None:
    makefile = (ROOT / "Makefile").read_text()
    targets = re.search(r"^\.PHONY: (.*)$", makefile, re.MULTILINE)
    assert targets is not None
    listed = [line.split()[0] for line in make("--no-print-directory", "help").stdout.splitlines()]
    assert sorted(listed) == sorted(targets[1].split())

"""The app as a Hugging Face Space builds and starts it."""

from __future__ import annotations

import os
import pwd
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from tests.servers import PROJECT, running_app


@pytest.fixture(scope="module")
def front_matter() -> dict[str, Any]:
    text = (PROJECT / "README.md").read_text(encoding="utf-8")
    _, head, _ = text.split("---\n", 2)
    matter: dict[str, Any] = yaml.safe_load(head)
    return matter


def test_the_readmes_front_matter_is_what_space_yaml_says(front_matter: dict[str, Any]) -> None:
    assert front_matter == yaml.safe_load((PROJECT / "space.yaml").read_text(encoding="utf-8"))


def test_the_space_installs_the_gradio_that_the_tests_run_on(front_matter: dict[str, Any]) -> None:
    requirements = (PROJECT / "requirements.txt").read_text(encoding="utf-8")
    assert re.search(rf"^gradio=={re.escape(front_matter['sdk_version'])}\b", requirements, re.M)


def test_the_front_matter_keeps_to_the_hubs_rules(front_matter: dict[str, Any]) -> None:
    assert front_matter["sdk"] == "gradio"
    assert (PROJECT / front_matter["app_file"]).is_file()
    assert front_matter["python_version"] in ("3.11", "3.12", "3.13")
    assert len(front_matter["short_description"]) <= 60
    colours = {"red", "yellow", "green", "blue", "indigo", "purple", "pink", "gray"}
    assert {front_matter["colorFrom"], front_matter["colorTo"]} <= colours


@pytest.fixture(scope="module")
def space_python(front_matter: dict[str, Any]) -> Iterator[Path]:
    """The Python of a clean environment with what a Space installs, readable for every user."""
    with tempfile.TemporaryDirectory(prefix="space-") as folder:
        Path(folder).chmod(0o755)
        subprocess.run([_interpreter(), "-m", "venv", folder], check=True)
        python = Path(folder, "bin", "python")
        install = (str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check")
        # A Space's builder asks for these extras, and the second caps pydantic.
        gradio = f"gradio[oauth,mcp]=={front_matter['sdk_version']}"
        subprocess.run([*install, gradio, "-r", str(PROJECT / "requirements.txt")], check=True)
        yield python


@pytest.mark.space
@pytest.mark.timeout(900)
def test_a_space_serves_the_page_to_the_world_without_root(space_python: Path) -> None:
    with tempfile.TemporaryDirectory(prefix="home-") as home:
        variables = {"SPACE_ID": "someone/starcoder", "HOME": home, "XDG_CACHE_HOME": ""}
        command = [*_unprivileged(home), str(space_python)]
        with running_app(environment=variables, command=command) as app:
            port = httpx.URL(app.url).port
            # Only a server on 0.0.0.0 answers under this address.
            elsewhere = f"http://127.0.0.2:{port}"
            proxied = {"host": "someone-starcoder.hf.space", "x-forwarded-proto": "https"}
            page = httpx.get(f"{elsewhere}/", headers=proxied)
            assert page.status_code == 200
            assert "https://huggingface.co" in page.headers["content-security-policy"]
            config = httpx.get(f"{elsewhere}/config", headers=proxied).json()
            assert config["root"] == "https://someone-starcoder.hf.space"
            assert httpx.get(f"{elsewhere}/health").status_code == 200


def _unprivileged(home: str | None = None) -> list[str]:
    """A command prefix that drops root's rights, and gives `home` to who is left; else nothing."""
    if os.geteuid() != 0:
        return []
    user = pwd.getpwnam("nobody")
    if home is not None:
        os.chown(home, user.pw_uid, user.pw_gid)
    return ["setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups"]


def _interpreter() -> str:
    """A Python that the unprivileged user can run: this one may lie in root's own folder."""
    is_supported = "import sys, ensurepip; assert (3, 11) <= sys.version_info[:2] <= (3, 13)"
    for python in (os.path.realpath(sys.executable), "/usr/bin/python3"):
        command = [*_unprivileged(), python, "-c", is_supported]
        if subprocess.run(command, capture_output=True, cwd="/", check=False).returncode == 0:
            return python
    pytest.fail("No Python 3.11 to 3.13 that an ordinary user can run: install python3-venv.")

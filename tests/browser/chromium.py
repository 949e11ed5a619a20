"""A Chromium for the browser tests: the one that is installed, else one that we can get.

python -m tests.browser.chromium        finds or installs it, and says which
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

VARIABLE = "STARCODER_TEST_CHROMIUM"
COMMANDS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
INSTALL_SECONDS = 600
ADVICE = (
    "No Chromium could be found or installed, and the browser tests need one. Install it "
    "(Debian: apt-get install chromium; elsewhere: python -m playwright install chromium), "
    f"or set {VARIABLE} to the path of a Chromium or Chrome."
)


class NoChromiumError(RuntimeError):
    """There is no Chromium here and none could be had. Says what to do."""

    def __init__(self) -> None:
        super().__init__(ADVICE)


def find_or_install() -> Path:
    """
    Raises:
        NoChromiumError: none is installed, and neither apt nor Playwright could get one.
    """
    found = find()
    if found is None and _install_debian_package():
        found = find()
    if found is None and _run(sys.executable, "-m", "playwright", "install", "chromium"):
        found = find()
    if found is None:
        raise NoChromiumError
    return found


def find() -> Path | None:
    """The Chromium that the variable names, that the PATH has, or that Playwright fetched."""
    named = os.environ.get(VARIABLE)
    if named:
        return Path(named)
    for command in COMMANDS:
        path = shutil.which(command)
        # On some systems the name is only a script that asks for another package.
        if path is not None and _run(path, "--version"):
            return Path(path)
    fetched = _path_of_playwrights_own()
    return fetched if fetched.is_file() else None


def _path_of_playwrights_own() -> Path:
    with sync_playwright() as playwright:
        return Path(playwright.chromium.executable_path)


def _install_debian_package() -> bool:
    if shutil.which("apt-get") is None or os.geteuid() != 0:
        return False
    apt = ("apt-get", "-qq", "-o", "DPkg::Lock::Timeout=60")
    return _run(*apt, "update") and _run(
        *apt, "install", "-y", "--no-install-recommends", "chromium"
    )


def _run(*command: str) -> bool:
    """Whether `command` succeeded. Its output is shown only where it failed to do so."""
    try:
        result = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=INSTALL_SECONDS,
            env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"},
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        sys.stderr.write(f"{command[0]}: {error}\n")
        return False
    if result.returncode != 0:
        sys.stderr.write(f"{' '.join(command)} failed:\n{result.stdout[-1000:]}\n")
    return result.returncode == 0


def main() -> int:
    try:
        sys.stdout.write(f"browser tests use {find_or_install()}\n")
    except NoChromiumError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

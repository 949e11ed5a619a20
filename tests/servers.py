"""Starts the real app as a process of its own, as a person would."""

from __future__ import annotations

import asyncio
import os
import re
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import httpx
import uvicorn
from fastapi import FastAPI

from app import build_app, listen, prepare_environment
from model.service import GenerationService
from settings import Settings

PROJECT = Path(__file__).parents[1]
START_SECONDS = 90
LOAD_SECONDS = 600
STOP_SECONDS = 15
POLL_SECONDS = 0.1


@dataclass(frozen=True)
class RunningApp:
    """An app that answers at `url` (no slash at its end) and writes its terminal to `log`."""

    url: str
    process: subprocess.Popen[bytes]
    log: Path

    @property
    def output(self) -> str:
        return self.log.read_text(errors="replace")

    def wait_until_ready(self, seconds: float = LOAD_SECONDS, key: str = "") -> None:
        """Until both models are loaded. `key` is what the app wants, where it wants one."""
        deadline = time.monotonic() + seconds
        headers = {"x-api-key": key}
        while httpx.get(f"{self.url}/ready", headers=headers).status_code != 200:
            _check(self, deadline, "did not become ready")
            time.sleep(POLL_SECONDS)


def clean_environment(**extra: str) -> dict[str, str]:
    """This process's environment without what would set the app up; a free port; `extra`."""
    inherited = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("STARCODER_", "SPACE_", "SPACES_", "GRADIO_"))
    }
    return inherited | {"STARCODER_PORT": "0"} | extra


@contextmanager
def running_app(
    *flags: str,
    environment: Mapping[str, str] = MappingProxyType({}),
    command: Sequence[str] = (sys.executable,),
) -> Iterator[RunningApp]:
    """The app with `flags` on a free port, from its first answer on `/` to its end.

    Args:
        environment: variables on top of `clean_environment()`.
        command: what runs `app.py`.
    """
    with tempfile.TemporaryDirectory() as folder:
        # A folder of its own, because a developer's `.env` is read from the current one.
        Path(folder).chmod(0o777)
        log = Path(folder, "terminal.log")
        with log.open("wb") as terminal:
            process = subprocess.Popen(
                [*command, str(PROJECT / "app.py"), *flags],
                cwd=folder,
                env=clean_environment(**environment),
                stdout=terminal,
                stderr=subprocess.STDOUT,
            )
        try:
            yield _wait_for_page(process, log)
        finally:
            stop(process)


def stop(process: subprocess.Popen[bytes]) -> int:
    """End the app as SIGTERM does, and its exit status."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
    return process.wait()


def _wait_for_page(process: subprocess.Popen[bytes], log: Path) -> RunningApp:
    deadline = time.monotonic() + START_SECONDS
    app = RunningApp("", process, log)
    while not (address := re.search(r"Open\s+(http://\S+)", app.output)):
        _check(app, deadline, "did not start")
        time.sleep(POLL_SECONDS)
    app = RunningApp(address[1], process, log)
    response = httpx.get(f"{app.url}/", timeout=START_SECONDS)
    assert response.status_code == 200, f"/ answered {response.status_code}\n{app.output}"
    return app


def _check(app: RunningApp, deadline: float, what: str) -> None:
    should_go_on = app.process.poll() is None and time.monotonic() < deadline
    assert should_go_on, f"The app {what}.\n{app.output}"


@contextmanager
def app_in_thread(settings: Settings, service: GenerationService) -> Iterator[str]:
    """The app over `service` on a thread of this process, so that a test can reach inside it.

    Yields its address once both models are ready.
    """
    with listen(settings.host, 0) as listener:
        prepare_environment()
        app = _build_in_a_loop(settings, service, listener.getsockname()[1])
        with _served(app, listener, next(iter(settings.api_keys), "")) as url:
            yield url


@contextmanager
def server_in_thread(app: FastAPI) -> Iterator[str]:
    """The same for a server without a page."""
    with listen("127.0.0.1", 0) as listener, _served(app, listener) as url:
        yield url


@contextmanager
def _served(app: FastAPI, listener: socket.socket, key: str = "") -> Iterator[str]:
    server = uvicorn.Server(uvicorn.Config(app, log_config=None, timeout_graceful_shutdown=1))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    try:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        _wait_for_models(url, key)
        yield url
    finally:
        server.should_exit = True
        thread.join(STOP_SECONDS)


def _build_in_a_loop(settings: Settings, service: GenerationService, port: int) -> FastAPI:
    """Gradio asks for the thread's event loop, which makes one that nobody closes where none is."""

    async def build() -> FastAPI:
        return build_app(settings, service, port)

    with ThreadPoolExecutor(max_workers=1) as thread:
        return thread.submit(asyncio.run, build()).result()


def _wait_for_models(url: str, key: str) -> None:
    deadline = time.monotonic() + LOAD_SECONDS
    while time.monotonic() < deadline:
        with suppress(httpx.TransportError):
            if httpx.get(f"{url}/ready", headers={"x-api-key": key}).status_code == 200:
                return
        time.sleep(POLL_SECONDS)
    raise AssertionError("the models did not become ready")

"""Fixtures that several folders of tests share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from tests.hub import HubServer
from tests.hub_client import use_hub
from tests.servers import RunningApp, running_app

# These machines are shared: how long one example takes says nothing of the code.
settings.register_profile("shared machine", deadline=None)
settings.load_profile("shared machine")


@pytest.fixture(scope="session")
def scripted_app() -> Iterator[RunningApp]:
    """The real app over the scripted engine, ready. It may not ask the hub for anything."""
    flags = ("--engine", "scripted", "--scripted-load-seconds", "0")
    with running_app(*flags, environment={"HF_HUB_OFFLINE": "1"}) as app:
        app.wait_until_ready()
        yield app


@pytest.fixture(scope="session")
def local_app() -> Iterator[RunningApp]:
    """The real app over the local engine with the embedded model, ready. For `real` tests."""
    with running_app() as app:
        app.wait_until_ready()
        yield app


@pytest.fixture
def hub() -> Iterator[HubServer]:
    """A local hub."""
    with HubServer() as server:
        yield server


@pytest.fixture
def home(hub: HubServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """huggingface_hub's folder in this process; it uses `hub`, has nothing in its cache and no
    token."""
    folder = tmp_path / "home"
    use_hub(monkeypatch, hub.url, folder)
    return folder

"""The remote engine in front of a server that is not ours, `transformers serve`: it takes text and
no token ids, and gives the same greedy text as the local engine on the same weights."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from model.engine.base import Engine, ResidentModel
from model.engine.local import LocalEngine
from model.engine.remote import RemoteEngine
from model.errors import CapabilityError
from model.fitting import fit
from model.presets import ModelPreset
from model.prompts.dialogue import Message
from model.remote_host import RemoteHost
from model.requests import ChatRequest, CompletionRequest, InfillRequest, PlaygroundRequest
from model.sampling import SamplingParams
from tests.checkpoints import write_starchat2
from tests.model.engine.remotes import end_of, failure_of, read, text_of

START_SECONDS = 120
GREEDY = SamplingParams(temperature=0, max_new_tokens=12)
PRESET = ModelPreset("tiny", "Tiny model", dialogue="StarChat2", infill="StarCoder 2")
REQUESTS: list[PlaygroundRequest] = [
    CompletionRequest("def f(n):", GREEDY),
    InfillRequest("def f(n):", "return n", GREEDY),
    ChatRequest("Be brief.", (Message("user", "What is a list?"),), GREEDY),
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_starchat2(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="module")
def url(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Of the server, once it answers."""
    home = tmp_path_factory.mktemp("home")
    (home / "hub").mkdir()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    command = [str(Path(sys.executable).with_name("transformers")), "serve", "--port", str(port)]
    environment = os.environ | {"HF_HOME": str(home), "HF_HUB_OFFLINE": "1"}
    with (home / "serve.log").open("wb") as log:
        process = subprocess.Popen(
            [*command, "--device", "cpu"], env=environment, stdout=log, stderr=log
        )
    try:
        deadline = time.monotonic() + START_SECONDS
        while not answers(f"http://127.0.0.1:{port}/health"):
            log_text = (home / "serve.log").read_text(errors="replace")
            assert process.poll() is None, log_text
            assert time.monotonic() < deadline, log_text
            time.sleep(0.2)
        yield f"http://127.0.0.1:{port}/v1"
    finally:
        process.terminate()
        process.wait(30)


def answers(address: str) -> bool:
    try:
        return httpx.get(address).status_code == 200
    except httpx.TransportError:
        return False


def remote(url: str, folder: Path) -> RemoteEngine:
    name = str(folder)
    return RemoteEngine(RemoteHost(url), {"base": name, "chat": name}, probe_seconds=3600)


async def load(engine: Engine, folder: Path) -> ResidentModel:
    for slot in ("chat", "base"):
        resident = await asyncio.to_thread(engine.load, slot, PRESET, folder, lambda step: None)
    return resident


@pytest.mark.slow
@pytest.mark.parametrize("request_", REQUESTS, ids=lambda request: type(request).__name__)
async def test_it_gives_the_local_engines_greedy_text(
    url: str, folder: Path, tmp_path: Path, request_: PlaygroundRequest
) -> None:
    told = []
    for engine in (LocalEngine(cache_folder=tmp_path, threads=1), remote(url, folder)):
        resident = await load(engine, folder)
        fitted = fit(request_, resident, overflow="refuse")
        events = await read(engine.submit(fitted.generation, "test"))
        told.append((text_of(events), end_of(events).reason, end_of(events).usage))
        await asyncio.to_thread(engine.close)
    assert told[0] == told[1]
    assert told[0][0].strip()


@pytest.mark.slow
async def test_a_text_that_spells_a_special_token_is_refused_in_words(
    url: str, folder: Path
) -> None:
    engine = remote(url, folder)
    resident = await load(engine, folder)
    typed = CompletionRequest("x = '<fim_middle>'", GREEDY)
    fitted = fit(typed, resident, overflow="refuse")
    error = failure_of(await read(engine.submit(fitted.generation, "test")))
    assert isinstance(error, CapabilityError)
    assert "Change the spelling" in error.advice
    await asyncio.to_thread(engine.close)

"""Clients that vanish at any moment, many of them: nothing of theirs stays behind."""

from __future__ import annotations

import asyncio
import random
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field

import httpx
import psutil
import pytest

from api.server import build_server
from model.engine.scripted import ScriptedEngine
from model.service import GenerationService
from tests.api.clients import build_service
from tests.api.raw_sockets import RawClient, wait_for
from tests.api.route_bodies import GENERATING, GeneratingRoute
from tests.servers import server_in_thread

NUM_DROPPED = 200
NUM_AT_ONCE = 12
SEED = 20230504
# Eight seconds for each that is not dropped, and no client stays for longer than half a second.
TOKENS_PER_SECOND = 400
PROMPT = "SAY: " + "x" * 3000
FREE_SECONDS = 30.0
# Threads of pools stay for the next task; all others must go.
POOL_THREADS = ("asyncio_", "AnyIO worker", "ThreadPoolExecutor")


@dataclass
class Server:
    url: str
    service: GenerationService
    loops: list[asyncio.AbstractEventLoop] = field(default_factory=list)

    def num_busy(self) -> int:
        health = self.service.engine.health
        return health.num_running + health.num_waiting

    def num_connections(self) -> int:
        port = httpx.URL(self.url).port
        connections = psutil.Process().net_connections(kind="tcp")
        return sum(each.laddr.port == port and bool(each.raddr) for each in connections)

    def num_tasks(self) -> int:
        return len(asyncio.all_tasks(self.loops[0]))


@pytest.fixture
def server() -> Iterator[Server]:
    engine = ScriptedEngine(tokens_per_second=TOKENS_PER_SECOND, max_waiting=NUM_AT_ONCE)
    service = build_service(engine)
    loops: list[asyncio.AbstractEventLoop] = []

    async def tell_loop() -> None:
        loops.append(asyncio.get_running_loop())

    app = build_server(service, max_body_bytes=50_000, is_public=False, background=[tell_loop])
    with server_in_thread(app) as url:
        yield Server(url, service, loops)


def drop_one(url: str, seed: int) -> None:
    """One client that leaves somewhere between its first byte and the answer's last."""
    dice = random.Random(seed)
    route: GeneratingRoute = dice.choice(GENERATING)
    with RawClient(url) as client, suppress(OSError):
        moment = dice.choice(["connected", "in the body", "sent", "later", "answered"])
        if moment == "in the body":
            client.send_head("POST", route.path, {"Content-Length": "5000"})
            client.socket.sendall(b'{"inputs": "' + b"x" * dice.randrange(4000))
        elif moment != "connected":
            client.post(route.path, route.body(PROMPT, 3100))
        if moment == "later":
            time.sleep(dice.random() * 0.4)
        if moment == "answered":
            client.socket.settimeout(0.5)
            client.socket.recv(dice.randrange(1, 2000))
        if dice.random() < 0.5:
            client.hang_up()


def other_threads() -> set[str]:
    names = {thread.name for thread in threading.enumerate()}
    return {name for name in names if not name.startswith(POOL_THREADS)}


def test_two_hundred_dropped_connections_leave_nothing_behind(server: Server) -> None:
    route = GENERATING[0]
    first = httpx.post(f"{server.url}{route.path}", json=route.body("SAY: abc", 9))
    assert first.status_code == 200
    wait_for(lambda: server.num_connections() == 0)
    threads, tasks = other_threads(), server.num_tasks()

    with ThreadPoolExecutor(NUM_AT_ONCE) as clients:
        for result in [
            clients.submit(drop_one, server.url, SEED + number) for number in range(NUM_DROPPED)
        ]:
            result.result()

    wait_for(lambda: server.num_busy() == 0, FREE_SECONDS)
    started = time.monotonic()
    last = httpx.post(f"{server.url}{route.path}", json=route.body("SAY: abc", 9))
    assert (last.status_code, last.json()) == (200, first.json())
    assert time.monotonic() - started < 4.0
    wait_for(lambda: server.num_connections() == 0, FREE_SECONDS)
    wait_for(lambda: server.num_tasks() <= tasks, FREE_SECONDS)
    assert other_threads() == threads
    figures = httpx.get(f"{server.url}/metrics").text
    assert "starcoder_running 0.0" in figures
    assert "starcoder_waiting 0.0" in figures
    # Enough of them got as far as the engine for this to mean something, and of those that did
    # none was written to its end but the first and the last.
    assert num_ended(figures, "abandoned") > NUM_DROPPED / 8
    assert num_ended(figures, "eos_token") + num_ended(figures, "length") == 2


def num_ended(figures: str, outcome: str) -> float:
    lines = [
        line for line in figures.splitlines() if f'generations_total{{outcome="{outcome}"' in line
    ]
    return sum(float(line.rpartition(" ")[2]) for line in lines)

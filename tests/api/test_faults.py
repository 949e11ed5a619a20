"""What goes wrong between a client and the server, over real sockets and the whole app."""

from __future__ import annotations

import json
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

import httpx
import psutil
import pytest

from api.errors import OWN, protocol_of
from api.server import build_server
from app import listen
from model.engine.scripted import ScriptedEngine
from model.service import GenerationService
from settings import Settings
from tests.api.clients import build_service
from tests.api.raw_sockets import RawClient, wait_for
from tests.api.route_bodies import GENERATING, OTHERS, GeneratingRoute, declared
from tests.servers import app_in_thread, server_in_thread

# Read in eight steps of a twentieth of a second, then written for ten seconds: what ends sooner
# was ended.
TOKENS_PER_SECOND = 400
NUM_TOKENS = 4000
LONG_TEXT = "SAY: " + "x" * NUM_TOKENS
PREFILL_SECONDS = 0.4
FREE_SECONDS = 3.0
MAX_BODY_BYTES = 50_000


class Served:
    """A running app, and the service inside it."""

    def __init__(self, url: str, service: GenerationService) -> None:
        self.url = url
        self.service = service

    @property
    def num_running(self) -> int:
        return self.service.engine.health.num_running

    @property
    def num_waiting(self) -> int:
        return self.service.engine.health.num_waiting

    @property
    def num_connections(self) -> int:
        """Those that the server holds."""
        port = urlsplit(self.url).port
        connections = psutil.Process().net_connections(kind="tcp")
        return sum(each.laddr.port == port and bool(each.raddr) for each in connections)

    def wait_until_idle(self, seconds: float = FREE_SECONDS) -> None:
        wait_for(lambda: self.num_running == self.num_waiting == 0, seconds)

    def assert_serves(self) -> None:
        """The next request is served at once."""
        started = time.monotonic()
        body = {"document": ""}
        assert httpx.post(f"{self.url}/overlap", json=body).status_code == 501
        route = next(route for route in GENERATING if route.path == "/generate")
        answer = httpx.post(f"{self.url}{route.path}", json=route.body("SAY: abc", 9))
        assert answer.json()["generated_text"] == "abc"
        assert time.monotonic() - started < FREE_SECONDS


def settings() -> Settings:
    return Settings(
        _env_file=None, engine="scripted", max_body_bytes=MAX_BODY_BYTES, hosting="local"
    )


@pytest.fixture(scope="module")
def app() -> Iterator[Served]:
    engine = ScriptedEngine(tokens_per_second=TOKENS_PER_SECOND, max_waiting=4)
    service = build_service(engine)
    with app_in_thread(settings(), service) as url:
        yield Served(url, service)


@pytest.fixture
def tight_app(monkeypatch: pytest.MonkeyPatch) -> Iterator[Served]:
    """A server that keeps little of what a client does not read, and waits half a second."""

    def listen_tightly(host: str, port: int) -> socket.socket:
        listener = listen(host, port)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
        return listener

    monkeypatch.setattr("tests.servers.listen", listen_tightly)
    monkeypatch.setattr("api.live.SEND_SECONDS", 0.5)
    service = build_service(ScriptedEngine(tokens_per_second=TOKENS_PER_SECOND))
    server = build_server(service, max_body_bytes=MAX_BODY_BYTES, is_public=False)
    with server_in_thread(server) as url:
        yield Served(url, service)


ALL = pytest.mark.parametrize("route", GENERATING, ids=str)
PATHS = pytest.mark.parametrize(
    "path", sorted({route.path for route in GENERATING} | OTHERS - {"/overlap", "/pii"})
)


@ALL
def test_a_client_that_is_gone_in_decode_frees_the_slot(
    app: Served, route: GeneratingRoute
) -> None:
    with RawClient(app.url) as client:
        client.post(route.path, route.body(LONG_TEXT, NUM_TOKENS))
        wait_for(lambda: app.num_running == 1)
        if route.is_live:
            assert b" 200 " in client.read_until(b"x")
        time.sleep(PREFILL_SECONDS * 1.5)
        assert app.num_running == 1
    app.wait_until_idle()


@ALL
def test_a_client_that_is_gone_in_prefill_frees_the_slot(
    app: Served, route: GeneratingRoute
) -> None:
    with RawClient(app.url) as client:
        client.post(route.path, route.body(LONG_TEXT, NUM_TOKENS))
        wait_for(lambda: app.num_running == 1)
        client.hang_up()
    app.wait_until_idle()


@ALL
def test_a_client_that_is_gone_in_the_queue_leaves_it(app: Served, route: GeneratingRoute) -> None:
    first = next(each for each in GENERATING if each.path == "/generate_stream")
    with RawClient(app.url) as running:
        running.post(first.path, first.body(LONG_TEXT, NUM_TOKENS))
        wait_for(lambda: app.num_running == 1)
        with RawClient(app.url) as client:
            client.post(route.path, route.body("x", 5))
            wait_for(lambda: app.num_waiting == 1)
        wait_for(lambda: app.num_waiting == 0, FREE_SECONDS)
        assert app.num_running == 1
    app.wait_until_idle()


def test_after_all_of_that_the_next_request_is_served_at_once(app: Served) -> None:
    app.assert_serves()


def test_a_client_that_never_sends_its_body_holds_nobody_up(app: Served) -> None:
    with RawClient(app.url) as client:
        client.send_head("POST", "/generate", {"Content-Length": "1000"})
        client.socket.sendall(b'{"inputs": "x')
        app.assert_serves()


@PATHS
@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[]", b"null", b'"text"', b"\xff\xfe", b'{"a": 1e999}', b"[" * 20_000],
    ids=["nothing", "broken", "list", "null", "text", "bytes", "infinite", "deep"],
)
def test_a_body_that_is_none_is_refused_in_the_paths_protocol(
    app: Served, path: str, content: bytes
) -> None:
    headers = {"content-type": "application/json"}
    answer = httpx.post(f"{app.url}{path}", content=content, headers=headers)
    assert answer.status_code in (400, 422)
    check_form(path, answer)


@PATHS
def test_a_body_over_the_limit_is_refused_in_the_paths_protocol(app: Served, path: str) -> None:
    answer = httpx.post(f"{app.url}{path}", content=b"x" * (MAX_BODY_BYTES + 1))
    assert answer.status_code == 413
    check_form(path, answer)


@PATHS
def test_a_body_that_hides_its_length_is_refused_in_the_paths_protocol(
    app: Served, path: str
) -> None:
    chunks = (b"x" * 10_000 for _ in range(8))
    headers = {"content-type": "application/json"}
    answer = httpx.post(f"{app.url}{path}", content=chunks, headers=headers)
    assert answer.status_code == 413
    check_form(path, answer)


def check_form(path: str, answer: httpx.Response) -> None:
    """As the protocol's clients read it, and without anything of our insides."""
    body = answer.json()
    match protocol_of("POST", path).name:
        case "OpenAI":
            assert body["error"]["message"] == body["detail"][0]["msg"]
        case "llama.cpp":
            assert body["error"]["code"] == answer.status_code
            assert body["error"]["message"]
        case "TGI" | "Ollama":
            assert isinstance(body["error"], str)
        case OWN.name:
            assert body["detail"]
    assert "Traceback" not in answer.text


@pytest.fixture
def impatient_kernel(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.UNREAD_SECONDS", 1)


@pytest.mark.parametrize("route", [each for each in GENERATING if each.is_live], ids=str)
def test_a_reader_that_stops_reading_loses_its_turn(
    route: GeneratingRoute, tight_app: Served
) -> None:
    with stopped_reader(route, tight_app):
        tight_app.wait_until_idle(NUM_TOKENS / TOKENS_PER_SECOND / 2)
        tight_app.assert_serves()


@pytest.mark.skipif(sys.platform != "linux", reason="other kernels keep such a socket")
def test_a_reader_that_stops_reading_loses_its_socket_too(
    impatient_kernel: None, tight_app: Served
) -> None:
    route = next(each for each in GENERATING if each.is_live)
    with stopped_reader(route, tight_app):
        wait_for(lambda: tight_app.num_connections == 0)


@contextmanager
def stopped_reader(route: GeneratingRoute, app: Served) -> Iterator[None]:
    with RawClient(app.url, receive_buffer=2048) as client:
        client.post(route.path, route.body(LONG_TEXT, NUM_TOKENS))
        client.read_until(b" 200 ")
        wait_for(lambda: app.num_running == 1)
        yield


def test_every_route_with_a_body_is_in_these_tests(app: Served) -> None:
    server = build_server(build_service(), max_body_bytes=1000, is_public=False)
    missing = declared(server) - {route.template for route in GENERATING} - OTHERS
    assert not missing


def test_when_the_engine_is_dead_routes_and_health_say_so() -> None:
    service = build_service()
    app = build_server(service, max_body_bytes=MAX_BODY_BYTES, is_public=False)
    with server_in_thread(app) as url:
        service.engine.close()
        health = httpx.get(f"{url}/health")
        assert health.status_code == 503
        assert health.json()["is_alive"] is False
        for route in GENERATING:
            answer = httpx.post(f"{url}{route.path}", json=route.body("x", 5))
            assert answer.status_code == 503, str(route)
            assert "engine has stopped" in json.dumps(answer.json()), str(route)
            assert answer.headers["retry-after"]


@pytest.mark.parametrize("route", GENERATING, ids=str)
def test_an_engine_that_stops_in_the_middle_leaves_no_answer_open(route: GeneratingRoute) -> None:
    service = build_service(ScriptedEngine(tokens_per_second=200))
    app = build_server(service, max_body_bytes=MAX_BODY_BYTES, is_public=False)
    with server_in_thread(app) as url, RawClient(url) as client:
        client.post(route.path, route.body("SAY: " + "x" * 900, 1000))
        wait_for(lambda: service.engine.health.num_running == 1)
        service.engine.close()
        started = time.monotonic()
        assert client.read_until(b"\r\n0\r\n\r\n", b"}").startswith(b"HTTP/1.1 ")
        assert time.monotonic() - started < FREE_SECONDS

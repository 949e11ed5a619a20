"""The remote engine and a server that is slow, silent, cut off, busy or talks nonsense."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from model.engine.events import FinishReason
from model.engine.generation import Generation
from model.errors import (
    RemoteAnswerError,
    RemoteBusyError,
    RemoteError,
    RemoteKeyError,
    RemoteModelError,
    RemoteRefusedError,
    RemoteUnreachableError,
)
from model.remote_chunks import MAX_LINE_BYTES
from model.remote_host import RemoteHost
from tests.endpoint_server import (
    KEY,
    EndpointServer,
    Reply,
    ending,
    endpoint_server,
    piece,
    refusal,
)
from tests.model.engine.remotes import (
    QUICK,
    ask,
    end_of,
    failure_of,
    loaded,
    read,
    request,
    text_of,
)

WAIT_SECONDS = 10


NONSENSE = [
    (Reply([b"<p>Welcome</p>"], media_type="text/html"), "no stream of completions"),
    (Reply([b'{"choices": []}'], media_type="application/json"), "no stream of completions"),
    (Reply([], then="cut"), "no stream of completions"),
    (Reply([piece("a")], then="crash"), "broke off"),
    (Reply([piece("a")], then="cut"), "broke off"),
    (Reply([b"data: <html>\n\n"]), "no stream of completions"),
    (Reply([b"data: [1, 2]\n\n"]), "no stream of completions"),
    (Reply([b"data: " + b"[" * 100_000 + b"\n\n"]), "no stream of completions"),
    (Reply([b"x" * (MAX_LINE_BYTES + 1)], then="wait"), "no stream of completions"),
    (Reply([piece("a"), {"error": {"message": f"Out of memory for {KEY}"}}]), "Out of memory"),
    (Reply([ending("content_filter")]), "held the rest"),
]


@pytest.mark.parametrize(("reply", "says"), NONSENSE)
async def test_nonsense_is_an_error_that_says_so_and_the_next_request_runs(
    server: EndpointServer, folder: Path, reply: Reply, says: str
) -> None:
    server.replies.append(reply)
    async with loaded(server, folder) as engine:
        error = failure_of(await ask(engine))
        assert isinstance(error, RemoteAnswerError)
        assert says in error.message
        assert KEY not in str(error)
        assert engine.health.last_error == error.message
        assert text_of(await ask(engine)) == "one two"
        assert engine.health.last_error is None
        assert engine.health.num_running == 0


@pytest.mark.parametrize(
    ("reply", "error_type"),
    [
        (refusal(401, f"Bad key {KEY}"), RemoteKeyError),
        (refusal(404, "No such model"), RemoteModelError),
        (refusal(429, "Slow down"), RemoteBusyError),
        (refusal(413, "Too large"), RemoteRefusedError),
        (refusal(500, "Oops"), RemoteAnswerError),
        (Reply(status=307, headers={"location": "http://127.0.0.1:9/"}), RemoteAnswerError),
        (Reply([b"\xff" * 200_000], status=500, media_type="text/html"), RemoteAnswerError),
    ],
)
async def test_a_refusal_has_a_type_and_is_not_tried_again(
    server: EndpointServer, folder: Path, reply: Reply, error_type: type[RemoteError]
) -> None:
    server.replies.append(reply)
    async with loaded(server, folder, kind="vllm") as engine:
        error = failure_of(await ask(engine))
    assert type(error) is error_type
    assert KEY not in str(error)
    assert len(server.asked) == 1


async def test_a_busy_server_names_the_time_and_who_asks_is_told_it(
    server: EndpointServer, folder: Path
) -> None:
    server.replies.append(refusal(429, "Slow down", **{"retry-after": "30"}))
    async with loaded(server, folder) as engine:
        error = failure_of(await ask(engine))
        assert engine.health.last_error is None, "a full house is no fault"
    assert isinstance(error, RemoteBusyError)
    assert error.retry_after == 30
    assert len(server.asked) == 1


@pytest.mark.parametrize(
    "reply",
    [
        refusal(429, "Slow down", **{"retry-after": "0.01"}),
        refusal(502, "No server"),
        refusal(503, "Starting", **{"retry-after": "0"}),
    ],
)
async def test_what_may_pass_is_tried_again_before_anything_was_told(
    server: EndpointServer, folder: Path, reply: Reply
) -> None:
    server.replies.extend([reply, reply])
    async with loaded(server, folder) as engine:
        assert text_of(await ask(engine)) == "one two"
    assert len(server.asked) == 3
    assert server.bodies[0] == server.bodies[2]


async def test_it_is_not_tried_for_ever(server: EndpointServer, folder: Path) -> None:
    server.replies.extend([refusal(503, "Starting")] * 3)
    async with loaded(server, folder) as engine:
        assert "status 503" in failure_of(await ask(engine)).message
    assert len(server.asked) == 3


async def test_an_answer_that_has_begun_is_never_asked_for_again(
    server: EndpointServer, folder: Path
) -> None:
    server.replies.append(Reply([piece("one ")], then="cut"))
    async with loaded(server, folder) as engine:
        events = await ask(engine)
    assert text_of(events) == "one "
    assert "broke off" in failure_of(events).message
    assert len(server.asked) == 1


async def test_a_server_that_never_answers_is_given_up(
    server: EndpointServer, folder: Path
) -> None:
    server.replies.append(Reply(then="wait"))
    patience = replace(QUICK, first_word=0.3)
    async with loaded(server, folder, patience=patience) as engine:
        error = failure_of(await ask(engine))
        assert isinstance(error, RemoteUnreachableError)
        assert "has sent nothing for 0.3 s" in error.message
        assert await asyncio.to_thread(server.is_left.wait, WAIT_SECONDS)


async def test_a_server_that_falls_silent_is_given_up_and_its_text_kept(
    server: EndpointServer, folder: Path
) -> None:
    server.replies.append(Reply([piece("one ")], then="wait"))
    patience = replace(QUICK, silence=0.3)
    async with loaded(server, folder, patience=patience) as engine:
        events = await ask(engine)
        assert "has sent nothing for 0.3 s" in failure_of(events).message
        assert text_of(events) == "one "
        assert await asyncio.to_thread(server.is_left.wait, WAIT_SECONDS)


async def test_a_slow_server_is_waited_for(server: EndpointServer, folder: Path) -> None:
    server.replies.append(Reply([piece(text) for text in "abcdefgh"] + [ending()], pause=0.25))
    patience = replace(QUICK, first_word=1.5, silence=1.5)  # the whole takes two and more
    async with loaded(server, folder, patience=patience) as engine:
        assert text_of(await ask(engine)) == "abcdefgh"


async def test_signs_of_life_count_as_words(server: EndpointServer, folder: Path) -> None:
    pings: list[bytes] = [b": ping\n\n"] * 8
    server.replies.append(Reply([*pings, piece("a"), ending()], pause=0.1))
    async with loaded(server, folder, patience=replace(QUICK, silence=0.7)) as engine:
        assert text_of(await ask(engine)) == "a"


async def test_a_server_that_is_gone_cannot_be_reached(
    server: EndpointServer, folder: Path
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    async with loaded(server, folder) as engine:
        engine._host = RemoteHost(f"http://127.0.0.1:{port}/v1")
        error = failure_of(await ask(engine))
    assert isinstance(error, RemoteUnreachableError)
    assert f"127.0.0.1:{port} cannot be reached" in error.message


async def test_a_connection_that_is_dropped_before_the_answer_is_made_anew(folder: Path) -> None:
    """As keep-alive connections are, when the server restarts between two requests."""
    with endpoint_server() as server:
        async with loaded(server, folder) as engine:
            with dropping_proxy(server.url, num_dropped=2) as url:
                engine._host = RemoteHost(url)
                assert text_of(await ask(engine)) == "one two"


@pytest.mark.parametrize("is_begun", [True, False])
async def test_stop_closes_the_connection_and_keeps_what_came(
    server: EndpointServer, folder: Path, is_begun: bool
) -> None:
    server.replies.append(Reply([piece("one ")] if is_begun else [], then="wait"))
    async with loaded(server, folder) as engine:
        generation = engine.submit(request(stop=("e x",)), "test")
        events = asyncio.create_task(read(generation))
        await until_open(server)
        await asyncio.sleep(0.2 if is_begun else 0)
        await asyncio.to_thread(generation.cancel)
        told = await events
        assert end_of(told).reason is FinishReason.CANCELLED
        assert text_of(told) == ("one " if is_begun else "")
        assert await asyncio.to_thread(server.is_left.wait, WAIT_SECONDS)
        assert engine.health.num_running == 0


async def test_stop_at_once_leaves_nobody_waiting(server: EndpointServer, folder: Path) -> None:
    async with loaded(server, folder) as engine:
        generation = engine.submit(request(), "test")
        generation.cancel()
        async with asyncio.timeout(WAIT_SECONDS):
            assert end_of(await read(generation)).reason is FinishReason.CANCELLED
    assert server.asked == []


async def test_who_is_stopped_in_the_moment_of_its_start_is_not_asked_for(
    server: EndpointServer, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By another thread: it waits no more, and there is no task yet that could be cancelled."""
    async with loaded(server, folder) as engine:
        take = engine._admission.next

        def stop_what_is_taken() -> Generation | None:
            taken = take()
            if taken is not None:
                taken.cancel()
            return taken

        monkeypatch.setattr(engine._admission, "next", stop_what_is_taken)
        assert end_of(await ask(engine)).reason is FinishReason.CANCELLED
    assert server.asked == []


async def test_who_stops_while_it_is_tried_again_does_not_wait(
    server: EndpointServer, folder: Path
) -> None:
    server.replies.append(refusal(503, "Starting", **{"retry-after": "5"}))
    async with loaded(server, folder) as engine:
        generation = engine.submit(request(), "test")
        events = asyncio.create_task(read(generation))
        async with asyncio.timeout(WAIT_SECONDS):
            while not server.asked:  # noqa: ASYNC110 - a list tells nobody
                await asyncio.sleep(0.01)
            begun = time.monotonic()
            generation.cancel()
            assert end_of(await events).reason is FinishReason.CANCELLED
    assert time.monotonic() - begun < 3


async def test_a_deadline_cuts_it_off(server: EndpointServer, folder: Path) -> None:
    server.replies.append(Reply([piece("one ")], then="wait"))
    async with loaded(server, folder) as engine:
        events = await ask(engine, deadline=0.5)
        assert end_of(events).reason is FinishReason.DEADLINE
        assert await asyncio.to_thread(server.is_left.wait, WAIT_SECONDS)


async def test_a_server_that_overlooks_the_length_is_left(
    server: EndpointServer, folder: Path
) -> None:
    server.models = [{"id": "big/model", "owned_by": "vllm", "max_model_len": 100}]
    server.replies.append(
        Reply([piece(text, token_ids=[ord(text)]) for text in "abcdef"], then="wait")
    )
    async with loaded(server, folder) as engine:
        events = await ask(engine, max_new_tokens=3)
    assert end_of(events).reason is FinishReason.LENGTH
    assert text_of(events) == "abc"


async def test_the_streams_of_many_who_leave_are_all_closed(
    server: EndpointServer, folder: Path
) -> None:
    server.replies.extend([Reply([piece("a")], then="wait")] * 8)
    async with loaded(server, folder) as engine:
        generations = [engine.submit(request(), "test") for _ in range(8)]
        readers = [asyncio.create_task(read(generation)) for generation in generations]
        async with asyncio.timeout(WAIT_SECONDS):
            while server.num_open < 8:  # noqa: ASYNC110 - a count tells nobody
                await asyncio.sleep(0.01)
            for generation in generations:
                generation.cancel()
            await asyncio.gather(*readers)
            while server.num_open:  # noqa: ASYNC110 - a count tells nobody
                await asyncio.sleep(0.01)
        assert text_of(await ask(engine)) == "one two"


@contextmanager
def dropping_proxy(url: str, num_dropped: int) -> Iterator[str]:
    """A way to the server at `url` whose first connections are closed once they were written to."""
    target = urlsplit(url)
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def work() -> None:
            for _ in range(num_dropped):
                connection, _ = listener.accept()
                connection.recv(1)
                connection.close()
            connection, _ = listener.accept()
            with connection, socket.create_connection((target.hostname, target.port)) as there:
                threading.Thread(target=pump, args=(connection, there), daemon=True).start()
                pump(there, connection)

        threading.Thread(target=work, daemon=True).start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}{target.path}"


def pump(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)


async def until_open(server: EndpointServer) -> None:
    async with asyncio.timeout(WAIT_SECONDS):
        while not server.num_open:  # noqa: ASYNC110 - a count tells nobody
            await asyncio.sleep(0.01)

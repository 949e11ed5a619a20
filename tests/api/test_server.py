"""Our own routes and the walls, over the scripted engine and without a page."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from fastapi import FastAPI, Request

from api.server import build_notice_server, build_server
from model.engine.scripted import ScriptedEngine
from model.errors import CheckpointError, QueueFullError
from model.service import GenerationService
from tests.api.clients import build_service, client_of, wait_until_ready

MAX_BODY_BYTES = 10_000


def build(service: GenerationService | None = None, **options: Any) -> FastAPI:
    options = {"max_body_bytes": MAX_BODY_BYTES, "is_public": False} | options
    app = build_server(service or build_service(), **options)

    @app.post("/echo")
    async def echo(request: Request) -> int:
        return len(await request.body())

    @app.get("/full")
    async def full() -> None:
        raise QueueFullError(3)

    return app


async def test_health_counts_what_runs_and_waits() -> None:
    async with client_of(build()) as client:
        response = await client.get("/health")
    assert response.status_code == 200
    body = response.json()
    assert body.pop("status") in ("ok", "loading model")
    body.pop("error", None)
    assert body == {
        "is_alive": True,
        "num_running": 0,
        "num_waiting": 0,
        "did_last_step_succeed": True,
    }


async def test_health_and_ready_fail_when_the_models_thread_is_gone() -> None:
    service = build_service()
    async with client_of(build(service)) as client:
        await wait_until_ready(service)
        service.engine.close()
        assert (await client.get("/health")).status_code == 503
        assert (await client.get("/ready")).status_code == 503


async def test_while_a_model_loads_ready_says_how_far_it_is_and_when_to_ask_again() -> None:
    service = build_service(ScriptedEngine(load_seconds=0.2))
    async with client_of(build(service)) as client:
        response = await client.get("/ready")
        assert response.status_code == 503
        assert response.headers["retry-after"] == "2"
        assert response.json()["chat"]["status"] == "loading"
        await wait_until_ready(service)
        assert (await client.get("/ready")).json()["base"] == {
            "status": "ready",
            "model": "scripted",
            "device": "cpu",
            "precision": "scripted",
        }


async def test_health_says_as_llamacpp_does_whether_a_model_is_there_yet() -> None:
    service = build_service(ScriptedEngine(load_seconds=0.2))
    async with client_of(build(service)) as client:
        health, strict = await client.get("/health"), await client.get("/v1/health")
        assert (health.status_code, strict.status_code) == (200, 503)
        assert health.json()["status"] == "loading model"
        assert strict.json()["error"] == {
            "code": 503,
            "message": "Loading model",
            "type": "unavailable_error",
        }
        await wait_until_ready(service)
        health, strict = await client.get("/health"), await client.get("/v1/health")
        assert (health.status_code, strict.status_code) == (200, 200)
        assert health.json()["status"] == strict.json()["status"] == "ok"
        assert "error" not in health.json()


async def test_a_model_that_cannot_be_loaded_shows_in_ready_while_health_stays_good() -> None:
    def refuse(report: object) -> None:
        raise CheckpointError("There is no checkpoint in it.", "Name another folder.")

    service = build_service(prepare=refuse)
    async with client_of(build(service)) as client:
        with pytest.raises(CheckpointError):
            await wait_until_ready(service)
        response = await client.get("/ready")
        assert response.status_code == 503
        assert response.json()["base"] == {
            "status": "failed",
            "detail": "There is no checkpoint in it. Name another folder.",
        }
        health = await client.get("/health")
        assert health.status_code == 200
        assert health.json()["status"] != "ok"
        assert (await client.get("/v1/health")).status_code == 503


async def test_the_engine_is_closed_when_the_server_ends() -> None:
    service = build_service()
    async with client_of(build(service)):
        assert service.engine.health.is_alive
    assert not service.engine.health.is_alive


async def test_what_runs_beside_the_server_ends_with_it() -> None:
    started, ended = asyncio.Event(), asyncio.Event()

    async def beside() -> None:
        started.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    async with client_of(build(background=[beside])):
        await started.wait()
        assert not ended.is_set()
    assert ended.is_set()


async def test_an_error_of_ours_becomes_its_status_and_its_words() -> None:
    async with client_of(build()) as client:
        response = await client.get("/full")
    assert response.status_code == 503
    assert (
        response.json()["detail"] == "The queue is full: 3 requests wait already. Try again soon."
    )


async def test_a_body_over_the_limit_is_refused_in_words_with_both_sizes() -> None:
    async with client_of(build(max_body_bytes=2_000_000)) as client:
        response = await client.post("/echo", content=b"x" * 3_000_000)
    assert response.status_code == 413
    assert response.json()["detail"] == (
        "That is too much at once: 3.0 MB were sent, and at most 2.0 MB are read. Shorten the text."
    )


async def test_a_body_that_does_not_say_its_length_is_counted() -> None:
    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(3):
            yield b"x" * (MAX_BODY_BYTES // 2)

    async with client_of(build()) as client:
        assert (await client.post("/echo", content=chunks())).status_code == 413


async def test_a_body_at_the_limit_is_read() -> None:
    async with client_of(build()) as client:
        response = await client.post("/echo", content=b"x" * MAX_BODY_BYTES)
    assert response.json() == MAX_BODY_BYTES


async def test_every_answer_carries_the_security_headers() -> None:
    async with client_of(build()) as client:
        responses = [
            await client.get("/health"),
            await client.get("/no-such-page"),
            await client.post("/echo", content=b"x" * (MAX_BODY_BYTES + 1)),
            await client.get("/health", headers={"host": "evil.example"}),
        ]
    for response in responses:
        assert response.headers["x-content-type-options"] == "nosniff"
        assert response.headers["referrer-policy"] == "no-referrer"
        policy = response.headers["content-security-policy"]
        assert "connect-src 'self';" in policy
        assert "img-src 'self' data: blob:;" in policy
        assert policy.endswith("frame-ancestors 'self'")
        assert "http" not in policy, "nothing outside may be fetched from"


async def test_on_a_space_hugging_face_may_show_the_page_in_a_frame() -> None:
    app = build(is_public=True, is_on_space=True)
    async with client_of(app, "someone-starcoder.hf.space") as client:
        policy = (await client.get("/health")).headers["content-security-policy"]
    assert policy.endswith("frame-ancestors 'self' https://huggingface.co https://*.hf.space")


@pytest.mark.parametrize(
    "host", ["127.0.0.1:7860", "localhost:7860", "LOCALHOST", "[::1]:7860", "[::1]", "box.lan:80"]
)
async def test_the_app_answers_under_this_machines_names_and_the_configured(host: str) -> None:
    async with client_of(build(allowed_hosts=["box.lan"])) as client:
        assert (await client.get("/health", headers={"host": host})).status_code == 200


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example:7860", "", "[::1"])
async def test_a_name_that_was_bound_to_this_machine_from_outside_is_refused(host: str) -> None:
    async with client_of(build()) as client:
        response = await client.get("/health", headers={"host": host})
    assert response.status_code == 421
    assert "--allowed-hosts" in response.json()["detail"]


async def test_a_public_app_answers_under_any_name_unless_names_are_set() -> None:
    headers = {"host": "abc123.gradio.live"}
    async with client_of(build(is_public=True)) as client:
        assert (await client.get("/health", headers=headers)).status_code == 200
    async with client_of(build(is_public=True, allowed_hosts=["box.lan"])) as client:
        assert (await client.get("/health", headers=headers)).status_code == 421


@pytest.mark.parametrize(
    ("is_public", "origin", "is_allowed"),
    [
        (False, "http://localhost:3000", True),
        (False, "http://127.0.0.1:8000", True),
        (False, "https://evil.example", False),
        (False, "http://localhost.evil.example", False),
        (False, "null", False),
        (True, "http://localhost:3000", False),
        (True, "https://evil.example", False),
    ],
)
async def test_pages_elsewhere_cannot_read_answers(
    is_public: bool, origin: str, is_allowed: bool
) -> None:
    async with client_of(build(is_public=is_public)) as client:
        response = await client.get("/health", headers={"origin": origin})
        preflight = await client.options(
            "/echo", headers={"origin": origin, "access-control-request-method": "POST"}
        )
    for answer in (response, preflight):
        allowed = answer.headers.get("access-control-allow-origin")
        assert allowed == (origin if is_allowed else None)
        assert "access-control-allow-credentials" not in answer.headers


async def test_the_notice_server_says_its_one_thing_and_is_never_ready() -> None:
    app = build_notice_server("Not <here>", "Choose other hardware.")
    async with client_of(app) as client:
        page = await client.get("/")
        assert page.status_code == 200
        assert "<h1>Not &lt;here&gt;</h1><p>Choose other hardware.</p>" in page.text
        assert (await client.get("/ready")).status_code == 503

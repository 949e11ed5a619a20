"""The app in front of another app: the same text as if the other's engine were in this process."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.remote_tokenizer import write_scripted_tokenizer
from tests.servers import RunningApp, running_app

KEY = "key-of-the-endpoint-1"
READY_SECONDS = 60
TYPED_SECONDS = 2.0  # 4,000 bytes
GREEDY = {"temperature": 0, "max_tokens": 600}
CODE = "def fibonacci(n: int) -> int:\n"
TURNS = [{"role": "user", "content": "Write <|end|> as text."}]
ASKED: list[tuple[str, dict[str, Any]]] = [
    ("/v1/completions", {"prompt": CODE}),
    ("/v1/completions", {"prompt": CODE, "stop": ["current"]}),
    ("/v1/completions", {"prompt": CODE, "max_tokens": 7}),
    ("/v1/completions", {"prompt": "SAY: é <fim_middle> 𝒳", "suffix": "<|endoftext|>"}),
    ("/v1/completions", {"prompt": "SAY: ab", "suffix": "c", "logprobs": 2}),
    ("/v1/chat/completions", {"messages": TURNS}),
    (
        "/v1/chat/completions",
        {"messages": [{"role": "system", "content": "Be brief."}, *TURNS], "stop": ["It runs"]},
    ),
]


@pytest.fixture(scope="module")
def upstream() -> Iterator[RunningApp]:
    flags = ("--engine", "scripted", "--scripted-load-seconds", "0", "--scripted-speed", "2000")
    with running_app(*flags, environment={"STARCODER_API_KEY": KEY}) as app:
        app.wait_until_ready(READY_SECONDS, KEY)
        yield app


@pytest.fixture(scope="module")
def app(upstream: RunningApp, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningApp]:
    folder = str(write_scripted_tokenizer(tmp_path_factory.mktemp("tokenizer")))
    flags = (
        *("--engine", "remote", "--endpoint-url", f"{upstream.url}/v1"),
        *("--endpoint-model", "scripted-base", "--endpoint-chat-model", "scripted-chat"),
        *("--base-model", folder, "--chat-model", folder),
    )
    with running_app(*flags, environment={"STARCODER_ENDPOINT_KEY": KEY}) as app:
        app.wait_until_ready(READY_SECONDS)
        yield app


def ask(app: RunningApp, path: str, body: dict[str, Any], key: str = "") -> dict[str, Any]:
    headers = {"authorization": f"Bearer {key}"} if key else {}
    response = httpx.post(f"{app.url}{path}", json=GREEDY | body, headers=headers, timeout=60)
    assert response.status_code == 200, response.text
    answer: dict[str, Any] = response.json()
    return answer


@pytest.mark.parametrize(("path", "body"), ASKED)
def test_continue_infill_and_chat_give_what_the_scripted_engine_gives(
    app: RunningApp, upstream: RunningApp, path: str, body: dict[str, Any]
) -> None:
    here, there = ask(app, path, body), ask(upstream, path, body, KEY)
    assert here["choices"] == there["choices"]
    assert here["usage"] == there["usage"]


def test_the_models_go_by_the_servers_names_and_health_tells_where_they_are(
    app: RunningApp, upstream: RunningApp
) -> None:
    host = upstream.url.removeprefix("http://")
    ready = httpx.get(f"{app.url}/ready").json()
    assert {slot["device"] for slot in ready.values()} == {f"remote:{host}"}
    ids = [model["id"] for model in httpx.get(f"{app.url}/v1/models").json()["data"]]
    assert ids == ["scripted-base-base", "scripted-chat-chat"]


def test_a_client_that_leaves_frees_the_server_behind(
    app: RunningApp, upstream: RunningApp
) -> None:
    body = {"prompt": "SAY: " + "x" * 4000, "max_tokens": 4000, "stream": True}
    with httpx.stream("POST", f"{app.url}/v1/completions", json=body) as response:
        next(response.iter_bytes())
    begun = time.monotonic()
    while httpx.get(f"{upstream.url}/health").json()["num_running"]:
        # To its end the script would take four times as long.
        assert time.monotonic() - begun < TYPED_SECONDS / 4


def test_the_key_is_in_no_log(app: RunningApp, upstream: RunningApp) -> None:
    host = upstream.url.removeprefix("http://")
    assert f"base model: scripted-base is ready, on remote:{host}\n" in app.output
    assert KEY not in app.output

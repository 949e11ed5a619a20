"""The whole app as a process of its own, over the scripted engine."""

from __future__ import annotations

import logging
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest

from api.middleware import SHUT_DOORS
from app import PlainFormatter, PortError, build_engine, build_remote, listen, main
from settings import load_settings
from tests.servers import PROJECT, RunningApp, clean_environment, running_app

SCRIPTED = ("--engine", "scripted", "--scripted-load-seconds", "0")


def test_the_page_is_there_before_the_model() -> None:
    with running_app("--engine", "scripted", "--scripted-load-seconds", "60") as app:
        assert "Continue" in httpx.get(f"{app.url}/").text
        assert httpx.get(f"{app.url}/ready").status_code == 503
        assert httpx.get(f"{app.url}/health").status_code == 200


def test_the_terminal_says_where_to_go_how_to_stop_and_what_loads(scripted_app: RunningApp) -> None:
    output = scripted_app.output
    assert f"Open  {scripted_app.url}" in output
    assert "Stop  Ctrl+C" in output
    assert output.count("base model: loading the script") == 1
    assert "chat model: Script without a model is ready, on cpu in scripted" in output


def test_nothing_is_warned_of_at_a_plain_start(scripted_app: RunningApp) -> None:
    assert "warning" not in scripted_app.output.lower()
    assert "Traceback" not in scripted_app.output


@pytest.mark.parametrize(("scheme", "num_warnings"), [("http", 1), ("https", 0)])
def test_a_remote_key_over_plain_http_is_warned_of(
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    scheme: str,
    num_warnings: int,
) -> None:
    monkeypatch.setenv("STARCODER_REMOTE_KEY", "hidden-1")
    url = f"{scheme}://box.example/v1"
    build_remote(load_settings(["--remote-url", url, "--remote-model", "big"]))
    assert caplog.text.count("unencrypted") == num_warnings
    assert "hidden" not in caplog.text


@pytest.mark.parametrize(("scheme", "num_warnings"), [("http", 1), ("https", 0)])
def test_an_endpoints_key_over_plain_http_is_warned_of(
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    scheme: str,
    num_warnings: int,
) -> None:
    monkeypatch.setenv("STARCODER_ENDPOINT_KEY", "hidden-1")
    flags = ["--endpoint-url", f"{scheme}://box.example/v1", "--endpoint-model", "big"]
    engine = build_engine(load_settings(["--engine", "remote", *flags]))
    assert caplog.text.count("STARCODER_ENDPOINT_URL") == num_warnings
    assert "hidden" not in caplog.text
    engine.close()


@pytest.mark.parametrize("door", SHUT_DOORS)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_gradios_open_doors_are_shut(scripted_app: RunningApp, door: str, method: str) -> None:
    response = httpx.request(method, f"{scripted_app.url}{door}")
    assert response.status_code == 404
    assert response.json() == {"detail": "Not Found"}


@pytest.mark.parametrize(
    "path",
    [
        "/gradio_api/file=http://127.0.0.1:1/",
        "/gradio_api/file%3Dhttps://example.com",
        "/gradio_api/file=/etc/passwd",
        "//gradio_api/file=/etc/passwd",
        "/gradio_api//file=/etc/passwd",
        "/./gradio_api/file=/etc/passwd",
        "/gradio_api/proxy=https://someone.hf.space/",
        "/monitoring/summary",
        "/gradio_api/deep_link?session_hash=x",
        "/redoc",
        "//openapi.json",
        "/gradio_api/openapi.json",
    ],
)
def test_no_spelling_opens_a_door(scripted_app: RunningApp, path: str) -> None:
    url = httpx.URL(f"{scripted_app.url}").copy_with(raw_path=path.encode())
    assert httpx.get(url).status_code == 404


def test_the_description_is_of_our_api_and_not_gradios(scripted_app: RunningApp) -> None:
    schema = httpx.get(f"{scripted_app.url}/openapi.json").json()
    assert "/overlap" in schema["paths"]
    assert not any("gradio" in path for path in schema["paths"])
    assert "swagger" in httpx.get(f"{scripted_app.url}/docs").text


def test_a_key_guards_the_api_and_leaves_the_page_open() -> None:
    environment = {"STARCODER_API_KEY": "the-first-key,the-second-key"}
    with running_app(*SCRIPTED, environment=environment) as app:
        app.wait_until_ready(key="the-first-key")
        assert httpx.get(f"{app.url}/metrics").status_code == 401
        headers = {"authorization": "Bearer the-second-key"}
        assert httpx.get(f"{app.url}/metrics", headers=headers).status_code == 200
        for path in ("/", "/config", "/health"):
            assert httpx.get(f"{app.url}{path}").status_code == 200, path
        join = httpx.post(f"{app.url}/gradio_api/queue/join", json={})
        assert join.status_code == 422
        assert "-key" not in app.output


def test_a_public_app_without_a_key_says_at_the_start_who_can_use_its_api() -> None:
    public = (*SCRIPTED, "--host", "0.0.0.0")
    with running_app(*public) as app:
        assert app.output.count("Everybody who can reach this app can use its API.") == 1
    with running_app(*public, environment={"STARCODER_API_KEY": "k"}) as app:
        assert "Everybody" not in app.output


def test_events_cannot_be_run_past_the_queue(scripted_app: RunningApp) -> None:
    config = httpx.get(f"{scripted_app.url}/config").json()
    queued = [event for event in config["dependencies"] if event["queue"] is not False]
    assert queued
    for event in queued:
        body = {"data": [], "fn_index": event["id"], "session_hash": "s"}
        response = httpx.post(f"{scripted_app.url}/gradio_api/run/predict", json=body)
        assert response.status_code == 404, event["api_name"]


def test_the_page_keeps_no_history_and_reports_to_nobody(scripted_app: RunningApp) -> None:
    config = httpx.get(f"{scripted_app.url}/config").json()
    assert config["run_history"] is False
    assert config["analytics_enabled"] is False


def test_a_form_of_another_page_cannot_start_an_event(scripted_app: RunningApp) -> None:
    """A browser sends text/plain across origins without asking first."""
    response = httpx.post(
        f"{scripted_app.url}/gradio_api/queue/join",
        content='{"data": [], "fn_index": 0, "session_hash": "s"}',
        headers={"content-type": "text/plain", "origin": "https://evil.example"},
    )
    assert response.status_code == 422
    assert "access-control-allow-origin" not in response.headers


def test_a_text_beyond_the_limit_comes_back_with_words_that_the_page_shows() -> None:
    with running_app(*SCRIPTED, "--max-body-bytes", "100000") as app:
        body = {"data": ["x" * 200_000], "fn_index": 0, "session_hash": "s"}
        response = httpx.post(f"{app.url}/gradio_api/queue/join", json=body)
    assert response.status_code == 413
    assert response.json()["detail"].startswith("That is too much at once: 0.2 MB were sent")


def test_ctrl_c_ends_at_once_although_a_page_is_open_and_a_model_loads() -> None:
    with (
        running_app("--engine", "scripted", "--scripted-load-seconds", "60") as app,
        httpx.stream("GET", f"{app.url}/gradio_api/heartbeat/session") as open_page,
    ):
        assert open_page.status_code == 200
        started = time.monotonic()
        app.process.send_signal(signal.SIGINT)
        assert app.process.wait(10) == 0
        assert time.monotonic() - started < 5
        assert app.output.endswith("Stopped.\n")
        assert "Traceback" not in app.output


def test_a_port_in_use_is_said_so_before_anything_loads() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        result = subprocess.run(
            [sys.executable, str(PROJECT / "app.py"), "--port", str(port)],
            capture_output=True,
            text=True,
            env=clean_environment(),
            check=False,
        )
    assert result.returncode == 2
    assert result.stderr == (
        f"Port {port} of 127.0.0.1 is in use already. "
        f"Choose another one: python app.py --port {port + 1}\n"
    )


def test_an_address_of_another_machine_is_said_so() -> None:
    with pytest.raises(PortError, match=r"Cannot serve on 192\.0\.2\.1:7860"):
        listen("192.0.2.1", 7860)


def test_a_setting_that_cannot_be_used_ends_the_start_with_one_line() -> None:
    result = subprocess.run(
        [sys.executable, str(PROJECT / "app.py"), "--device", "tpu"],
        capture_output=True,
        text=True,
        env=clean_environment(),
        check=False,
    )
    assert result.returncode == 2
    assert result.stderr.startswith("--device (STARCODER_DEVICE): ")
    assert len(result.stderr.splitlines()) == 1


def test_an_index_of_code_that_is_none_ends_the_start_with_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "index"
    path.write_text("no index")
    assert main(["--attribution-index", str(path), "--port", "0"]) == 2
    said = capsys.readouterr().err
    assert said == f"--attribution-index: {path} is no attribution index: build one.\n"


def test_where_no_tunnel_can_be_had_the_app_says_so_and_goes_on() -> None:
    # Nothing listens on port 1: the tunnel's own program cannot be fetched or cannot connect.
    environment = {"HTTPS_PROXY": "http://127.0.0.1:1", "HTTP_PROXY": "http://127.0.0.1:1"}
    with running_app(*SCRIPTED, "--share", environment=environment) as app:
        app.wait_until_ready()
        deadline = time.monotonic() + 30
        while "No share link: " not in app.output and time.monotonic() < deadline:
            time.sleep(0.1)
        assert app.output.count("No share link: ") == 1
        assert "The app goes on without one." in app.output
        assert httpx.get(f"{app.url}/").status_code == 200


def test_on_zerogpu_the_page_says_that_the_app_does_not_run_there_yet() -> None:
    with running_app("--hosting", "zerogpu", "--host", "127.0.0.1") as app:
        page = httpx.get(f"{app.url}/").text
        assert "does not run on ZeroGPU yet" in page
        assert "choose a CPU or a GPU of its own" in page


def test_access_tokens_never_reach_the_terminal() -> None:
    record = logging.LogRecord(
        "hub", logging.ERROR, "", 0, "bad token %s", ("hf_" + "a" * 30,), None
    )
    assert PlainFormatter().format(record) == "error: hub: bad token hf_***"


def test_importing_the_app_starts_nothing_and_loads_no_library() -> None:
    libraries = {"gradio", "torch", "transformers", "uvicorn"}
    code = f"import app, sys; assert not {libraries} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], cwd=PROJECT, check=True)

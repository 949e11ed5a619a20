"""`curl`, as people try a server out, against the real app with the embedded model."""

from __future__ import annotations

import json
import subprocess
from typing import Any

import pytest

from tests.servers import RunningApp

pytestmark = [pytest.mark.real, pytest.mark.timeout(600)]

ASKED: dict[str, Any] = {
    "model": "embedded",
    "prompt": "def add(a, b):\n    return ",
    "suffix": "\n\nprint(add(1, 2))\n",
    "max_tokens": 12,
    "temperature": 0,
}


def curl(app: RunningApp, body: dict[str, Any], *flags: str) -> str:
    command = ["curl", "--silent", "--show-error", "--max-time", "300", *flags]
    command += ["--header", "Content-Type: application/json", "--data", json.dumps(body)]
    command.append(f"{app.url}/v1/completions")
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_suffix_is_filled_up_to_and_the_stream_says_the_same(local_app: RunningApp) -> None:
    whole = json.loads(curl(local_app, ASKED, "--fail"))
    [choice] = whole["choices"]
    assert choice["text"].strip()
    assert "fim_" not in choice["text"]
    assert whole["usage"]["completion_tokens"] <= 12

    answer = curl(local_app, ASKED | {"stream": True}, "-N", "--fail", "--include")
    headers, _, stream = answer.partition("\n\n")
    assert "content-type: text/event-stream" in headers.lower()
    *events, end = [line.removeprefix("data: ") for line in stream.splitlines() if line]
    assert end == "[DONE]"
    assert stream.endswith("data: [DONE]\n\n")
    told = [json.loads(event)["choices"][0] for event in events]
    assert len(told) > 1
    assert "".join(each["text"] for each in told) == choice["text"]
    assert told[-1]["finish_reason"] == choice["finish_reason"]


def test_what_is_wrong_is_a_body_that_says_so(local_app: RunningApp) -> None:
    flags = ("--write-out", "\n%{http_code}")
    body, _, status = curl(local_app, ASKED | {"logit_bias": {"5": 1}}, *flags).rpartition("\n")
    assert status == "400"
    assert json.loads(body)["error"]["param"] == "logit_bias"

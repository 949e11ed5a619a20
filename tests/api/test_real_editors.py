"""Editors' requests to the real app with the embedded model, through llama.cpp's and Ollama's
routes."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest
from tokenizers import Tokenizer

from tests.servers import RunningApp

pytestmark = [pytest.mark.real, pytest.mark.timeout(600)]

# It ends where a token does, so that a prompt that is put together elsewhere is the same.
PREFIX = "def add(first, second):\n    return first +"
SUFFIX = "\n\n\nprint(add(1, 2))\n"
# In the order that this model does better in; prefix first it is another question.
FIM = f"<fim_prefix><fim_suffix>{SUFFIX}<fim_middle>{PREFIX}"


def post(app: RunningApp, path: str, body: dict[str, Any]) -> httpx.Response:
    response = httpx.post(f"{app.url}{path}", json=body, timeout=300)
    assert response.status_code == 200, response.text
    return response


def test_every_way_to_infill_finds_the_same_middle(local_app: RunningApp) -> None:
    line = "    return first +"
    vim = {"input_prefix": PREFIX.removesuffix(line), "prompt": line, "input_suffix": SUFFIX}
    limits = {"num_predict": 12, "temperature": 0}
    ollama = {"options": limits, "stream": False}
    middles = [
        post(local_app, "/infill", vim | {"n_predict": 12}).json()["content"],
        post(local_app, "/completion", {"prompt": FIM, "n_predict": 12, "temperature": 0}).json()[
            "content"
        ],
        post(local_app, "/api/generate", ollama | {"prompt": PREFIX, "suffix": SUFFIX}).json()[
            "response"
        ],
        post(local_app, "/api/generate", ollama | {"prompt": FIM}).json()["response"],
        post(
            local_app,
            "/api/generate/",
            {"inputs": FIM, "parameters": {"max_new_tokens": 12, "do_sample": False}},
        ).json()["generated_text"],
    ]
    assert len(set(middles)) == 1
    assert middles[0] == " second"


def test_a_streamed_infill_is_the_whole_one(local_app: RunningApp) -> None:
    body = {"input_prefix": PREFIX, "input_suffix": SUFFIX, "n_predict": 12}
    whole = post(local_app, "/infill", body).json()["content"]
    events = post(local_app, "/infill", body | {"stream": True}).text.split("\n\n")
    steps = [json.loads(event.removeprefix("data: ")) for event in events if event]
    assert "".join(step["content"] for step in steps) == whole

    asked = {
        "prompt": PREFIX,
        "suffix": SUFFIX,
        "options": {"num_predict": 12, "temperature": 0},
    }
    lines = post(local_app, "/api/generate", asked).text.splitlines()
    assert "".join(json.loads(line)["response"] for line in lines) == whole


def test_the_second_request_finds_the_firsts_prompt_computed(local_app: RunningApp) -> None:
    body = {"prompt": "# " + "word " * 300, "n_predict": 1}
    post(local_app, "/completion", body | {"n_predict": 0})
    timings = post(local_app, "/completion", body).json()["timings"]
    assert timings["cache_n"] > timings["prompt_n"]


def test_the_chat_model_answers_with_figures(local_app: RunningApp) -> None:
    messages = [{"role": "user", "content": "Say hello."}]
    asked = {"messages": messages, "options": {"num_predict": 8, "temperature": 0}}
    lines = [json.loads(line) for line in post(local_app, "/api/chat", asked).text.splitlines()]
    assert "".join(line["message"]["content"] for line in lines).strip()
    assert lines[-1]["eval_count"] <= 8
    assert lines[-1]["eval_duration"] > 0


def test_the_tokenizer_file_counts_as_the_server_does(local_app: RunningApp) -> None:
    file = httpx.get(f"{local_app.url}/tokenizer.json", timeout=60)
    counter = Tokenizer.from_str(file.text)
    for text in (PREFIX, FIM, "a😀b"):
        ids = post(local_app, "/tokenize", {"content": text}).json()["tokens"]
        assert counter.encode(text, add_special_tokens=False).ids == ids
        assert post(local_app, "/detokenize", {"tokens": ids}).json()["content"] == text

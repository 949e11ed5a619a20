"""TGI's own Python client, `text-generation`, in an environment of its own: it needs an older
huggingface_hub than the app."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.servers import RunningApp

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

PACKAGES = ("text-generation==0.7.0", "huggingface_hub==0.36.0")

# Prints what the client made of the answers, as one line of JSON.
SCRIPT = """
import asyncio, json, sys
from text_generation import AsyncClient, Client
from text_generation.errors import GenerationError, ValidationError

url = sys.argv[1]
client = Client(url)

def error_of(call):
    try:
        call()
    except (GenerationError, ValidationError) as error:
        return [type(error).__name__, str(error)]

async def stream():
    return [one.token.text async for one in AsyncClient(url).generate_stream("SAY: ab")]

whole = client.generate("SAY: ab", max_new_tokens=60)
streamed = list(client.generate_stream("SAY: naïve", max_new_tokens=60, top_n_tokens=2))
sampled = client.generate(
    "SAY: a\\n\\nb", temperature=0.5, top_p=0.9, seed=3, stop_sequences=["\\n\\n"], truncate=50,
    repetition_penalty=1.1, return_full_text=True,
)
print(json.dumps({
    "whole": whole.model_dump(mode="json"),
    "streamed": [one.model_dump(mode="json") for one in streamed],
    "sampled": sampled.model_dump(mode="json"),
    "async": asyncio.run(stream()),
    "errors": [
        error_of(lambda: client.generate("SAY: a", best_of=2, do_sample=True)),
        error_of(lambda: client.generate("FAIL", max_new_tokens=1000)),
        error_of(lambda: list(client.generate_stream("SAY: a", watermark=True))),
        error_of(lambda: list(client.generate_stream("FAIL", max_new_tokens=1000))),
    ],
}))
"""


# The same of a real model, whose texts nobody knows beforehand.
REAL_SCRIPT = """
import json, sys
from text_generation import Client
from text_generation.errors import ValidationError

client = Client(sys.argv[1], timeout=300)
prompt = sys.argv[2]
whole = client.generate(prompt, max_new_tokens=12)
streamed = list(client.generate_stream(prompt, max_new_tokens=12))
try:
    client.generate("word " * 20_000, max_new_tokens=1)
except ValidationError as error:
    refusal = str(error)
print(json.dumps({
    "whole": whole.model_dump(mode="json"),
    "streamed": [one.model_dump(mode="json") for one in streamed],
    "refusal": refusal,
}))
"""


@pytest.fixture(scope="module")
def python() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="text-generation-") as folder:
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
        python = Path(folder, "bin", "python")
        install = (str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check")
        subprocess.run([*install, *PACKAGES], check=True)
        yield python


def run(python: Path, script: str, *arguments: str) -> Any:
    command = [str(python), "-c", script, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def told(python: Path, scripted_app: RunningApp) -> Any:
    return run(python, SCRIPT, scripted_app.url)


def test_a_whole_answer_has_its_details(told: Any) -> None:
    assert told["whole"]["generated_text"] == "ab"
    details = told["whole"]["details"]
    assert details["finish_reason"] == "eos_token"
    assert details["generated_tokens"] == 3
    assert [token["text"] for token in details["tokens"]] == ["a", "b", "<|endoftext|>"]
    assert details["seed"] is None


def test_a_stream_has_the_same_text(told: Any) -> None:
    *_, last = told["streamed"]
    assert last["generated_text"] == "naïve"
    assert last["details"]["finish_reason"] == "eos_token"
    texts = [one["token"]["text"] for one in told["streamed"] if not one["token"]["special"]]
    assert "".join(texts) == "naïve"
    assert all(len(one["top_tokens"]) == 2 for one in told["streamed"])
    assert told["async"] == ["a", "b", "<|endoftext|>"]


def test_what_it_asks_for_is_done(told: Any) -> None:
    assert told["sampled"]["generated_text"] == "SAY: a\n\nba"
    assert told["sampled"]["details"]["finish_reason"] == "stop_sequence"
    assert told["sampled"]["details"]["seed"] == 3


def test_errors_have_its_types(told: Any) -> None:
    best_of, failed, watermark, failed_on_the_way = told["errors"]
    assert best_of[0] == watermark[0] == "ValidationError"
    assert "'best_of'" in best_of[1]
    assert "'watermark'" in watermark[1]
    assert failed == failed_on_the_way
    assert failed[0] == "GenerationError"


@pytest.mark.real
@pytest.mark.timeout(600)
def test_the_embedded_model_fills_a_gap_for_it_streamed_and_whole(
    python: Path, local_app: RunningApp
) -> None:
    prompt = "<fim_prefix>def add(a, b):\n    return <fim_suffix>\n\nprint(add(1, 2))\n<fim_middle>"
    told = run(python, REAL_SCRIPT, local_app.url, prompt)
    whole, streamed = told["whole"], told["streamed"]
    assert whole["generated_text"].strip()
    assert "fim_" not in whole["generated_text"]
    assert whole["details"]["generated_tokens"] <= 12
    assert streamed[-1]["generated_text"] == whole["generated_text"]
    assert streamed[-1]["details"]["finish_reason"] == whole["details"]["finish_reason"]
    ids = [one["token"]["id"] for one in streamed]
    assert ids == [token["id"] for token in whole["details"]["tokens"]]
    texts = [one["token"]["text"] for one in streamed if not one["token"]["special"]]
    assert "".join(texts) == whole["generated_text"]
    window = httpx.get(f"{local_app.url}/info").json()["max_input_tokens"]
    assert f"over the {window:,}" in told["refusal"]

"""`/v1/completions` as a client sees it, ours and that of `transformers serve`."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from benchmarks.measure import Sample
from benchmarks.paths import make_prompt
from tests.servers import stop

START_SECONDS = 120
READ_SECONDS = 300
POLL_SECONDS = 0.2


@dataclass
class CompletionsPath:
    """A streamed, greedy completion over HTTP, on a connection that is kept open.

    The first token is the first text that arrives; the number of tokens is what the server says.
    """

    url: str
    num_new: int
    client: httpx.Client = field(default_factory=lambda: httpx.Client(timeout=READ_SECONDS))

    def __call__(self, number: int) -> Sample:
        sample = self.ask({"prompt": make_prompt(number)})
        if sample.num_tokens < 0.9 * self.num_new:
            raise RuntimeError(f"the text ended after {sample.num_tokens} tokens")
        return sample

    def ask(self, prompt: Mapping[str, str]) -> Sample:
        """
        Args:
            prompt: the fields `prompt` and, for a gap, `suffix`.
        """
        body = {
            **prompt,
            "max_tokens": self.num_new,
            "temperature": 0,
            "stream": True,
            "stream_options": {"include_usage": True},
        }
        first, num_tokens = 0.0, 0
        start = time.perf_counter()
        with self.client.stream("POST", f"{self.url}/v1/completions", json=body) as response:
            if response.status_code != 200:
                raise RuntimeError(f"{response.status_code}: {response.read().decode()[:300]}")
            for event in read_events(response.iter_lines()):
                if "error" in event:
                    raise RuntimeError(str(event["error"]))
                if not first and any(choice.get("text") for choice in event["choices"]):
                    first = time.perf_counter() - start
                num_tokens = (event.get("usage") or {}).get("completion_tokens", num_tokens)
        total = time.perf_counter() - start
        return Sample(first or total, total, num_tokens)


def read_events(lines: Iterator[str]) -> Iterator[dict[str, Any]]:
    """The JSON of each server-sent event; comments and `[DONE]` are passed over."""
    for line in lines:
        data = line.removeprefix("data:").strip()
        if line.startswith("data:") and data != "[DONE]":
            yield json.loads(data)


@contextmanager
def transformers_serve(folder: Path, precision: str, threads: int) -> Iterator[str]:
    """The address of `transformers serve` with the checkpoint in `folder`, while it runs.

    Raises:
        RuntimeError: it cannot be started; its own words are in the message.
    """
    command = [sys.executable, "-m", "transformers.cli.transformers", "serve", str(folder)]
    options = ["--host", "127.0.0.1", "--port", "0", "--dtype", precision, "--device", "cpu"]
    environment = os.environ | {"HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": str(threads)}
    with tempfile.TemporaryDirectory() as home:
        log = Path(home, "terminal.log")
        with log.open("wb") as terminal:
            process = subprocess.Popen(
                [*command, *options],
                cwd=home,
                env=environment,
                stdout=terminal,
                stderr=subprocess.STDOUT,
            )
        try:
            yield _wait_for_address(process, log)
        finally:
            stop(process)


def _wait_for_address(process: subprocess.Popen[bytes], log: Path) -> str:
    deadline = time.monotonic() + START_SECONDS
    while True:
        output = log.read_text(errors="replace")
        if found := re.search(r"running on (http://[\d.]+:\d+)", output):
            return found[1]
        if process.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError(f"transformers serve did not start:\n{output[-2000:]}")
        time.sleep(POLL_SECONDS)

"""The ways to a token: bare `generate`, the engine, the page's endpoint. Same prompt, greedy."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass

import torch
from gradio_client import Client
from transformers import PreTrainedModel

from benchmarks.measure import Sample
from model.engine.base import Engine, ResidentModel
from model.engine.events import Finished, Token
from model.engine.generation import GenerationRequest
from model.sampling import SamplingParams

# No such id: every run decodes to the full length.
NO_STOP = (2**40,)

CODE = '''import json
from pathlib import Path


class Inventory:
    """Items in stock, kept in a JSON file."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.items = json.loads(path.read_text()) if path.exists() else {}

    def add(self, name: str, count: int = 1) -> None:
        self.items[name] = self.items.get(name, 0) + count

'''
# A pattern that the model carries on with for long: the page cannot be told to ignore its end.
# No line break at the end, which the page's path would heal and the others not.
TABLE = "SQUARES = {" + "".join(f"\n    {number}: {number**2}," for number in range(1, 25))


def make_prompt(number: int, copies: int = 1) -> str:
    """Code that starts with `number`, so that no kept cache shares its start."""
    return f"# {number}\n" + CODE * copies + TABLE


@dataclass
class BarePath:
    """`model.generate` on this thread, with nothing of ours around it."""

    model: PreTrainedModel
    resident: ResidentModel
    num_new: int

    def __call__(self, number: int) -> Sample:
        ids = torch.tensor([self.resident.tokenizer.encode_text(make_prompt(number))])
        first = self._generate(ids, 1)
        return Sample(first, self._generate(ids, self.num_new), self.num_new)

    def _generate(self, ids: torch.Tensor, num_new: int) -> float:
        start = time.perf_counter()
        self.model.generate(
            ids,
            attention_mask=torch.ones_like(ids),
            do_sample=False,
            min_new_tokens=num_new,
            max_new_tokens=num_new,
            pad_token_id=0,
        )
        return time.perf_counter() - start


@dataclass
class EnginePath:
    """The engine: admission, prefill in chunks, streamer, events."""

    engine: Engine
    resident: ResidentModel
    num_new: int

    def __call__(self, number: int) -> Sample:
        return self.run(self.resident.tokenizer.encode_text(make_prompt(number)))

    def run(self, ids: list[int]) -> Sample:
        return asyncio.run(self._run(ids))

    async def _run(self, ids: list[int]) -> Sample:
        params = SamplingParams(temperature=0, max_new_tokens=self.num_new)
        start = time.perf_counter()
        first = 0.0
        request = GenerationRequest("base", tuple(ids), params, NO_STOP)
        async for event in self.engine.submit(request, "benchmark"):
            if isinstance(event, Token) and not first:
                first = time.perf_counter() - start
            if isinstance(event, Finished):
                total = time.perf_counter() - start
                return Sample(first, total, event.usage.completion_tokens)
        raise RuntimeError("the generation failed")


@dataclass
class PagePath:
    """The page's endpoint over HTTP: Gradio's queue and stream, throttled updates."""

    client: Client
    resident: ResidentModel
    num_new: int

    def __call__(self, number: int) -> Sample:
        settings = {"temperature": 0, "max_new_tokens": self.num_new}
        start = time.perf_counter()
        first, text = 0.0, ""
        job = self.client.submit(make_prompt(number), settings, api_name="/continue")
        for text in job:
            if text and not first:
                first = time.perf_counter() - start
        total = time.perf_counter() - start
        num_tokens = len(self.resident.tokenizer.encode_text(text))
        if num_tokens < 0.9 * self.num_new:
            raise RuntimeError(f"the text ended after {num_tokens} tokens: choose another prompt")
        return Sample(first, total, num_tokens)

"""Runners over tiny models, and what they are compared with."""

from __future__ import annotations

from pathlib import Path

import torch
from transformers import AutoModelForCausalLM, PreTrainedModel

from model.engine.runner import ModelRunner
from model.engine.scripted import ByteTokenizer
from model.sampling import SamplingParams

CHUNK = 16
CONTEXT = 256
GREEDY = SamplingParams(temperature=0, max_new_tokens=12)
NO_STOP = (10_000,)  # an id that the tiny models never sample


def load(folder: Path) -> PreTrainedModel:
    return AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()


def make_runner(model: PreTrainedModel, context: int = CONTEXT) -> ModelRunner:
    return ModelRunner(model, ByteTokenizer(), context, CHUNK)


def prompt_of(length: int, start: int = 30) -> tuple[int, ...]:
    return tuple(start + (7 * index) % 90 for index in range(length))


def bare_greedy(model: PreTrainedModel, prompt_ids: tuple[int, ...], count: int) -> list[int]:
    output = model.generate(
        torch.tensor([prompt_ids]),
        attention_mask=torch.ones(1, len(prompt_ids), dtype=torch.long),
        do_sample=False,
        max_new_tokens=count,
        eos_token_id=NO_STOP[0],
        pad_token_id=0,
    )
    return output[0, len(prompt_ids) :].tolist()

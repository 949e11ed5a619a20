"""Where a training stands, in a folder: whole, or not there at all."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file

from training.lora import ADAPTER_FILE, restore_adapter, save_adapter, trainable

STATE_FILE = "state.json"
OPTIMISER_FILE = "optimiser.safetensors"


@dataclass
class Progress:
    """How far it is.

    Attributes:
        step: how many steps were taken.
        seed: of the examples' order.
        data_sha256: of the training data that the steps were counted on.
        tokens: tokens read so far, by this training and not by the adapter it began with.
        examples: the same in examples; with the seed it says which come next.
        curve: one row for each validation.
    """

    step: int = 0
    seed: int = 1
    data_sha256: str = ""
    tokens: int = 0
    examples: int = 0
    curve: list[dict[str, float]] = field(default_factory=list)


def save_state(
    folder: Path,
    model: Any,
    optimiser: torch.optim.AdamW | None,
    progress: Progress,
    *,
    dtype: torch.dtype = torch.float32,
) -> None:
    """Replace what `folder` holds. Without an optimiser it is a checkpoint to be handed on."""
    partial = folder.with_name(f"{folder.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    save_adapter(model, partial, dtype)
    if optimiser is not None:
        save_file(_moments(model, optimiser), partial / OPTIMISER_FILE)
    (partial / STATE_FILE).write_text(json.dumps(asdict(progress), indent=1) + "\n", "utf-8")
    old = folder.with_name(f"{folder.name}.old")
    shutil.rmtree(old, ignore_errors=True)
    if folder.exists():
        os.replace(folder, old)
    os.replace(partial, folder)
    shutil.rmtree(old, ignore_errors=True)


def read_progress(folder: Path) -> Progress:
    """
    Raises:
        FileNotFoundError: nothing was saved there.
    """
    return Progress(**json.loads((folder / STATE_FILE).read_text("utf-8")))


def restore_state(folder: Path, model: Any, optimiser: torch.optim.AdamW) -> None:
    """Put weights and, where they were kept, the optimiser's moments back."""
    restore_adapter(model, folder / ADAPTER_FILE)
    if (folder / OPTIMISER_FILE).is_file():
        _restore_moments(model, optimiser, load_file(folder / OPTIMISER_FILE))


def _moments(model: Any, optimiser: torch.optim.AdamW) -> dict[str, torch.Tensor]:
    moments = {}
    for name, weight in trainable(model).items():
        for key, value in optimiser.state.get(weight, {}).items():
            moments[f"{key}/{name}"] = value.detach().clone()
    return moments


def _restore_moments(
    model: Any, optimiser: torch.optim.AdamW, moments: Mapping[str, torch.Tensor]
) -> None:
    weights = trainable(model)
    for key_and_name, value in moments.items():
        key, _, name = key_and_name.partition("/")
        optimiser.state[weights[name]][key] = value

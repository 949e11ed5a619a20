"""Apps whose scripted model passes for one of a family, with that family's special tokens."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from model.loading.residency import Residency
from model.loading.slot import ModelSource
from model.service import GenerationService
from settings import load_settings
from tests.api.tokenized import TokenizedEngine, hub_preset
from tests.checkpoints import write_tokenizer
from tests.servers import app_in_thread


@contextmanager
def told_app(folder: Path, tokens: Sequence[str], preset_name: str) -> Iterator[str]:
    """Its address. The model is in both slots; its tokenizer is written to `folder`."""
    write_tokenizer(folder, tokens)
    preset = hub_preset(preset_name)
    engine = TokenizedEngine(folder, preset)
    source = ModelSource(preset, lambda job: None)
    service = GenerationService(Residency(engine, {"base": source, "chat": source}), engine)
    with app_in_thread(load_settings(["--engine", "scripted"]), service) as address:
        yield address

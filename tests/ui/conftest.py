"""A service over the scripted engine, in this process."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from model.engine.generation import SLOTS
from model.engine.scripted import ScriptedEngine
from model.loading.residency import Residency
from model.loading.slot import ModelSource
from model.presets import ModelPreset
from model.service import GenerationService

SCRIPT = ModelPreset("scripted", "Script without a model")


@pytest.fixture
async def service() -> AsyncIterator[GenerationService]:
    """Ready, and slow enough to be stopped half-way."""
    engine = ScriptedEngine(tokens_per_second=200)
    residency = Residency(engine, {slot: ModelSource(SCRIPT, lambda _: None) for slot in SLOTS})
    residency.start()
    for slot in SLOTS:
        async for _ in residency.wait(slot):
            pass
    yield GenerationService(residency, engine)
    await residency.close()
    engine.close()

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from model.engine.base import LoadProgress
from model.engine.scripted import ScriptedEngine
from model.errors import ModelLoadError, ModelNotReadyError
from model.loading.job import LoadJob
from model.loading.residency import Residency
from model.loading.slot import LoadFailed, Loading, ModelSource, Ready
from model.presets import ModelPreset

PRESET = ModelPreset("scripted", "Scripted")


def no_files(job: LoadJob) -> Path | None:
    return None


def make_residency(prepare: Callable[[LoadJob], Path | None] = no_files) -> Residency:
    source = ModelSource(PRESET, prepare)
    return Residency(ScriptedEngine(), {"base": source, "chat": source})


async def wait_until_ready(residency: Residency) -> list[LoadProgress]:
    return [progress async for progress in residency.wait("base")]


async def test_a_slot_loads_in_the_background_and_then_leases_its_model() -> None:
    residency = make_residency()
    assert isinstance(residency.status("base"), Loading)
    residency.start()
    await wait_until_ready(residency)
    async with residency.lease("base") as resident:
        assert resident.preset is PRESET
        assert residency.status("base") == Ready(resident)
    await residency.close()


async def test_a_lease_before_the_model_is_there_says_how_far_it_is() -> None:
    residency = make_residency()
    with pytest.raises(ModelNotReadyError, match="waiting to load"):
        async with residency.lease("base"):
            raise AssertionError("leased a model that is not loaded")


async def test_who_waits_sees_the_stages() -> None:
    def prepare(job: LoadJob) -> Path | None:
        job.report(LoadProgress("unpacking", 0.5))
        return None

    residency = make_residency(prepare)
    residency.start()
    stages = {progress.stage for progress in await wait_until_ready(residency)}
    assert stages <= {"waiting to load", "unpacking", "loading the script"}
    assert stages
    await residency.close()


async def test_a_failed_load_is_told_to_who_waits_and_can_be_tried_again() -> None:
    faults = iter([ModelLoadError("No disk space.", "Free some."), None])

    def prepare(job: LoadJob) -> Path | None:
        fault = next(faults)
        if fault is not None:
            raise fault
        return None

    residency = Residency(ScriptedEngine(), {"base": ModelSource(PRESET, prepare)})
    residency.start()
    with pytest.raises(ModelLoadError, match="No disk space"):
        await wait_until_ready(residency)
    assert isinstance(residency.status("base"), LoadFailed)
    residency.retry("base")
    await wait_until_ready(residency)
    assert isinstance(residency.status("base"), Ready)
    await residency.close()


async def test_a_failure_told_again_and_again_keeps_no_frames_of_who_was_told() -> None:
    def prepare(job: LoadJob) -> Path | None:
        raise ModelLoadError("No disk space.")

    residency = make_residency(prepare)
    residency.start()
    depths = []
    for _ in range(3):
        with pytest.raises(ModelLoadError) as caught:
            await wait_until_ready(residency)
        depths.append(len(caught.traceback))
    assert depths[0] == depths[1] == depths[2]
    await residency.close()


async def test_an_unforeseen_fault_while_loading_becomes_a_load_error() -> None:
    def prepare(job: LoadJob) -> Path | None:
        raise KeyError("secret")

    residency = make_residency(prepare)
    residency.start()
    with pytest.raises(ModelLoadError, match="KeyError") as caught:
        await wait_until_ready(residency)
    assert "secret" not in str(caught.value)
    await residency.close()


async def test_closing_while_a_load_waits_ends_it() -> None:
    residency = make_residency()
    await residency._load_lock.acquire()
    residency.start()
    await asyncio.sleep(0)
    await residency.close()
    assert not residency._tasks

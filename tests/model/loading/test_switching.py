"""How models change places: who is waited for, who waits, and what comes back after a failure."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from model.engine.base import LoadProgress
from model.engine.generation import SLOTS, Slot
from model.engine.scripted import ScriptedEngine
from model.errors import (
    DoesNotFitError,
    LoadCancelledError,
    ModelLoadError,
    ModelNotReadyError,
    SwitchingError,
)
from model.loading.job import LoadJob
from model.loading.residency import Residency
from model.loading.slot import (
    ChangeFailed,
    Changing,
    Lease,
    LoadFailed,
    ModelSource,
    Parked,
    Ready,
)
from model.presets import ModelPreset, ModelShape

SHAPE = ModelShape("gpt_bigcode", 1, 1, 1, 1, 1, 1, 1)


def source(name: str, fetch: Callable[[LoadJob], Path | None] = lambda job: None) -> ModelSource:
    return ModelSource(ModelPreset(name, name.title()), fetch)


class BrittleEngine(ScriptedEngine):
    """Fails to load models of that name."""

    broken = "broken"

    def load(self, slot, preset, folder, report, quantization=None):  # type: ignore[no-untyped-def]
        if preset.name == self.broken:
            raise ModelLoadError("It broke.", "Mend it.")
        return super().load(slot, preset, folder, report, quantization)


@asynccontextmanager
async def resident(
    *, room: int | None = None, may_swap: bool = True, slots: tuple[Slot, ...] = SLOTS
) -> AsyncIterator[Residency]:
    """Models "base" and "chat", loaded as far as there is room."""
    engine = BrittleEngine(room=room)
    residency = Residency(engine, {slot: source(slot) for slot in slots}, may_swap=may_swap)
    residency.start()
    try:
        for slot in slots:
            await settle(residency, slot)
        yield residency
    finally:
        await residency.close()
        await asyncio.to_thread(engine.close)


async def settle(residency: Residency, slot: Slot) -> None:
    """Until no load of the slot is under way."""
    async with asyncio.timeout(10):
        while residency.is_busy(slot):
            await residency.wait_for_change(slot)


def name_in(residency: Residency, slot: Slot) -> str:
    status = residency.status(slot)
    assert isinstance(status, Ready), status
    return status.resident.preset.name


async def granted(lease: Lease) -> str:
    async with asyncio.timeout(10):
        async for _ in lease.wait():
            pass
    return lease.resident.preset.name


async def test_a_switch_puts_another_model_in_the_slot() -> None:
    async with resident() as residency:
        residency.switch("base", source("new"))
        assert isinstance(residency.change("base"), Changing)
        await settle(residency, "base")
        assert name_in(residency, "base") == "new"
        assert name_in(residency, "chat") == "chat"
        assert residency.change("base") is None


async def test_the_present_model_serves_while_the_next_is_fetched() -> None:
    may_go_on = threading.Event()

    def fetch(job: LoadJob) -> None:
        job.report(LoadProgress("downloading", 0.5))
        assert may_go_on.wait(10)

    async with resident() as residency:
        residency.switch("base", source("new", fetch))
        async with residency.queue("base") as lease:
            assert await granted(lease) == "base"
        may_go_on.set()
        await settle(residency, "base")
        assert name_in(residency, "base") == "new"


async def test_a_switch_waits_for_leases_and_new_leases_wait_for_the_switch() -> None:
    async with resident() as residency, residency.queue("base") as old:
        assert await granted(old) == "base"
        residency.switch("base", source("new"))
        await stage(residency, "base", "waiting for 1 generation to finish")
        async with residency.queue("base") as young:
            with pytest.raises(ModelNotReadyError, match="waiting for 1 generation"):
                _ = young.resident
            assert old.resident.preset.name == "base"
            residency._slots["base"].leave(old)
            assert await granted(young) == "new"


async def test_an_urgent_switch_asks_those_who_hold_a_lease_to_end() -> None:
    async with resident() as residency:
        asked = asyncio.Event()
        async with residency.queue("base", asked.set) as lease:
            assert await granted(lease) == "base"
            residency.switch("base", source("new"), is_urgent=True)
            async with asyncio.timeout(10):
                await asked.wait()
        await settle(residency, "base")
        assert name_in(residency, "base") == "new"


@pytest.mark.parametrize("room", [None, 2], ids=["beside the old one", "in its place"])
async def test_a_model_that_cannot_be_loaded_leaves_the_former_one_serving(
    room: int | None,
) -> None:
    async with resident(room=room) as residency:
        residency.switch("base", source("broken"))
        await settle(residency, "base")
        change = residency.change("base")
        assert isinstance(change, ChangeFailed)
        assert change.preset.name == "broken"
        assert change.error.message == "It broke."
        async with residency.queue("base") as lease:
            assert await granted(lease) == "base"
        residency.dismiss("base")
        assert residency.change("base") is None


async def test_a_failed_switch_can_be_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    async with resident() as residency:
        residency.switch("base", source("broken"))
        await settle(residency, "base")
        monkeypatch.setattr(BrittleEngine, "broken", "")
        residency.retry("base")
        await settle(residency, "base")
        assert name_in(residency, "base") == "broken"


async def test_one_switch_of_a_slot_at_a_time() -> None:
    async with resident() as residency:
        residency.switch("base", source("new"))
        with pytest.raises(SwitchingError, match="New is being loaded already"):
            residency.switch("base", source("newer"))
        await settle(residency, "base")


async def test_a_download_can_be_cancelled_and_the_former_model_serves_on() -> None:
    def fetch(job: LoadJob) -> None:
        while True:
            job.report(LoadProgress("downloading"))

    async with resident() as residency:
        residency.switch("base", source("new", fetch))
        await stage(residency, "base", "downloading")
        residency.cancel("base")
        await settle(residency, "base")
        change = residency.change("base")
        assert isinstance(change, ChangeFailed)
        assert isinstance(change.error, LoadCancelledError)
        assert name_in(residency, "base") == "base"


async def test_a_switch_that_waits_for_a_generation_can_be_cancelled() -> None:
    async with resident() as residency, residency.queue("base") as lease:
        assert await granted(lease) == "base"
        residency.switch("base", source("new"))
        await stage(residency, "base", "waiting for 1 generation to finish")
        residency.cancel("base")
        await settle(residency, "base")
        async with residency.queue("base") as young:
            assert await granted(young) == "base"


async def test_models_that_do_not_fit_together_take_turns() -> None:
    async with resident(room=1) as residency:
        assert isinstance(residency.status("base"), Parked)
        assert name_in(residency, "chat") == "chat"
        async with residency.queue("base") as lease:
            assert await granted(lease) == "base"
            assert isinstance(residency.status("chat"), Parked)
        async with residency.queue("chat") as lease:
            assert await granted(lease) == "chat"


async def test_a_whole_queue_is_served_before_the_other_model_takes_its_turn() -> None:
    order: list[str] = []

    async def ask(residency: Residency, slot: Slot, number: int) -> None:
        async with residency.queue(slot) as lease:
            assert await granted(lease) == slot
            order.append(slot)
            await asyncio.sleep(0)

    async with resident(room=1) as residency:
        slots: list[Slot] = ["base", "chat"] * 10
        async with asyncio.TaskGroup() as group:
            for number, slot in enumerate(slots):
                group.create_task(ask(residency, slot, number))
        assert len(order) == 20
        # chat is resident at first: all of its queue, then all of the other's.
        assert order == ["chat"] * 10 + ["base"] * 10


async def test_a_turn_that_fails_gives_the_memory_back(monkeypatch: pytest.MonkeyPatch) -> None:
    async with resident(room=1) as residency:
        monkeypatch.setattr(BrittleEngine, "broken", "base")
        async with residency.queue("base") as lease:
            with pytest.raises(ModelLoadError, match="It broke"):
                await granted(lease)
        await settle(residency, "base")
        assert isinstance(residency.status("base"), LoadFailed)
        assert name_in(residency, "chat") == "chat"
        monkeypatch.setattr(BrittleEngine, "broken", "")
        residency.retry("base")
        await settle(residency, "base")
        assert name_in(residency, "base") == "base"


async def test_where_turns_are_not_allowed_the_second_model_is_refused_with_the_plan() -> None:
    async with resident(room=1, may_swap=False) as residency:
        status = residency.status("chat")
        assert isinstance(status, LoadFailed)
        assert isinstance(status.error, DoesNotFitError)
        assert status.error.plan.rows
        assert name_in(residency, "base") == "base"


async def test_a_model_that_cannot_fit_is_refused_before_anything_is_fetched() -> None:
    def fetch(job: LoadJob) -> None:
        raise AssertionError("fetched a model that cannot fit")

    async with resident(room=0, slots=("base",)) as residency:
        preset = ModelPreset("large", "Large", shape=SHAPE)
        residency.switch("base", ModelSource(preset, fetch))
        await settle(residency, "base")
        status = residency.status("base")
        assert isinstance(status, LoadFailed)
        assert "Large does not fit" in status.error.message


async def test_a_source_is_resolved_anew_at_each_try() -> None:
    names = iter(["broken", "good"])
    chosen: list[ModelSource] = []

    def resolve(job: LoadJob) -> ModelSource:
        chosen.append(source(next(names)))
        return chosen[-1]

    engine = BrittleEngine()
    wanted = ModelSource(ModelPreset("auto", "Auto"), lambda job: None, resolve=resolve)
    residency = Residency(engine, {"base": wanted})
    residency.start()
    await settle(residency, "base")
    assert residency.preset("base").name == "broken"
    residency.retry("base")
    await settle(residency, "base")
    assert name_in(residency, "base") == "good"
    assert residency.source("base") is chosen[-1]
    await residency.close()
    await asyncio.to_thread(engine.close)


async def stage(residency: Residency, slot: Slot, wanted: str) -> None:
    """Until the slot's change has reached that stage."""
    async with asyncio.timeout(10):
        while True:
            change = residency.change(slot)
            if isinstance(change, Changing) and change.progress.stage == wanted:
                return
            await residency.wait_for_change(slot)


async def test_one_copy_for_both_slots_is_not_refused_for_want_of_room(tmp_path: Path) -> None:
    preset = ModelPreset("large", "Large", shape=SHAPE)
    both = ModelSource(preset, lambda job: tmp_path)
    engine = SharingEngine(room=1)
    residency = Residency(engine, {"base": both, "chat": both}, may_swap=False)
    residency.start()
    for slot in SLOTS:
        await settle(residency, slot)
    assert [name_in(residency, slot) for slot in SLOTS] == ["large", "large"]
    await residency.close()
    await asyncio.to_thread(engine.close)


class SharingEngine(ScriptedEngine):
    """Knows, once it is asked about files, that a second copy needs no room."""

    def plan(self, slot, preset, folder, wish="auto", *, without=()):  # type: ignore[no-untyped-def]
        if folder is not None and self._resident_slots - {slot}:
            return None
        return super().plan(slot, preset, folder, wish, without=without)


async def test_a_parked_model_survives_a_switch_that_fails_or_is_cancelled() -> None:
    def fetch(job: LoadJob) -> None:
        while True:
            job.report(LoadProgress("downloading"))

    async with resident(room=1) as residency:
        for new in (source("broken"), source("new", fetch)):
            residency.switch("base", new)
            if new.preset.name == "new":
                await stage(residency, "base", "downloading")
                residency.cancel("base")
            await settle(residency, "base")
            assert isinstance(residency.status("base"), Parked)
            assert isinstance(residency.change("base"), ChangeFailed)
            async with residency.queue("base") as lease:
                assert await granted(lease) == "base"
            async with residency.queue("chat") as lease:
                assert await granted(lease) == "chat"


async def test_a_parked_model_comes_back_while_another_is_downloaded_for_its_slot() -> None:
    may_go_on = threading.Event()

    def fetch(job: LoadJob) -> None:
        job.report(LoadProgress("downloading"))
        assert may_go_on.wait(10)

    async with resident(room=1) as residency:
        residency.switch("base", source("new", fetch))
        await stage(residency, "base", "downloading")
        async with residency.queue("base") as lease:
            assert await granted(lease) == "base"
        assert isinstance(residency.change("base"), Changing)
        may_go_on.set()
        await settle(residency, "base")
        assert name_in(residency, "base") == "new"
        assert residency.change("base") is None


async def test_a_turn_does_not_undo_a_switch_that_was_faster() -> None:
    async with resident(room=1) as residency:
        async with residency._load_lock:
            residency.switch("base", source("new"))
            while not isinstance(residency.change("base"), Changing):
                await residency.wait_for_change("base")
            async with residency.queue("base") as lease:
                await asyncio.sleep(0)
                residency._load_lock.release()
                assert await granted(lease) in ("base", "new")
            await settle(residency, "base")
            await residency._load_lock.acquire()
        assert name_in(residency, "base") == "new"
        assert residency.change("base") is None


async def test_a_turn_that_is_cancelled_leaves_the_model_parked_and_tells_who_waits() -> None:
    async with resident(room=1) as residency, residency.queue("chat") as holder:
        assert await granted(holder) == "chat"
        async with residency.queue("base") as lease:
            await asyncio.sleep(0)
            residency.cancel("base")
            with pytest.raises(LoadCancelledError):
                await granted(lease)
        await settle(residency, "base")
        assert isinstance(residency.status("base"), Parked)


async def test_a_fault_of_any_kind_while_a_model_is_put_back_leaves_no_slot_closed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    faults = {"broken": ModelLoadError("It broke."), "chat": RuntimeError("cuda")}

    def load(self, slot, preset, *rest):  # type: ignore[no-untyped-def]
        if preset.name in faults:
            raise faults[preset.name]
        return ScriptedEngine.load(self, slot, preset, *rest)

    async with resident(room=1) as residency:
        monkeypatch.setattr(BrittleEngine, "load", load)
        residency.switch("base", source("broken"))
        await settle(residency, "base")
        status = residency.status("chat")
        assert isinstance(status, LoadFailed)
        assert "RuntimeError" in status.error.message
        faults.clear()
        residency.retry("chat")
        await settle(residency, "chat")
        async with residency.queue("chat") as lease:
            assert await granted(lease) == "chat"


async def test_a_wait_for_generations_is_told_once() -> None:
    async with resident() as residency, residency.queue("base") as lease:
        assert await granted(lease) == "base"
        residency.switch("base", source("new"))
        await stage(residency, "base", "waiting for 1 generation to finish")
        version = residency.version()
        for _ in range(100):
            await asyncio.sleep(0)
        assert residency.version() == version
        residency.cancel("base")
        await settle(residency, "base")


async def test_leases_are_no_news_to_a_page() -> None:
    async with resident() as residency:
        version = residency.version()
        async with residency.queue("base") as lease:
            assert await granted(lease) == "base"
        assert residency.version() == version


async def test_strangers_are_not_told_why_a_model_could_not_be_loaded(
    caplog: pytest.LogCaptureFixture,
) -> None:
    engine = BrittleEngine()
    residency = Residency(engine, {"base": source("broken")}, tells_reasons=False)
    residency.start()
    await settle(residency, "base")
    status = residency.status("base")
    assert isinstance(status, LoadFailed)
    assert "It broke" not in str(status.error)
    assert "It broke. Mend it." in caplog.text
    await residency.close()
    await asyncio.to_thread(engine.close)


async def test_room_is_not_measured_in_the_middle_of_another_load() -> None:
    """Half a model in memory would make the next one seem too large."""
    measured = asyncio.Event()

    class WatchedEngine(ScriptedEngine):
        def plan(self, slot, preset, folder, wish="auto", *, without=()):  # type: ignore[no-untyped-def]
            loop.call_soon_threadsafe(measured.set)
            return super().plan(slot, preset, folder, wish, without=without)

    loop = asyncio.get_running_loop()
    engine = WatchedEngine()
    preset = ModelPreset("large", "Large", shape=SHAPE)
    residency = Residency(engine, {"base": ModelSource(preset, lambda job: None)})
    async with residency._load_lock:
        residency.start()
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(measured.wait(), 0.2)
    await settle(residency, "base")
    assert measured.is_set()
    await residency.close()
    await asyncio.to_thread(engine.close)

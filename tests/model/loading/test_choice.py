"""What `auto` chooses, by what the machine holds and what the account may fetch."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from model.engine.generation import SLOTS, Slot
from model.errors import (
    DiskFullError,
    HubUnavailableError,
    LicenseNotAcceptedError,
    LoadCancelledError,
    ModelLoadError,
)
from model.loading.choice import LADDERS, AutomaticChoice
from model.loading.job import LoadJob
from model.loading.memory_plan import MemoryBudget, MemoryPlan, PrecisionPlan
from model.loading.slot import ModelSource
from model.presets import EMBEDDED_BASE, EMBEDDED_CHAT, ModelPreset, find_hub_preset

GB = 1_000_000_000
# In bfloat16, with one full context, roughly as the real ones.
SIZES = {
    "starcoder": 32,
    "starcoder2-15b": 33,
    "starcoder2-7b": 16,
    "starcoderbase-7b": 15,
    "starcoder2-3b": 7,
    "starcoderbase-3b": 7,
    "starcoderbase-1b": 3,
    "tiny_starcoder_py": 1,
    "starchat-beta": 32,
    "starchat2-15b": 33,
    "embedded": 1,
}


class Hub:
    """Refuses what it is told to, and counts whom it was asked for."""

    def __init__(self, refused: Mapping[str, ModelLoadError], cached: tuple[str, ...]) -> None:
        self._refused = refused
        self._cached = cached
        self.asked: list[str] = []

    def is_cached(self, preset: ModelPreset) -> bool:
        return preset.name in self._cached

    def check(self, preset: ModelPreset, job: LoadJob) -> None:
        self.asked.append(preset.name)
        if error := self._refused.get(preset.name, self._refused.get("*")):
            raise error


def plan_on(device: str, free: float) -> Callable[[ModelSource], MemoryPlan | None]:
    def plan(source: ModelSource) -> MemoryPlan | None:
        if source.preset.name not in SIZES:
            return None
        whole = SIZES[source.preset.name] * GB
        rows = tuple(
            PrecisionPlan(precision, int(whole * share), 0, 0, 0)
            for precision, share in (("bfloat16", 1), ("8-bit", 0.55), ("4-bit", 0.32))
        )
        budget = MemoryBudget(device, int(free * GB), (int(free * GB),))
        return MemoryPlan(source.preset.title, rows, budget, 1, 1, 0, 8192)

    return plan


def preset_source(preset: ModelPreset) -> ModelSource:
    return ModelSource(preset, lambda job: None)


def named(**names: str) -> dict[Slot, ModelSource]:
    """Sources by slot; a name that is no preset's is one that only its files tell of."""
    return {
        slot: preset_source(find_hub_preset(name) or ModelPreset(name, name))  # type: ignore[misc]
        for slot, name in names.items()
    }


def choice(
    free: float,
    *,
    device: str = "cuda:0",
    named: Mapping[Slot, ModelSource] | None = None,
    refused: Mapping[str, ModelLoadError] | None = None,
    cached: tuple[str, ...] = (),
    **options: Any,
) -> tuple[AutomaticChoice, Hub]:
    hub = Hub({} if refused is None else refused, cached)
    automatic = AutomaticChoice(
        named or {},
        plan=plan_on(device, free),
        access=hub,
        build_source=lambda slot, preset: preset_source(preset),
        **options,
    )
    return automatic, hub


def names(chosen: Mapping[Slot, ModelSource]) -> dict[str, str]:
    return {slot: f"{item.preset.name} {item.quantization}" for slot, item in chosen.items()}


JOB = LoadJob(lambda progress: None)


def test_every_rung_of_the_ladders_is_a_preset() -> None:
    for ladder in LADDERS.values():
        assert all(find_hub_preset(name) for name in ladder)


def test_a_bare_machine_gets_the_embedded_model_and_asks_nobody() -> None:
    automatic, hub = choice(16, device="cpu")
    chosen = automatic.choose(JOB)
    assert chosen["base"].preset is EMBEDDED_BASE
    assert chosen["chat"].preset is EMBEDDED_CHAT
    assert "No GPU was found" in chosen["base"].reason
    assert "--base-model tiny_starcoder_py" in chosen["base"].next_better
    assert hub.asked == []


@pytest.mark.parametrize(
    ("free", "expected"),
    [
        (80, {"base": "starcoder none", "chat": "starchat-beta none"}),
        (48, {"base": "starcoder 8bit", "chat": "starchat-beta 8bit"}),
        (24, {"base": "starcoder 4bit", "chat": "starchat-beta 4bit"}),
        (4, {"base": "starcoder2-3b 4bit", "chat": "embedded auto"}),
        (1.2, {"base": "tiny_starcoder_py 8bit", "chat": "embedded auto"}),
        (0.1, {"base": "embedded auto", "chat": "embedded auto"}),
    ],
)
def test_a_card_gets_the_largest_pair_in_the_best_precision_that_fits(
    free: float, expected: dict[str, str]
) -> None:
    automatic, _ = choice(free, may_swap=False)
    assert names(automatic.choose(JOB)) == expected


def test_two_large_models_take_turns_where_that_is_allowed() -> None:
    automatic, _ = choice(16)
    assert names(automatic.choose(JOB)) == {"base": "starcoder auto", "chat": "starchat-beta auto"}
    public, _ = choice(16, may_swap=False)
    assert names(public.choose(JOB)) == {"base": "starcoder 4bit", "chat": "embedded auto"}


def test_a_closed_gate_leads_to_the_open_sibling_and_to_the_way_in() -> None:
    gate = LicenseNotAcceptedError("Its licence is not accepted.", "Accept it at <address>.")
    automatic, _ = choice(80, refused={"starcoder": gate})
    chosen = automatic.choose(JOB)["base"]
    assert chosen.preset.name == "starcoder2-15b"
    assert chosen.next_better == (
        "StarCoder would be better. Its licence is not accepted. Accept it at <address>."
    )


def test_what_does_not_fit_is_named_with_the_figures() -> None:
    automatic, _ = choice(4, may_swap=False)
    chosen = automatic.choose(JOB)
    assert "StarCoder would be better. It needs 10.2 GB in 4-bit" in chosen["base"].next_better
    assert "StarChat" in chosen["chat"].next_better


def test_the_best_choice_has_nothing_better_to_name() -> None:
    automatic, _ = choice(80)
    assert [item.next_better for item in automatic.choose(JOB).values()] == ["", ""]


def test_a_hub_that_is_down_is_asked_once_and_what_is_cached_is_used() -> None:
    down = HubUnavailableError("The hub cannot be reached.", "Check the connection.")
    automatic, hub = choice(80, refused={"*": down}, cached=("starcoder2-3b",))
    chosen = automatic.choose(JOB)
    assert names(chosen) == {"base": "starcoder2-3b none", "chat": "embedded auto"}
    assert len(hub.asked) == 1
    assert "cannot be reached" in chosen["base"].next_better


def test_beside_a_model_that_somebody_named_the_rest_is_chosen() -> None:
    automatic, _ = choice(48, named=named(base="starcoder2-3b"))
    assert names(automatic.choose(JOB)) == {
        "base": "starcoder2-3b none",
        "chat": "starchat-beta none",
    }
    automatic, _ = choice(48, named=named(chat="starchat-beta"))
    assert names(automatic.choose(JOB)) == {"base": "starcoder 8bit", "chat": "starchat-beta 8bit"}


def test_two_models_that_somebody_named_are_held_so_that_both_fit() -> None:
    both = named(base="starcoder", chat="starchat-beta")
    automatic, hub = choice(48, named=both, may_swap=False)
    chosen = automatic.choose(JOB)
    assert names(chosen) == {"base": "starcoder 8bit", "chat": "starchat-beta 8bit"}
    assert [source.reason + source.next_better for source in chosen.values()] == ["", ""]
    assert hub.asked == []


def test_one_model_for_both_slots_is_counted_once() -> None:
    automatic, _ = choice(40, named=named(base="starchat-beta", chat="starchat-beta"))
    chosen = automatic.choose(JOB)
    assert names(chosen) == {"base": "starchat-beta none", "chat": "starchat-beta none"}


def test_a_model_of_unknown_size_is_left_to_what_its_files_will_tell() -> None:
    automatic, _ = choice(40, named=named(base="someone/model"))
    assert names(automatic.choose(JOB))["base"] == "someone/model auto"


def test_a_named_model_that_cannot_fit_is_not_exchanged_behind_anybodys_back() -> None:
    automatic, _ = choice(4, named=named(base="starcoder"), may_swap=False)
    assert names(automatic.choose(JOB)) == {"base": "starcoder auto", "chat": "embedded auto"}


def test_on_a_cpu_a_named_model_stands_beside_the_stand_in() -> None:
    automatic, hub = choice(16, device="cpu", named=named(base="starcoder2-3b"))
    chosen = automatic.choose(JOB)
    assert names(chosen) == {"base": "starcoder2-3b none", "chat": "embedded auto"}
    assert chosen["base"].reason == ""
    assert hub.asked == []


def test_a_disk_that_is_too_small_leads_to_a_smaller_sibling() -> None:
    full = DiskFullError("The disk is full.", "Free some room.")
    automatic, _ = choice(80, refused={"starcoder": full, "starcoder2-15b": full})
    chosen = automatic.choose(JOB)["base"]
    assert chosen.preset.name == "starcoder2-7b"
    assert "The disk is full. Free some room." in chosen.next_better


def test_a_choice_can_be_called_off() -> None:
    automatic, _ = choice(80, refused={"*": LoadCancelledError("Called off.")})
    with pytest.raises(LoadCancelledError):
        automatic.choose(JOB)


def test_a_retry_looks_again_and_the_two_slots_look_once() -> None:
    refused: dict[str, ModelLoadError] = {"starcoder": LicenseNotAcceptedError("Gated.", "Accept.")}
    automatic, hub = choice(80, refused=refused)
    resolve = {slot: automatic.source(slot).resolve for slot in SLOTS}
    assert resolve["base"] is not None
    assert resolve["chat"] is not None
    assert resolve["base"](JOB).preset.name == "starcoder2-15b"
    num_asked = len(hub.asked)
    refused.clear()
    again = resolve["base"](JOB)
    assert again.preset.name == "starcoder"
    assert again.quantization == "none"
    assert again.reason == "Chosen for cuda:0 with 80 GB free."
    refused["starchat-beta"] = LicenseNotAcceptedError("Gated.", "Accept.")
    assert resolve["chat"](JOB).preset.name == "starchat2-15b"
    assert len(hub.asked) > num_asked


def test_the_second_slot_takes_what_was_chosen_with_the_first() -> None:
    automatic, hub = choice(80)
    resolve = {slot: automatic.source(slot).resolve for slot in SLOTS}
    assert resolve["base"] is not None
    assert resolve["chat"] is not None
    resolve["base"](JOB)
    num_asked = len(hub.asked)
    assert resolve["chat"](JOB).preset.name == "starchat-beta"
    assert len(hub.asked) == num_asked

"""What `auto` chooses, by what the machine holds and what the account may fetch."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pytest

from model.engine.generation import SLOTS, Slot
from model.errors import HubUnavailableError, LicenseNotAcceptedError, ModelLoadError
from model.loading.choice import LADDERS, AutomaticChoice, Chosen
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

    def check(self, preset: ModelPreset) -> None:
        self.asked.append(preset.name)
        if error := self._refused.get(preset.name, self._refused.get("*")):
            raise error


def plan_on(device: str, free: float) -> Callable[[ModelPreset], MemoryPlan]:
    def plan(preset: ModelPreset) -> MemoryPlan:
        whole = SIZES[preset.name] * GB
        rows = tuple(
            PrecisionPlan(precision, int(whole * share), 0, 0, 0)
            for precision, share in (("bfloat16", 1), ("8-bit", 0.55), ("4-bit", 0.32))
        )
        budget = MemoryBudget(device, int(free * GB), (int(free * GB),))
        return MemoryPlan(preset.title, rows, budget, 1, 1, 0, 8192)

    return plan


def choice(
    free: float,
    *,
    device: str = "cuda:0",
    slots: tuple[Slot, ...] = SLOTS,
    fixed: ModelPreset | None = None,
    refused: Mapping[str, ModelLoadError] | None = None,
    cached: tuple[str, ...] = (),
    **options: bool,
) -> tuple[AutomaticChoice, Hub]:
    hub = Hub(refused or {}, cached)
    automatic = AutomaticChoice(
        slots,
        fixed=fixed,
        plan=plan_on(device, free),
        access=hub,
        build_source=lambda slot, preset: ModelSource(preset, lambda job: None),
        **options,  # type: ignore[arg-type]
    )
    return automatic, hub


def names(chosen: Mapping[Slot, Chosen]) -> dict[str, str]:
    return {slot: f"{item.preset.name} {item.quantization}" for slot, item in chosen.items()}


def test_every_rung_of_the_ladders_is_a_preset() -> None:
    for ladder in LADDERS.values():
        assert all(find_hub_preset(name) for name in ladder)


def test_a_bare_machine_gets_the_embedded_model_and_asks_nobody() -> None:
    automatic, hub = choice(16, device="cpu")
    chosen = automatic.choose()
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
    assert names(automatic.choose()) == expected


def test_two_large_models_take_turns_where_that_is_allowed() -> None:
    automatic, _ = choice(16)
    assert names(automatic.choose()) == {"base": "starcoder auto", "chat": "starchat-beta auto"}
    public, _ = choice(16, may_swap=False)
    assert names(public.choose()) == {"base": "starcoder 4bit", "chat": "embedded auto"}


def test_a_closed_gate_leads_to_the_open_sibling_and_to_the_way_in() -> None:
    gate = LicenseNotAcceptedError("Its licence is not accepted.", "Accept it at <address>.")
    automatic, _ = choice(80, refused={"starcoder": gate})
    chosen = automatic.choose()["base"]
    assert chosen.preset.name == "starcoder2-15b"
    assert chosen.next_better == (
        "StarCoder would be better. Its licence is not accepted. Accept it at <address>."
    )


def test_what_does_not_fit_is_named_with_the_figures() -> None:
    automatic, _ = choice(4, may_swap=False)
    chosen = automatic.choose()
    assert "StarCoder would be better. It needs 10.2 GB in 4-bit" in chosen["base"].next_better
    assert "StarChat" in chosen["chat"].next_better


def test_the_best_choice_has_nothing_better_to_name() -> None:
    automatic, _ = choice(80)
    assert [item.next_better for item in automatic.choose().values()] == ["", ""]


def test_a_hub_that_is_down_is_asked_once_and_what_is_cached_is_used() -> None:
    down = HubUnavailableError("The hub cannot be reached.", "Check the connection.")
    automatic, hub = choice(80, refused={"*": down}, cached=("starcoder2-3b",))
    chosen = automatic.choose()
    assert names(chosen) == {"base": "starcoder2-3b none", "chat": "embedded auto"}
    assert len(hub.asked) == 1
    assert "cannot be reached" in chosen["base"].next_better


def test_beside_a_model_that_somebody_named_the_rest_is_chosen() -> None:
    automatic, _ = choice(48, slots=("chat",), fixed=find_hub_preset("starcoder2-3b"))
    assert names(automatic.choose()) == {"chat": "starchat-beta none"}


def test_a_retry_looks_again_and_the_two_slots_look_once() -> None:
    refused: dict[str, ModelLoadError] = {"starcoder": LicenseNotAcceptedError("Gated.", "Accept.")}
    automatic, hub = choice(80, refused=refused)
    job = LoadJob(lambda progress: None)
    sources = {slot: automatic.source(slot) for slot in SLOTS}
    resolve = {slot: source.resolve for slot, source in sources.items()}
    assert resolve["base"] is not None
    assert resolve["chat"] is not None
    assert resolve["base"](job).preset.name == "starcoder2-15b"
    num_asked = len(hub.asked)
    assert resolve["chat"](job).preset.name == "starchat-beta"
    assert len(hub.asked) == num_asked
    refused.clear()
    again = resolve["base"](job)
    assert again.preset.name == "starcoder"
    assert again.quantization == "none"
    assert again.reason == "Chosen for cuda:0 with 80 GB free."

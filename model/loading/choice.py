"""`auto`: the models that this machine can hold and this account may fetch."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Protocol

from model.engine.generation import SLOTS, Slot
from model.errors import HubOfflineError, HubUnavailableError, ModelLoadError
from model.loading.job import LoadJob
from model.loading.memory_plan import MemoryPlan, PrecisionPlan, Quantization, QuantizationWish
from model.loading.slot import ModelSource
from model.presets import EMBEDDED_BASE, EMBEDDED_CHAT, ModelPreset, find_hub_preset

AUTO = "auto"

# Best first. Where the account was not let in to StarCoder, its open successor comes next.
LADDERS: Mapping[Slot, tuple[str, ...]] = {
    "base": (
        "starcoder",
        "starcoder2-15b",
        "starcoder2-7b",
        "starcoderbase-7b",
        "starcoder2-3b",
        "starcoderbase-3b",
        "starcoderbase-1b",
        "tiny_starcoder_py",
    ),
    "chat": ("starchat-beta", "starchat2-15b"),
}
STAND_INS: Mapping[Slot, ModelPreset] = {"base": EMBEDDED_BASE, "chat": EMBEDDED_CHAT}
CPU_ADVICE = (
    "StarCoder needs a GPU. The next better model for this machine: "
    "python app.py --base-model tiny_starcoder_py"
)

Plan = Callable[[ModelPreset], MemoryPlan]


class Access(Protocol):
    """Whether this machine has, or this account may fetch, a model's files."""

    def is_cached(self, preset: ModelPreset) -> bool:
        """Whether all of them are here; asks nobody."""
        ...

    def check(self, preset: ModelPreset) -> None:
        """Ask the hub.

        Raises:
            ModelLoadError: what stands in the way.
        """
        ...


@dataclass(frozen=True, slots=True)
class Chosen:
    """A slot's model, how its weights are held, and why; see `ModelSource`."""

    preset: ModelPreset
    quantization: QuantizationWish
    reason: str
    next_better: str


class AutomaticChoice:
    """Chooses for every slot that was left to it, together, when the first of them is loaded.

    Args:
        slots: those that are left to it.
        fixed: the model that somebody named for the other slot, if its memory can be planned.
        plan: a model's memory plan, with the memory of every slot counted as free.
        access: to the models' files.
        build_source: the source of a preset.
        wish: how weights may be held.
        may_swap: two models that do not fit together may take turns.
    """

    def __init__(
        self,
        slots: tuple[Slot, ...],
        *,
        fixed: ModelPreset | None,
        plan: Plan,
        access: Access,
        build_source: Callable[[Slot, ModelPreset], ModelSource],
        wish: QuantizationWish = "auto",
        may_swap: bool = True,
    ) -> None:
        self._slots = slots
        self._fixed = fixed
        self._plan = plan
        self._access = access
        self._build_source = build_source
        self._wish = wish
        self._may_swap = may_swap
        self._chosen: dict[Slot, Chosen] = {}

    def source(self, slot: Slot) -> ModelSource:
        """The source to load `slot` from: it chooses when it is loaded, and anew at a retry."""

        def fetch(job: LoadJob) -> None:
            raise AssertionError("a source that chooses is resolved before it is fetched")

        preset = ModelPreset(AUTO, "Automatic choice")
        return ModelSource(preset, fetch, resolve=lambda job: self._resolve(slot))

    def _resolve(self, slot: Slot) -> ModelSource:
        if slot not in self._chosen:
            self._chosen = self.choose()
        # Taken once: a retry looks at the machine and the account as they are then.
        chosen = self._chosen.pop(slot)
        return replace(
            self._build_source(slot, chosen.preset),
            quantization=chosen.quantization,
            reason=chosen.reason,
            next_better=chosen.next_better,
        )

    def choose(self) -> dict[Slot, Chosen]:
        budget = self._plan(EMBEDDED_BASE).budget
        if budget.device == "cpu":
            reason = "No GPU was found, so the embedded stand-in serves."
            return {
                slot: Chosen(STAND_INS[slot], self._wish, reason, CPU_ADVICE)
                for slot in self._slots
            }
        search = _Search(self._plan, self._access, self._wish, budget.free)
        if self._slots == SLOTS:
            pair = search.pair(may_swap=self._may_swap)
        else:
            pair = search.single(self._slots[0], self._fixed)
        gigabytes = budget.free / 1e9
        reason = f"Chosen for {budget.device} with {gigabytes:,.0f} GB free."
        return {
            slot: Chosen(preset, quantization, reason, search.next_better(slot, preset))
            for slot, (preset, quantization) in pair.items()
        }


Pick = tuple[ModelPreset, QuantizationWish]


class _Search:
    """One look for what fits and may be fetched. Remembers what stood in the way of what."""

    def __init__(self, plan: Plan, access: Access, wish: QuantizationWish, free: int) -> None:
        self._plan = plan
        self._access = access
        self._wish = wish
        self._free = free
        self._obstacles: dict[str, str] = {}
        self._is_allowed: dict[str, bool] = {}
        self._hub_error: ModelLoadError | None = None

    def pair(self, *, may_swap: bool) -> dict[Slot, Pick]:
        """Base and chat model: together in the best precision, or by turns, or with a stand-in."""
        # At the least the chat model's stand-in has to stand beside it.
        rest = max(0, self._free - self._smallest(EMBEDDED_CHAT).total)
        for base in self._candidates("base", rest):
            for chat in self._candidates("chat", self._free):
                quantization = self._together(base, chat)
                if quantization is not None:
                    return {"base": (base, quantization), "chat": (chat, quantization)}
            chats = self._candidates("chat", self._free) if may_swap else iter(())
            chat = next(chats, EMBEDDED_CHAT)
            if not chat.is_stand_in:
                return {"base": (base, self._wish), "chat": (chat, self._wish)}
            return {"base": (base, self._best(base, rest)), "chat": (EMBEDDED_CHAT, self._wish)}
        return {slot: (STAND_INS[slot], self._wish) for slot in SLOTS}

    def single(self, slot: Slot, fixed: ModelPreset | None) -> dict[Slot, Pick]:
        """One slot's model, beside the other's."""
        free = self._free - (self._smallest(fixed).total if fixed is not None else 0)
        for preset in self._candidates(slot, free):
            return {slot: (preset, self._best(preset, free))}
        return {slot: (STAND_INS[slot], self._wish)}

    def next_better(self, slot: Slot, chosen: ModelPreset) -> str:
        """What stands between here and the best model that was not chosen, with the way past it."""
        for name in LADDERS[slot]:
            preset = _preset(name)
            if preset == chosen:
                return ""
            if obstacle := self._obstacles.get(name):
                return f"{preset.title} would be better. {obstacle}"
        return ""

    def _candidates(self, slot: Slot, free: int) -> Iterator[ModelPreset]:
        """Models of the slot's ladder that fit into `free` alone and may be fetched."""
        for name in LADDERS[slot]:
            preset = _preset(name)
            least = min(self._rows(preset), key=lambda row: row.total)
            if least.total > free:
                self._obstacles.setdefault(
                    name,
                    f"It needs {least.total / 1e9:,.1f} GB in {least.precision}, and "
                    f"{free / 1e9:,.1f} GB are free for it.",
                )
            elif self._may_fetch(preset):
                yield preset

    def _may_fetch(self, preset: ModelPreset) -> bool:
        if preset.name not in self._is_allowed:
            self._is_allowed[preset.name] = self._access.is_cached(preset) or self._ask(preset)
        return self._is_allowed[preset.name]

    def _ask(self, preset: ModelPreset) -> bool:
        error = self._hub_error
        if error is None:
            try:
                self._access.check(preset)
                return True
            except (HubUnavailableError, HubOfflineError) as known:
                # It will not answer for the next model either, and each try takes seconds.
                error = self._hub_error = known
            except ModelLoadError as known:
                error = known
        self._obstacles[preset.name] = str(error)
        return False

    def _together(self, base: ModelPreset, chat: ModelPreset) -> Quantization | None:
        """The best way to hold both at once; None where they do not fit."""
        chats = {row.quantization: row for row in self._rows(chat)}
        for row in self._rows(base):
            other = chats.get(row.quantization)
            if other is not None and row.total + other.total <= self._free:
                return row.quantization
        return None

    def _best(self, preset: ModelPreset, free: int) -> QuantizationWish:
        fitting = (row.quantization for row in self._rows(preset) if row.total <= free)
        return next(fitting, self._wish)

    def _smallest(self, preset: ModelPreset) -> PrecisionPlan:
        return min(self._rows(preset), key=lambda row: row.total)

    def _rows(self, preset: ModelPreset) -> list[PrecisionPlan]:
        """Widest first, those that the operator allows."""
        rows = self._plan(preset).rows
        return [row for row in rows if self._wish in ("auto", row.quantization)]


def _preset(name: str) -> ModelPreset:
    preset = find_hub_preset(name)
    assert preset is not None, name
    return preset

"""`auto`: the models that this machine can hold and this account may fetch."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Protocol

from model.engine.generation import SLOTS, Slot
from model.errors import (
    HubOfflineError,
    HubUnavailableError,
    LoadCancelledError,
    ModelLoadError,
)
from model.loading.job import LoadJob
from model.loading.memory_plan import MemoryPlan, PrecisionPlan, QuantizationWish
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

# A model's memory plan, with the memory of every slot counted as free; None where only the
# checkpoint itself would tell.
Plan = Callable[[ModelSource], MemoryPlan | None]


class Access(Protocol):
    """Whether this machine has, or this account may fetch, a model's files."""

    def is_cached(self, preset: ModelPreset) -> bool:
        """Whether all of them are here; asks nobody."""
        ...

    def check(self, preset: ModelPreset, job: LoadJob) -> None:
        """Ask the hub.

        Raises:
            ModelLoadError: what stands in the way.
        """
        ...


class AutomaticChoice:
    """Decides for both slots together, when the first of them is loaded: which model, where that
    was left to it, and how the weights are held, so that both fit.

    Args:
        named: the models that somebody named.
        plan: see `Plan`.
        access: to the models' files.
        build_source: the source of a preset.
        wish: how weights may be held.
        may_swap: two models that do not fit together may take turns.
    """

    def __init__(
        self,
        named: Mapping[Slot, ModelSource],
        *,
        plan: Plan,
        access: Access,
        build_source: Callable[[Slot, ModelPreset], ModelSource],
        wish: QuantizationWish = "auto",
        may_swap: bool = True,
    ) -> None:
        self._named = named
        self._plan = plan
        self._access = access
        self._build_source = build_source
        self._wish = wish
        self._may_swap = may_swap
        self._chosen: dict[Slot, ModelSource] | None = None

    def source(self, slot: Slot) -> ModelSource:
        """The source to load `slot` from: it decides when it is loaded, and anew at a retry."""

        def fetch(job: LoadJob) -> None:
            raise AssertionError("a source that decides is resolved before it is fetched")

        def resolve(job: LoadJob) -> ModelSource:
            return self._resolve(slot, job)

        named = self._named.get(slot)
        if named is not None:
            return replace(named, resolve=resolve)
        return ModelSource(ModelPreset(AUTO, "Automatic choice"), fetch, resolve=resolve)

    def _resolve(self, slot: Slot, job: LoadJob) -> ModelSource:
        if self._chosen is None:
            self._chosen = self.choose(job)
        elif slot not in self._chosen:
            # Taken before: a retry looks at the machine and the account as they are now.
            self._chosen = {slot: self.choose(job)[slot]}
        return self._chosen.pop(slot)

    def choose(self, job: LoadJob) -> dict[Slot, ModelSource]:
        """The source of each slot.

        Raises:
            LoadCancelledError: `job` was called off.
        """
        stand_ins = {slot: self._build_source(slot, STAND_INS[slot]) for slot in SLOTS}
        plan = self._plan(stand_ins["base"])
        if plan is None:
            return {slot: self._named.get(slot, stand_ins[slot]) for slot in SLOTS}
        budget = plan.budget
        has_gpu = budget.device != "cpu"
        ladders = {
            slot: [self._build_source(slot, _preset(name)) for name in LADDERS[slot]]
            if has_gpu
            else []
            for slot in SLOTS
        }
        search = _Search(
            ladders, self._named, stand_ins, self._plan, self._access, self._wish, budget.free, job
        )
        reason = f"Chosen for {budget.device} with {budget.free / 1e9:,.0f} GB free."
        if not has_gpu:
            reason = "No GPU was found, so the embedded stand-in serves."
        return {
            slot: source
            if slot in self._named
            else replace(
                source,
                reason=reason,
                next_better=search.next_better(slot, source) if has_gpu else CPU_ADVICE,
            )
            for slot, source in search.pair(may_swap=self._may_swap).items()
        }


class _Search:
    """One look for what fits and may be fetched. Remembers what stood in the way of what."""

    def __init__(
        self,
        ladders: Mapping[Slot, Sequence[ModelSource]],
        named: Mapping[Slot, ModelSource],
        stand_ins: Mapping[Slot, ModelSource],
        plan: Plan,
        access: Access,
        wish: QuantizationWish,
        free: int,
        job: LoadJob,
    ) -> None:
        self._ladders = ladders
        self._named = named
        self._stand_ins = stand_ins
        self._plan = plan
        self._access = access
        self._wish = wish
        self._free = free
        self._job = job
        self._obstacles: dict[str, str] = {}
        self._is_allowed: dict[str, bool] = {}
        self._hub_error: ModelLoadError | None = None

    def pair(self, *, may_swap: bool) -> dict[Slot, ModelSource]:
        """Base and chat model: together in the best precision, or by turns, or with a stand-in."""
        stand_in = self._named.get("chat", self._stand_ins["chat"])
        # At the least the other slot's smallest has to stand beside it.
        rest = max(0, self._free - self._least(stand_in))
        for base in self._candidates("base", rest):
            for chat in self._candidates("chat", self._free):
                quantization = self._together(base, chat)
                if quantization is not None:
                    return _held(base, quantization, chat, quantization)
            chats = self._candidates("chat", self._free) if may_swap else iter(())
            chat = next(chats, stand_in)
            if chat is not self._stand_ins["chat"]:
                return _held(base, self._wish, chat, self._wish)
            return _held(base, self._best(base, rest), chat, self._wish)
        base = self._stand_ins["base"]
        rest = max(0, self._free - self._least(base))
        chat = next(self._candidates("chat", rest), stand_in)
        return _held(base, self._wish, chat, self._best(chat, rest))

    def next_better(self, slot: Slot, chosen: ModelSource) -> str:
        """What stands between here and the best model that was not chosen, with the way past it."""
        for source in self._ladders[slot]:
            if source.preset == chosen.preset:
                return ""
            if obstacle := self._obstacles.get(source.preset.name):
                return f"{source.preset.title} would be better. {obstacle}"
        return ""

    def _candidates(self, slot: Slot, free: int) -> Iterator[ModelSource]:
        """What was named; else the models of the ladder that fit into `free` alone and may be
        fetched."""
        if slot in self._named:
            yield self._named[slot]
            return
        for source in self._ladders[slot]:
            least = min(self._rows(source), key=lambda row: row.total)
            if least.total > free:
                self._obstacles.setdefault(
                    source.preset.name,
                    f"It needs {least.total / 1e9:,.1f} GB in {least.precision}, and "
                    f"{free / 1e9:,.1f} GB are free for it.",
                )
            elif self._may_fetch(source.preset):
                yield source

    def _may_fetch(self, preset: ModelPreset) -> bool:
        if preset.name not in self._is_allowed:
            self._is_allowed[preset.name] = self._access.is_cached(preset) or self._ask(preset)
        return self._is_allowed[preset.name]

    def _ask(self, preset: ModelPreset) -> bool:
        error = self._hub_error
        if error is None:
            try:
                self._access.check(preset, self._job)
                return True
            except LoadCancelledError:
                raise
            except (HubUnavailableError, HubOfflineError) as known:
                # It will not answer for the next model either, and each try takes seconds.
                error = self._hub_error = known
            except ModelLoadError as known:
                error = known
        self._obstacles[preset.name] = str(error)
        return False

    def _together(self, base: ModelSource, chat: ModelSource) -> QuantizationWish | None:
        """The best way to hold both at once; None where they do not fit."""
        bases, chats = self._rows(base), self._rows(chat)
        if not bases or not chats:
            return self._wish  # only their files will tell
        if base.preset == chat.preset:
            return next((row.quantization for row in bases if row.total <= self._free), None)
        others = {row.quantization: row for row in chats}
        for row in bases:
            other = others.get(row.quantization)
            if other is not None and row.total + other.total <= self._free:
                return row.quantization
        return None

    def _best(self, source: ModelSource, free: int) -> QuantizationWish:
        fitting = (row.quantization for row in self._rows(source) if row.total <= free)
        return next(fitting, self._wish)

    def _least(self, source: ModelSource) -> int:
        return min((row.total for row in self._rows(source)), default=0)

    def _rows(self, source: ModelSource) -> list[PrecisionPlan]:
        """Widest first, those that the operator allows; none where only its files will tell."""
        plan = self._plan(source)
        rows = () if plan is None else plan.rows
        return [row for row in rows if self._wish in ("auto", row.quantization)]


def _held(
    base: ModelSource, base_held: QuantizationWish, chat: ModelSource, chat_held: QuantizationWish
) -> dict[Slot, ModelSource]:
    return {
        "base": replace(base, quantization=base_held),
        "chat": replace(chat, quantization=chat_held),
    }


def _preset(name: str) -> ModelPreset:
    preset = find_hub_preset(name)
    assert preset is not None, name
    return preset

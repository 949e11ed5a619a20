"""Whether a model fits, how its weights are then held, and who has to leave for it.

Blocks for a moment, as the engine's plan does: call it off the event loop.
"""

from __future__ import annotations

from dataclasses import dataclass

from model.engine.base import Engine
from model.engine.generation import Slot
from model.errors import DoesNotFitError
from model.loading.memory_plan import MemoryPlan, Quantization
from model.loading.slot import Checkpoint, Description, ModelSource


@dataclass(frozen=True, slots=True)
class Room:
    """How a model gets into memory.

    `quantization` None: as the copy that is there already. `leaving`: whose models make room.
    """

    plan: MemoryPlan | None
    quantization: Quantization | None
    leaving: tuple[Slot, ...]


def find_room(
    engine: Engine, slot: Slot, checkpoint: Checkpoint, may_leave: tuple[Slot, ...]
) -> Room:
    """Room for a checkpoint that is here.

    The slot's own model leaves in any case, so the precision is the best without it. Where that
    fits beside it too, it stays until the new one is there, and a failure costs nothing. Then
    comes the other slot's model, and only then main memory, for who asked for it.

    Args:
        may_leave: the slot itself, and whose models may leave for it.

    Raises:
        DoesNotFitError: there is no room, whoever leaves.
    """
    wish = checkpoint.source.quantization

    def plan(leaving: tuple[Slot, ...]) -> MemoryPlan | None:
        return engine.plan(slot, checkpoint.preset, checkpoint.folder, wish, without=leaving)

    alone = plan((slot,))
    if alone is None:
        return Room(None, None, ())
    choices: list[tuple[MemoryPlan, tuple[Slot, ...]]] = [(alone, (slot,))]
    if len(may_leave) > 1 and (everything := plan(may_leave)) is not None:
        choices.append((everything, may_leave))
    for may_offload in (False, True):
        for each, leaving in choices:
            row = each.choose(wish, may_offload=may_offload)
            if row is None:
                continue
            beside = plan(())
            if beside is not None and any(map(beside.fits, beside.rows_for(row.quantization))):
                return Room(beside, row.quantization, ())
            return Room(each, row.quantization, leaving)
    raise does_not_fit(choices[-1][0])


def check_size(
    engine: Engine, slot: Slot, source: ModelSource, known: Description, may_leave: tuple[Slot, ...]
) -> None:
    """Look, before a checkpoint is fetched, whether it can fit at all.

    Raises:
        DoesNotFitError: not even with all that may leave gone.
    """
    plan = engine.plan(
        slot, known.preset, known.config_folder, source.quantization, without=may_leave
    )
    if plan is not None and plan.choose(source.quantization, may_offload=True) is None:
        raise does_not_fit(plan)


def does_not_fit(plan: MemoryPlan) -> DoesNotFitError:
    needs = ", ".join(f"{_gigabytes(row.total)} in {row.precision}" for row in plan.rows)
    return DoesNotFitError(
        f"{plan.title} does not fit: with one full context it needs {needs}, and "
        f"{_gigabytes(plan.budget.free)} are free on {plan.budget.device}.",
        "Choose a smaller model, let it be quantised (--quantization auto), or free memory; then "
        "retry. Nothing was loaded.",
        plan,
    )


def _gigabytes(num_bytes: int) -> str:
    return f"{num_bytes / 1e9:,.1f} GB"
